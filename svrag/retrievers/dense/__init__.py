"""The retriever that compares meanings: one vector per passage from any text encoder."""

from __future__ import annotations
