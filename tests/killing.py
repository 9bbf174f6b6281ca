"""A program that is killed while it writes, to see what it leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path


def killed(program: str, *arguments: str, after: float) -> str:
    """What a Python program printed after its first line, "ready", and before SIGKILL that many seconds later."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read()
    process.wait()
    process.stdout.close()
    return said
