"""The project's retrievers, open for training: items in, token vectors with gradients out, adapters saved."""
