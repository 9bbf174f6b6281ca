"""`python -m svrag` is the command line."""

from __future__ import annotations

from svrag.cli import entry

entry()
