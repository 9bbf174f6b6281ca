"""Encoders that turn a question, a page's picture or a text into one vector per token (late interaction)."""

from __future__ import annotations
