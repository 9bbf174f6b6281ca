"""In a real browser: the box lies where the element is, to the pixel, and a tiny model's heat-map opens word by word."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from svrag.documents.blocks import to_displayed
from svrag.library.store import Library
from tests.app.browser import Browser, browser_path
from tests.app.test_browser import LARGEST, ROOT, ask, rectangle
from tests.patience import PATIENCE
from tests.retrievers.multivector.tiny import write_colpali

pytest.importorskip("gradio", reason="the web app is not installed")
pytest.importorskip("colpali_engine", reason="the models are not installed")


def test_the_box_and_the_heat_map(library_folder: Path, tmp_path: Path) -> None:
    program = browser_path()
    if program is None:
        pytest.skip("no Chromium or Chrome on this machine")
    model = write_colpali(tmp_path / "colpali")
    folder = tmp_path / "library"
    shutil.copytree(library_folder, folder)
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "app.py"),
            "--library",
            str(folder),
            "--retriever",
            f"lexical,{model}",
            "--port",
            "0",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
            "HF_HUB_OFFLINE": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        with Browser(program, tmp_path / "profile", LARGEST) as browser:
            browser.open(found[0])
            browser.wait("document.querySelectorAll('.sv-documents > li').length === 3")
            ask(browser, "Which lantern of the eastern tower was lit with whale oil?")
            browser.wait("!!document.querySelector('#sv-current .sv-cite')")
            browser.click(".sv-cite")
            browser.wait("document.querySelector('.sv-sheet img')?.naturalWidth")
            browser.wait("document.querySelector('.sv-where').innerText.includes('turned.pdf')")
            number = int(browser.value("document.querySelector('[data-turn]').value"))
            with Library.open(folder) as library:
                document = library.find("turned.pdf")
                page = library.page(document.id, number)
                (line,) = (e for e in library.elements_of(document.id, ["text"]) if e.page == number)
            left, top, right, bottom = rectangle(browser, ".sv-sheet img")
            across, down = page.displayed_size
            scale = (right - left) / across
            assert (bottom - top) / down == pytest.approx(scale, rel=0.01)
            x0, y0, x1, y1 = to_displayed(line.box, page)
            expected = left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale
            assert rectangle(browser, ".sv-sheet .sv-chosen") == pytest.approx(expected, abs=2)

            plain = browser.value("document.querySelector('.sv-sheet img').src")
            browser.click(".sv-look [data-action=look]")
            browser.wait("document.querySelectorAll('.sv-look button').length > 3")
            whole = browser.value("document.querySelector('.sv-sheet img').src")
            browser.click(".sv-look button:last-child")
            browser.wait("document.querySelector('.sv-look button:last-child').ariaPressed === 'true'")
            word = browser.value("document.querySelector('.sv-sheet img').src")
            assert len({plain, whole, word}) == 3

            other = document.pages if number < document.pages else 1
            turn = f"(() => {{ const turn = document.querySelector('[data-turn]'); turn.value = {other};"
            browser.value(f"{turn} turn.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()")
            browser.wait(f"document.querySelector('.sv-sheet img').alt.startsWith('Page {other} of')")
            assert browser.errors == []
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
