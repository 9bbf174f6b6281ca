"""For tools that still ask for it: everything is in pyproject.toml."""

from __future__ import annotations

from setuptools import setup

setup()
