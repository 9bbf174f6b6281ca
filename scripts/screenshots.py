"""Screenshots of the app for the README, taken of the served app in headless Chromium: `make screenshots`.

The demo documents are read into a library of their own; what is asked are questions of demo_data.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.app.browser import Browser, browser_path  # noqa: E402  # a script of this repository, not of the package

_QUESTION = "What does Table 4 say about the total cost of a collector?"
_WAIT = 60.0  # seconds
_WIDE, _PHONE = (1440, 900), (420, 860)


@contextmanager
def served(library: Path) -> Iterator[str]:
    """The address of the app for `library`."""
    command = [sys.executable, str(ROOT / "app.py"), "--library", str(library), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(library.parent / "uploads")}
    process = subprocess.Popen(command, cwd=library.parent, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.search(r"http://[\w.]+:\d+", process.stdout.readline())
        if found is None:
            raise SystemExit("the app did not start")
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def take(browser: Browser, address: str, folder: Path) -> None:
    """The first sight, an answer with the table on its page, the connections in the dark, and an answer on a phone."""
    browser.open(address)
    browser.wait("!!document.querySelector('.sv-example')", _WAIT)
    _keep(browser, folder / "start.png")
    browser.type("#sv-ask textarea", _QUESTION)
    browser.press_enter()
    browser.wait("!!document.querySelector('#sv-current .sv-cite')", _WAIT)
    browser.click(".sv-cite")
    browser.wait("document.querySelector('.sv-sheet img')?.naturalWidth", _WAIT)
    _keep(browser, folder / "answer.png")
    browser.click(".sv-tools [data-action=everything]")
    browser.wait("!!document.querySelector('.sv-other')", _WAIT)
    browser.click(".sv-tools [data-action=graph]")
    browser.wait("!!document.querySelector('.sv-graph')", _WAIT)
    browser.click("[data-local=theme]")
    _keep(browser, folder / "connections.png")
    browser.click("[data-local=theme]")
    browser.click("[data-action=close]")
    browser.wait("!document.querySelector('.sv-page')", _WAIT)
    browser.resize(*_PHONE)
    _keep(browser, folder / "phone.png")


def _keep(browser: Browser, path: Path) -> None:
    """With few colours: a third of the size, and no difference to the eye."""
    browser.value("new Promise((done) => setTimeout(done, 600))")  # what moves has come to rest
    browser.picture(path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder for the pictures (default: docs)")
    out = parser.parse_args().out
    program = browser_path()
    if program is None:
        raise SystemExit("no Chromium or Chrome on this machine: install one")
    with tempfile.TemporaryDirectory() as temporary:
        library = Path(temporary) / "library"
        add = [sys.executable, "-m", "svrag", "--library", str(library), "add", str(ROOT / "demo_data" / "documents")]
        subprocess.run(add, cwd=ROOT, check=True)
        with served(library) as address, Browser(program, Path(temporary) / "profile", *_WIDE) as browser:
            take(browser, address, out)


if __name__ == "__main__":
    main()
