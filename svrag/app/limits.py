"""What one user may ask of the server: sizes, pages, and how often. Numbers and clocks; nothing of HTTP."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed; 0 means without limit.

    Attributes:
        upload_mb: megabytes (10^6 bytes) of all files of one request.
        pages: of one document.
        rate: requests to the interface and questions of the page, per user and minute; who is alone on this machine has
            none.
    """

    upload_mb: int = 500
    pages: int = 5000
    rate: int = 600

    @property
    def upload_bytes(self) -> int:
        return self.upload_mb * 1_000_000


class Rate:
    """So many in a minute for each name, and no more than that at once (a token bucket). Safe in several threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> what is left, at what time
        self._lock = threading.Lock()

    def wait(self, name: str) -> float:
        """0 when `name` may go on, which counts; otherwise the seconds after which it may try again."""
        if not self._most:
            return 0.0
        now = self._clock()
        with self._lock:
            left, then = self._left.pop(name, (self._most, now))
            left = min(self._most, left + (now - then) * self._most / 60)
            allowed = left >= 1.0
            self._left[name] = (left - 1.0 if allowed else left, now)
            if len(self._left) > _MOST_NAMES:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) * 60 / self._most
