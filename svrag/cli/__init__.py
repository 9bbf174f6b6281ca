"""The command line: one module per noun, `program` puts them together."""

from __future__ import annotations

from svrag.cli.program import entry, main

__all__ = ["entry", "main"]
