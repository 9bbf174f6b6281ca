"""Training data of every kind, as `svrag.training.batch.Example`."""
