"""arXiv's metadata: a feed written by hand in the layout of its API, and lines in that of the dump."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from svrag.cli import main
from svrag.errors import InputError, ServerError
from svrag.training.config import PairData
from svrag.training.data import arxiv, arxiv_api
from svrag.training.data.files import examples_of
from tests.loopback import served

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title type="html">ArXiv Query: search_query=cat:gr-qc&amp;id_list=&amp;start=0&amp;max_results=200</title>
  <opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{total}</opensearch:totalResults>
  <opensearch:startIndex xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{start}</opensearch:startIndex>
  {entries}
</feed>"""
ENTRY = """<entry>
    <id>http://arxiv.org/abs/{id}v2</id>
    <updated>2019-08-20T00:00:00Z</updated>
    <title>Kilns in
  curved {id} space</title>
    <summary>  We fire clay &amp; glaze
it where x &lt; y.
</summary>
    <author><name>A. Potter</name></author>
    <arxiv:primary_category xmlns:arxiv="http://arxiv.org/schemas/atom" term="{first}"/>
    {categories}
  </entry>"""
ERROR = """<entry><id>http://arxiv.org/api/errors#bad_query</id><title>Error</title>
  <summary>malformed query</summary></entry>"""


def entry(id: str, *categories: str) -> str:
    terms = "".join(f'<category term="{c}" scheme="http://arxiv.org/schemas/atom"/>' for c in categories)
    return ENTRY.format(id=id, first=categories[0], categories=terms)


def feed(entries: list[str], total: int, start: int = 0) -> bytes:
    return FEED.format(entries="\n".join(entries), total=total, start=start).encode()


class Arxiv(BaseHTTPRequestHandler):
    """Answers from `papers`, newest first; each of `troubles` comes once before the next answer."""

    papers: ClassVar[dict[str, list[str]]] = {}
    troubles: ClassVar[list[str]] = []
    asked: ClassVar[list[tuple[str, int]]] = []

    def do_GET(self) -> None:
        told = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        query, start, count = told["search_query"], int(told["start"]), int(told["max_results"])
        topic = query.split(" OR ")[0].removeprefix("cat:")
        type(self).asked.append((query, start))
        assert (told["sortBy"], told["sortOrder"]) == ("submittedDate", "descending")
        entries = self.papers.get(topic, [])
        trouble = type(self).troubles.pop(0) if self.troubles else ""
        shown = [] if trouble == "empty" else entries[start : start + count]
        body = b"<html>" if trouble == "html" else feed(shown, len(entries), start)
        self.send_response(503 if trouble == "busy" else 200)
        if trouble == "busy":
            self.send_header("Retry-After", "45")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not to stderr."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(arxiv_api, "PAGE", 2)
    Arxiv.papers = {
        "gr-qc": [entry(f"240{n}.0000{n}", "gr-qc", "hep-th") for n in range(5, 0, -1)],
        "q-bio": [entry("q-bio/0606168", "q-bio.QM"), entry("2405.00005", "gr-qc", "q-bio.NC")],
    }
    Arxiv.troubles, Arxiv.asked = [], []
    with served(Arxiv) as address:
        yield address


def fetch(api: str, kept: Path, most: int = 3, pauses: list[float] | None = None) -> list[arxiv.Paper]:
    pauses = [] if pauses is None else pauses
    return arxiv_api.fetch(["gr-qc", "q-bio"], most, kept, on_progress=lambda *_: None, api=api, sleep=pauses.append)


def test_a_feed_as_arxiv_writes_it() -> None:
    page = arxiv_api.parsed(feed([entry("hep-th/0606168", "hep-th", "cond-mat.other")], 7), "hep-th", 0)
    assert page.total == 7
    assert page.papers == (
        arxiv.Paper(
            "hep-th/0606168",
            "Kilns in curved hep-th/0606168 space",
            "We fire clay & glaze it where x < y.",
            ("hep-th", "cond-mat.other"),
        ),
    )
    with pytest.raises(InputError, match="does not answer for gr-qc: malformed query"):
        arxiv_api.parsed(feed([ERROR], 1), "gr-qc", 0)
    for broken in (b"<html>", b"", b"<feed/>"):
        with pytest.raises(ServerError, match="something else than a feed"):
            arxiv_api.parsed(broken, "gr-qc", 0)


def test_the_newest_of_each_topic_and_each_paper_once(api: str, tmp_path: Path) -> None:
    pauses: list[float] = []
    papers = fetch(api, tmp_path / "kept.jsonl", pauses=pauses)
    ids = ["2405.00005", "2404.00004", "2403.00003", "q-bio/0606168"]  # 2405.00005 is of gr-qc first
    assert [one.arxiv_id for one in papers] == ids
    assert Arxiv.asked == [
        ("cat:gr-qc OR cat:gr-qc.*", 0), ("cat:gr-qc OR cat:gr-qc.*", 2), ("cat:q-bio OR cat:q-bio.*", 0)
    ]  # fmt: skip
    assert len(pauses) == 2
    assert all(2.5 < pause <= arxiv_api.PAUSE for pause in pauses)


def test_what_came_is_not_asked_for_again(api: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    Arxiv.troubles = ["", "busy", "busy", "busy", "busy", "busy", "busy"]
    with pytest.raises(ServerError, match=r"gr-qc, from 2: status 503.*goes on"):
        fetch(api, kept)
    with kept.open("a") as file:
        file.write('{"topic": "gr-qc", "sta')  # killed while writing
    Arxiv.asked = []
    papers = fetch(api, kept)
    assert [start for query, start in Arxiv.asked if "gr-qc" in query] == [2]
    Arxiv.asked = []
    assert fetch(api, kept) == papers
    assert Arxiv.asked == []
    assert len(fetch(api, kept, most=9)) == 6  # more of them: only what is missing is asked for
    assert Arxiv.asked == [("cat:gr-qc OR cat:gr-qc.*", 4)]


def test_busy_servers_and_empty_pages_are_asked_again_later(api: str, tmp_path: Path) -> None:
    Arxiv.troubles = ["busy", "empty"]
    pauses: list[float] = []
    assert len(fetch(api, tmp_path / "kept.jsonl", pauses=pauses)) == 4
    assert pauses[0] > 40  # as Retry-After said
    assert pauses[1] > 2 * arxiv_api.PAUSE - 0.5  # longer each time


def test_a_file_of_something_else_is_left_alone(api: str, tmp_path: Path) -> None:
    other = tmp_path / "kept.jsonl"
    other.write_text("my notes\n")
    with pytest.raises(InputError, match="not written by this command"):
        fetch(api, other)
    assert other.read_text() == "my notes\n"


def dump(path: Path) -> Path:
    rows = [
        {
            "id": f"070{n}.000{n}",
            "title": f"Kiln\n  {n}",
            "abstract": " Clay.\n",
            "categories": "math.GT hep-th math-ph",
        }
        for n in range(1, 5)
    ]
    rows += [{"id": "0705.1", "title": "Cells", "abstract": "Grow.", "categories": "q-bio.QM hep-th"}]
    rows += [{"id": "0705.2", "title": "Other", "abstract": "No.", "categories": "q-biology cs.LG"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_dump_as_a_user_types_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "papers.parquet"
    arguments = ["train", "arxiv", str(out), "--topic", "hep-th", "--topic", "q-bio", "--most", "2"]
    assert main([*arguments, "--dump", str(dump(tmp_path / "dump.json"))]) == 0
    assert capsys.readouterr().out == f"{out}: 2 of hep-th, 1 of q-bio\n"
    rows = pq.read_table(out).to_pylist()
    assert [row["arxiv_id"] for row in rows] == ["0703.0003", "0704.0004", "0705.1"]
    assert rows[0] == {
        "arxiv_id": "0703.0003", "title": "Kiln 3", "abstract": "Clay.",
        "categories": ["math.GT", "hep-th", "math-ph"], "topic": "hep-th",
    }  # fmt: skip
    examples = examples_of(PairData(kind="pairs", path=out, query="title", document="abstract"))
    assert (len(examples), examples[2].query.text) == (3, "Cells")  # what training reads


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"id": "1"}\n')
    here = dump(tmp_path / "dump.json")
    for out, more, said in (
        ("a.parquet", ["--dump", str(broken)], "line 1 is no paper"),
        ("a.parquet", ["--dump", str(tmp_path / "none")], "cannot read"),
        ("a.csv", ["--dump", str(here)], "is no *.parquet"),
        ("no/a.parquet", ["--dump", str(here)], "there is no folder"),
        ("a.parquet", ["--dump", str(here), "--most", "0"], "at least 1"),
    ):
        assert main(["train", "arxiv", str(tmp_path / out), "--topic", "hep-th", *more]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
    assert main(["train", "arxiv", str(tmp_path / "a.parquet"), "--topic", "hepth", "--dump", str(here)]) == 1
    assert "no paper of hepth" in capsys.readouterr().err
