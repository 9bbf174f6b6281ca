"""What a command comes to, as the exit status that scripts test."""

from __future__ import annotations

DONE, FAILED, USAGE, SKIPPED = 0, 1, 2, 3
