"""Fine-tuning the project's retrievers: one recipe in YAML, one command, on any number of processes."""
