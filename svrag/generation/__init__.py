"""From a question and its evidence to an answer with citations. Import its modules by name."""
