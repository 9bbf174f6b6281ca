"""Training data out of data: hard negatives that a retriever finds, and scores that a teacher gives."""
