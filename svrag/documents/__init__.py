"""Files into pages and elements."""

from __future__ import annotations
