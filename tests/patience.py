"""How long a test waits for another process or thread: far longer than any machine needs, so that only what never comes
fails. A busy machine takes twenty times what an idle one does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds


def until(condition: Callable[[], object]) -> None:
    """Return once `condition` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
