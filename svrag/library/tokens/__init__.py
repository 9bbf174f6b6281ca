"""Token vectors on disk: append-only segments, and the index over them."""

from __future__ import annotations
