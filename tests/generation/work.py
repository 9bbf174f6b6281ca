"""What a process and those that it started have worked."""

from __future__ import annotations

import time

import psutil


def seconds_of_work(pid: int) -> float:
    """Processor time of a process and of the processes it started."""
    first = psutil.Process(pid)
    times = [process.cpu_times() for process in [first, *first.children(recursive=True)]]
    return float(sum(spent.user + spent.system for spent in times))


def until_idle(pid: int) -> float:
    """Its work when it has stopped working."""
    end, last = time.monotonic() + 60, seconds_of_work(pid)
    while time.monotonic() < end:
        time.sleep(0.5)
        now = seconds_of_work(pid)
        if now - last < 0.1:
            return now
        last = now
    raise AssertionError("it goes on and on")
