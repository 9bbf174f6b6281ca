"""The app as people use it: `python app.py`, a real browser, a file added, a question, a click on the evidence."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.browser import Browser, browser_path
from tests.documents_made import write_paper
from tests.patience import PATIENCE

pytest.importorskip("gradio", reason="the web app is not installed")

ROOT = Path(__file__).parents[2]
SMALLEST, LARGEST = 420, 1400


@pytest.fixture(scope="module")
def folder(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("served") / "library"
    shutil.copytree(library_folder, copy)
    return copy


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where the app runs; at the end it must go without a word."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--library", str(folder), "--port", "0"],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(folder.parent / "uploads")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    try:
        assert found, line + process.communicate(timeout=PATIENCE)[1]
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=PATIENCE)
    assert (said, errors) == ("", "svrag: stopped\n")
    assert process.returncode == 130


def get(url: str) -> tuple[int, str, str]:
    """Status, the policy sent along, and the text."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
            return reply.status, reply.headers["Content-Security-Policy"], reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Security-Policy"], ""


def test_only_the_page_is_served(address: str, folder: Path) -> None:
    status, policy, page = get(address)
    assert status == 200
    assert "default-src 'none'" in policy
    for host in ("googleapis", "gstatic", "cloudflare", "jsdelivr", "unpkg", "huggingface"):
        assert host not in page
    copy = next((folder / "files").iterdir())
    for path in ("/etc/hostname", str(folder / "library.db"), str(copy), str(ROOT / "pyproject.toml")):
        assert get(f"{address}/gradio_api/file={path}")[0] in (403, 404)


def test_what_is_typed_before_the_page_is_there_is_asked(address: str, tmp_path: Path) -> None:
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium or Chrome on this machine")
    with Browser(path, tmp_path / "profile", LARGEST) as browser:
        browser.call("Emulation.setCPUThrottlingRate", rate=3)  # the first screen stays for seconds
        browser.open(address)
        browser.type("#sv-first textarea", "Which lantern of the eastern tower was lit with whale oil?")
        browser.press_enter()
        browser.wait("!!document.querySelector('#sv-current .sv-cite')")
        assert browser.value("document.querySelector('#sv-first')") is None
        assert "whale oil" in browser.value("document.querySelector('#sv-current').innerText")
        assert browser.errors == []


def empty(browser: Browser, selector: str) -> None:
    """Take out what is typed there."""
    browser.value(
        f"(() => {{ const box = document.querySelector('{selector}'); box.value = '';"
        " box.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )


def test_from_a_file_to_the_evidence_on_its_page(address: str, tmp_path: Path) -> None:
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium or Chrome on this machine")
    bowls = write_paper(tmp_path / "bowls.pdf", lines=("The celadon bowls were fired in Longquan for 31 hours.",))
    with Browser(path, tmp_path / "profile", LARGEST) as browser:
        browser.open(address)
        browser.wait("document.querySelectorAll('.sv-documents > li').length === 3")
        browser.choose_files("#sv-upload input[type=file]", bowls, bowls)  # given twice, added once
        browser.wait("document.querySelector('#sv-progress').innerText.includes('bowls.pdf added: 1 page')")
        browser.wait("document.querySelectorAll('.sv-documents > li').length === 4")

        ask(browser, "For how many hours were the celadon bowls fired in Longquan?")
        browser.wait("!!document.querySelector('#sv-current .sv-cite')")
        assert "31 hours" in browser.value("document.querySelector('.sv-answer').innerText")
        assert "bowls.pdf" in browser.value("document.querySelector('.sv-card').innerText")
        assert browser.wait("document.querySelector('.sv-crop img').naturalWidth") > 100
        browser.click(".sv-cite")
        browser.wait("document.querySelector('.sv-sheet img')?.naturalWidth")
        box, sheet = rectangle(browser, ".sv-sheet .sv-chosen"), rectangle(browser, ".sv-sheet")
        assert sheet[0] <= box[0] < box[2] <= sheet[2]
        assert sheet[1] <= box[1] < box[3] <= sheet[3]
        for action, part in (("everything", ".sv-other"), ("text", ".sv-words"), ("graph", ".sv-graph .sv-centre")):
            browser.click(f".sv-tools [data-action={action}]")
            browser.wait(f"!!document.querySelector('{part}')")
        node = "document.querySelector('.sv-graph .sv-of-section_header')"
        browser.value(f"{node}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))")
        browser.wait("document.querySelector('.sv-centre').innerHTML.includes('Section 1')")
        browser.resize(SMALLEST, 900)
        browser.wait("document.querySelector('.sv-page').getBoundingClientRect().width === innerWidth")
        browser.click("[data-action=close]")
        browser.wait("!document.querySelector('.sv-page')")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out of a phone"
        assert browser.value("document.querySelector('#sv-library').offsetHeight") == 0
        browser.click("[data-local=drawer]")
        assert browser.value("document.querySelector('#sv-library').offsetHeight") > 100
        browser.resize(LARGEST, 1000)

        ask(browser, "How much cobalt does the glaze hold?")
        browser.wait("document.querySelector('#sv-current .sv-answer')?.innerText.includes('cobalt')")
        browser.wait("document.querySelector('.sv-cards')?.innerText.includes('onerror')")
        assert "31 hours" in browser.value("document.querySelector('#sv-before').innerText"), "the conversation stays"
        assert browser.value("window.attacked") is None
        shown = browser.value("document.querySelector('#sv-current .sv-answer').innerText")
        assert "<script>window.attacked = 1</script>" in shown
        assert "${window.attacked = 3} and {{constructor}}" in shown

        browser.click(".sv-documents > li:first-child .sv-menu summary")
        browser.value("document.querySelector('.sv-menu[open] [name=tags]').value = 'celadon'")
        browser.click(".sv-menu[open] [data-action=save]")
        browser.wait("document.querySelector('.sv-tag')?.innerText === 'celadon'")
        browser.type("#sv-filter input, #sv-filter textarea", "celadon")
        browser.wait("document.querySelectorAll('.sv-documents > li').length === 1")
        browser.value("document.querySelector('[data-choose]').click()")
        browser.wait("document.querySelector('.sv-scope').innerText.includes('1 of 4 documents')")
        browser.click(".sv-documents > li:first-child .sv-menu summary")
        browser.click(".sv-documents > li:first-child .sv-remove")
        browser.wait("document.querySelector('#sv-notices').innerText.includes('bowls.pdf was removed')")
        browser.wait("document.querySelector('#sv-listing').innerText.includes('Nothing fits')")
        empty(browser, "#sv-filter input, #sv-filter textarea")
        browser.wait("document.querySelectorAll('.sv-documents > li').length === 3")
        browser.wait("document.querySelector('.sv-scope').innerText.includes('all 3 documents')")
        assert not browser.value("document.querySelectorAll('[data-choose]:checked').length"), (
            "no tick passes to another"
        )
        for count in ("1 of 3", "2 of 3"):
            browser.value("document.querySelector('[data-choose]:not(:checked)').click()")
            browser.wait(f"document.querySelector('.sv-scope').innerText.includes('{count} documents')")
        browser.click(".sv-scope [data-action=all]")
        browser.wait("document.querySelector('.sv-scope').innerText.includes('all 3 documents')")
        browser.wait("!document.querySelectorAll('[data-choose]:checked').length")
        browser.open(address)
        browser.wait("document.querySelectorAll('.sv-documents > li').length === 3")
        assert not browser.value("document.querySelector('#sv-talk').innerText.includes('cobalt')")
        elsewhere = [url for url in browser.requested if not url.startswith((address, "data:", "blob:", "about:"))]
        assert elsewhere == []
        assert browser.errors == []


def ask(browser: Browser, question: str) -> None:
    browser.value("document.querySelector('#sv-ask textarea').select()")
    browser.type("#sv-ask textarea", question)
    browser.press_enter()


def rectangle(browser: Browser, part: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the first `part`, in pixels of the window."""
    script = f"(r => [r.left, r.top, r.right, r.bottom])(document.querySelector('{part}').getBoundingClientRect())"
    left, top, right, bottom = browser.value(script)
    return left, top, right, bottom
