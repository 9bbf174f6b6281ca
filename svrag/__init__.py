"""svrag: ask questions of long, figure-heavy documents and see the evidence.

The Python calls are those of the command line:

    from svrag.library.store import Library
    from svrag.library.ingest import add_paths
    from svrag.search.engine import search

This module imports nothing, so that `svrag --help` answers at once.
"""

from __future__ import annotations

__version__ = "0.1.0"
