"""Benchmarks: the same search and ask that users call, measured against published questions and evidence."""
