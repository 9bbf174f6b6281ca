"""Scoring: what bears on a question. Knows texts and models, not storage."""

from __future__ import annotations
