"""Counts and times of the server in Prometheus' text format, version 0.0.4. Sums and no names: nothing of any user."""

from __future__ import annotations

import threading
from collections import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_GROUPS = ("/api/ask", "/api/search", "/api", "/v1", "/mcp")
_KNOWN_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})


class Metrics:
    """Safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[str, list[float]] = {}  # group -> requests up to each bound, all, their sum

    def count(self, path: str, method: str, status: int, seconds: float) -> None:
        """Note a request that is over."""
        group = next((group for group in _GROUPS if path == group or path.startswith(group + "/")), "page")
        method = method if method in _KNOWN_METHODS else "other"
        with self._lock:
            self._requests[group, method, status] += 1
            times = self._seconds.setdefault(group, [0.0] * (len(_SECONDS) + 2))
            for i, bound in enumerate(_SECONDS):
                times[i] += seconds <= bound
            times[-2] += 1
            times[-1] += seconds

    def text(self, *, jobs_running: int) -> str:
        """All of it, as a scraper reads it."""
        with self._lock:
            requests = sorted(self._requests.items())
            seconds = sorted((group, list(times)) for group, times in self._seconds.items())
        lines = [
            "# HELP svrag_requests_total Requests, by part of the server, method and status.",
            "# TYPE svrag_requests_total counter",
        ]
        lines += [
            f'svrag_requests_total{{part="{group}",method="{method}",status="{status}"}} {count}'
            for (group, method, status), count in requests
        ]
        lines += [
            "# HELP svrag_request_seconds How long requests took, to the last byte.",
            "# TYPE svrag_request_seconds histogram",
        ]
        for group, (*below, count, total) in seconds:
            lines += [
                f'svrag_request_seconds_bucket{{part="{group}",le="{bound:g}"}} {number:g}'
                for bound, number in zip(_SECONDS, below, strict=True)
            ]
            lines += [
                f'svrag_request_seconds_bucket{{part="{group}",le="+Inf"}} {count:g}',
                f'svrag_request_seconds_sum{{part="{group}"}} {total:.6f}',
                f'svrag_request_seconds_count{{part="{group}"}} {count:g}',
            ]
        lines += [
            "# HELP svrag_jobs_running Additions that are not over.",
            "# TYPE svrag_jobs_running gauge",
            f"svrag_jobs_running {jobs_running}",
        ]
        return "\n".join(lines) + "\n"
