"""The element-graph encoder: figures and texts of documents as token vectors that know their place in the graph."""

from __future__ import annotations
