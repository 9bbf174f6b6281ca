"""From a question to ranked elements and pages."""

from __future__ import annotations
