"""The retriever that needs no model: words, fields, BM25."""

from __future__ import annotations
