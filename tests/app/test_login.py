"""Two users at the page, in a real browser: each logs in and sees their own documents."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from svrag.app.users import Users
from tests.app.browser import Browser, browser_path
from tests.patience import PATIENCE

pytest.importorskip("gradio", reason="the web app is not installed")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def address(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on which Anna has the documents of `library_folder` and Ben has none."""
    folder = tmp_path_factory.mktemp("served")
    users = Users(folder)
    for name in ("anna", "ben"):
        users.add(name, f"the password of {name}")
    shutil.rmtree(users.library("anna"))
    shutil.copytree(library_folder, users.library("anna"))
    process = subprocess.Popen(
        [sys.executable, "-m", "svrag", "--library", str(folder), "serve", "--host", "0.0.0.0", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(folder.parent / "uploads")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    try:
        assert found, line
        assert "the libraries of 2 users" in line
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize(("name", "documents"), [("anna", 3), ("ben", 0)])
def test_who_logs_in_sees_their_own_documents(address: str, tmp_path: Path, name: str, documents: int) -> None:
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium or Chrome on this machine")
    with Browser(path, tmp_path / "profile") as browser:
        browser.open(address)
        browser.wait("!!document.querySelector('#password')", 60)
        browser.type("#name", name)
        browser.type("#password", "a wrong one")
        browser.press_enter()
        browser.wait("document.querySelector('[role=alert]')?.innerText.includes('do not fit')")
        browser.type("#password", f"the password of {name}")
        browser.press_enter()
        browser.wait("location.pathname === '/' && !!document.querySelector('#sv-ask textarea')", 60)
        shown = "document.body.innerText"
        browser.wait(f"{shown}.includes('{'kiln.pdf' if documents else 'No documents yet'}')", 30)
        assert ("kiln.pdf" in browser.value(shown)) == bool(documents)
        browser.click(".sv-head form button")  # which ends the session, not only the view
        browser.wait("location.pathname === '/login'", 30)
        browser.open(address)
        browser.wait("location.pathname === '/login' && !!document.querySelector('#password')", 30)
        refused = [error for error in browser.errors if "Content Security Policy" in error]
        assert refused == []
