"""MaxSim over token vectors: how they are shortened, pooled and scanned. Knows arrays; neither models nor files."""

from __future__ import annotations
