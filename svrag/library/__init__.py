"""What was added, kept on disk."""

from __future__ import annotations
