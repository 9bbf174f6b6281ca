"""Token vectors of pages and elements on disk: one index per model, added to, searched and cleared while in use."""

from __future__ import annotations
