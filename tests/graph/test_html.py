from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from svrag.documents.model import Document
from svrag.errors import InputError
from svrag.graph.build import build_graph
from svrag.graph.html import to_html
from tests.library.made import document
from tests.patience import PATIENCE

HOSTILE = (
    "</script><script>document.title='broken out'</script> {library} {data} "
    "<img src=x onerror=\"document.title='broken out'\">"
)


def page(made: Document) -> str:
    return to_html(made, build_graph(made))


def data_of(html: str) -> dict:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def test_all_elements_and_edges_are_on_the_page() -> None:
    made = document("kiln.pdf", "The kiln is in Table 1.", pages=3)
    graph = build_graph(made)
    data = data_of(page(made))
    assert {node["id"] for node in data["nodes"]} == {node.id for node in graph.nodes}
    assert len(data["edges"]) == len(graph.edges)
    assert sum(kind["count"] for kind in data["edgeTypes"]) == len(graph.edges)
    assert len(data["pages"]) == 3


def test_elements_stand_on_their_pages() -> None:
    data = data_of(page(document("kiln.pdf", "The kiln was fired.", pages=7)))
    sheets = {sheet["number"]: sheet for sheet in data["pages"]}
    for node in data["nodes"]:
        sheet = sheets[node["page"]]
        assert sheet["x"] <= node["x"] <= sheet["x"] + sheet["width"]
        assert sheet["y"] <= node["y"] <= sheet["y"] + sheet["height"]
    corners = [(sheet["x"], sheet["y"]) for sheet in data["pages"]]
    assert len(set(corners)) == 7


def test_pages_are_shown_as_a_viewer_turns_them() -> None:
    made = document("kiln.pdf", "The kiln was fired.", pages=2)
    turned = replace(made, pages=(replace(made.pages[0], rotation=90), made.pages[1]))
    upright, sideways = data_of(page(made)), data_of(page(turned))
    assert (sideways["pages"][0]["width"], sideways["pages"][0]["height"]) == (842, 595)
    sheet, first, before = sideways["pages"][0], sideways["nodes"][0], upright["nodes"][0]
    assert (first["width"], first["height"]) == (before["height"], before["width"])
    assert first["x"] - sheet["x"] == pytest.approx(842 - (before["y"] - upright["pages"][0]["y"]))


def test_nothing_is_loaded_from_anywhere() -> None:
    html = page(document("kiln.pdf", "The kiln was fired."))
    assert "default-src 'none'" in html
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", html)
    assert not re.search(r"@import|url\(\s*['\"]?http", html)


def test_text_of_a_document_cannot_become_markup() -> None:
    made = replace(document(HOSTILE, HOSTILE), title=HOSTILE)
    html = page(made)
    assert "<script>document.title" not in html
    assert "<img src=x" not in html
    data = data_of(html)
    assert data["title"] == HOSTILE
    assert HOSTILE in [node["text"] for node in data["nodes"]]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_draws_it(tmp_path: Path) -> None:
    made = replace(document("kiln.pdf", HOSTILE, "The kiln is in Table 1."), title=HOSTILE)
    # As if each element was clicked in turn, the hostile one last.
    hostile = "data.nodes.find(node => node.text.includes('onerror'))"
    clicks = f"<script>for (const node of [...data.nodes, {hostile}]) go(node.id);</script></body>"
    (tmp_path / "graph.html").write_text(page(made).replace("</body>", clicks), encoding="utf-8")
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--dump-dom",
            f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "graph.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert "<canvas" in done.stdout
    assert "<title>broken out" not in done.stdout
    panel = done.stdout.partition('id="panel"')[2].partition("</aside>")[0]
    assert "&lt;img src=x" in panel
    assert "<img" not in panel


def test_without_the_drawing_library_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("svrag.graph.html.metadata.files", lambda name: [])
    with pytest.raises(InputError, match="pip install gravis"):
        page(document("kiln"))
