"""What training makes small. One loss per file; each gives one value per question and knows nothing of models."""
