"""The settings of the page say how it stands with the models: from not loaded to ready, and why one failed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.browser import Browser, browser_path
from tests.app.test_browser import ROOT
from tests.patience import PATIENCE
from tests.retrievers.dense.checkpoints import change_weights, write_encoder

pytest.importorskip("gradio", reason="the web app is not installed")
pytest.importorskip("sentence_transformers", reason="dense retrieval is not installed")

STATUS = "document.querySelector('#sv-status').innerText"


def test_models_are_loaded_from_the_settings(library_folder: Path, tmp_path: Path) -> None:
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium or Chrome on this machine")
    encoder, broken = (write_encoder(tmp_path / name) for name in ("tiny", "broken"))
    change_weights(broken, without="embeddings.word_embeddings.weight")
    process = subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "app.py"), "--library", str(library_folder), "--port", "0"),
            *("--retriever", f"dense,{broken}", "--encoder", str(encoder)),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(tmp_path / "uploads")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        with Browser(path, tmp_path / "profile") as browser:
            browser.open(found[0])
            browser.click("#sv-settings button")
            browser.wait("document.querySelectorAll('#sv-status li').length === 2")
            assert browser.value(STATUS).count("not loaded yet") == 2
            browser.click("#sv-status [data-action=load]")
            browser.wait(f"{STATUS}.includes('ready on ')")
            browser.wait(f"{STATUS}.includes('missing embeddings.word_embeddings.weight')")
            assert str(tmp_path) not in browser.value(STATUS)
            browser.wait("document.querySelector('#sv-status [data-action=load]')?.innerText === 'Try again'")
            assert browser.errors == []
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
