"""Typed edges between the elements of a document."""

from __future__ import annotations
