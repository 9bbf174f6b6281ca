"""The retriever that weighs learnt terms: sparse vectors over a vocabulary (SPLADE)."""

from __future__ import annotations
