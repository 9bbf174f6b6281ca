from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.evaluation import plots, worst
from svrag.evaluation.compare import compare
from svrag.evaluation.report import write_comparison, write_report
from svrag.evaluation.result import EvalResult
from svrag.library.store import Library
from tests.evaluation.results_made import record, result

pytest.importorskip("matplotlib")

EVIL = '<script>alert("1")</script> & | $x_1$ [a](b)'
VOID = {"meta", "img", "br"}


class Balanced(HTMLParser):
    """Fails on a tag that is not closed in its turn; collects words, tags and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def missed(demo_run: tuple[EvalResult, Path]) -> tuple[EvalResult, Path]:
    """The demo run as if every right page had come up last, so that every question went wrong."""
    ran, library = demo_run
    records = []
    for one in ran.row.records:
        gold = [page for page in one.ranking.pages if page in one.gold.pages]
        pages = [page for page in one.ranking.pages if page not in one.gold.pages] + gold
        rank = pages.index(gold[0]) + 1
        ranking = replace(one.ranking, pages=tuple(pages))
        records.append(replace(one, ranking=ranking, metrics={**one.metrics, "mrr": 1 / rank}))
    return replace(ran, rows=(replace(ran.row, records=tuple(records)), *ran.rows[1:])), library


@pytest.fixture(scope="module")
def written(missed: tuple[EvalResult, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which a question, an answer, a slice, the retriever and a note are all hostile."""
    ran, library = missed
    first = ran.row.records[0]
    hostile = replace(
        first,
        question=replace(first.question, question=EVIL, document=EVIL, answer=EVIL),
        slices=((EVIL, EVIL),),
        answer=EVIL,
    )
    rows = (replace(ran.row, retriever=EVIL, records=(hostile, *ran.row.records[1:])), *ran.rows[1:])
    folder = tmp_path_factory.mktemp("reports") / "new"
    write_report(replace(ran, benchmark=EVIL, rows=rows, notes=(EVIL,)), library, folder)
    return folder


def test_the_page_is_whole_and_needs_nothing_else(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    parsed = Balanced(page)
    assert {"svg", "img", "table"} <= parsed.tags
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in parsed.addresses)
    assert "url(http" not in page
    assert len(page) < 3_000_000


def test_nothing_said_in_a_document_is_markup(written: Path) -> None:
    page = (written / "report.html").read_text(encoding="utf-8")
    parsed = Balanced(page)
    assert "script" not in parsed.tags
    assert "$x_1$" in parsed.words
    assert parsed.words.count('<script>alert("1")</script>') >= 5
    markdown = (written / "report.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<", markdown)
    assert "[a](b)" not in markdown
    header = None
    for line in markdown.splitlines():
        columns = len(re.findall(r"(?<!\\)\|", line))
        header = columns if line.startswith("|") and header is None else header if line.startswith("|") else None
        assert not line.startswith("|") or columns == header


def test_the_markdown_has_the_tables(written: Path, missed: tuple[EvalResult, Path]) -> None:
    markdown = (written / "report.md").read_text(encoding="utf-8")
    assert "svg" not in markdown.replace("svrag", "")
    for heading in ("Retrievers", "Against each other", "Slices", "Time", "Worst questions", "Settings"):
        assert f"\n## {heading}\n" in markdown
    page_hit = missed[0].row.means()["page_hit@1"]
    assert re.search(rf"^\| page\\_hit@1 \| \d+ \| {page_hit:.3f} \|", markdown, re.MULTILINE)


def test_the_worst_come_first_with_the_gold_page_and_those_found_instead(missed: tuple[EvalResult, Path]) -> None:
    ran, folder = missed
    with Library.open(folder) as library:
        questions = worst.worst_questions(ran.row, library)
    ranks = [one.record.metrics["mrr"] for one in questions]
    assert ranks == sorted(ranks)
    assert len(ranks) == min(worst.MOST, len(ran.row.records))
    for one in questions:
        gold, *found = one.views
        assert gold.gold
        assert gold.page == min(one.record.gold.pages)
        assert [view.page for view in found] == list(one.record.ranking.pages[:2])
        assert [view.rank for view in found] == [1, 2]
        assert all(view.picture.startswith("data:image/jpeg") for view in one.views)
        assert sum(mark.rank is None for mark in gold.marks) == sum(b.page == gold.page for b in one.record.gold.boxes)
        for mark in (mark for view in one.views for mark in view.marks):
            assert 0 <= mark.left <= mark.left + mark.width <= 100.001
            assert 0 <= mark.top <= mark.top + mark.height <= 100.001


def test_pictures_are_bounded(missed: tuple[EvalResult, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    ran, folder = missed
    monkeypatch.setattr(worst, "_BUDGET", 1)
    with Library.open(folder) as library:
        views = [view for one in worst.worst_questions(ran.row, library) for view in one.views]
    assert [bool(view.picture) for view in views] == [True] + [False] * (len(views) - 1)
    assert all(view.text for view in views)


def test_a_document_that_is_not_in_the_library_has_no_pages(missed: tuple[EvalResult, Path], tmp_path: Path) -> None:
    with Library.open(tmp_path / "empty") as library:
        assert [one.views for one in worst.worst_questions(missed[0].row, library)] == [()] * len(
            missed[0].row.records
        )
    write_report(missed[0], tmp_path / "empty", tmp_path / "report")
    assert "<img" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_report(missed: tuple[EvalResult, Path], tmp_path: Path) -> None:
    ran, library = missed
    for name in ("a", "b"):
        write_report(ran, library, tmp_path / name)
    for file in ("report.html", "report.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_plots_are_left_out_where_there_is_nothing_to_draw() -> None:
    nothing = result(("lexical", [replace(record(1, (1,), {1}), metrics={}, gold=record(1, (1,), {1}).gold)]))
    bare = replace(nothing.row.records[0], gold=replace(nothing.row.records[0].gold, pages=frozenset(), boxes=()))
    bare_result = replace(nothing, rows=(replace(nothing.row, records=(replace(bare, document_id=""),)),))
    assert plots.recall_curves(bare_result) == ""
    assert plots.slice_bars(bare_result, "mrr") == ""
    assert plots.latency(bare_result) == ""


def test_a_comparison_as_a_report(tmp_path: Path) -> None:
    kind = (EVIL, EVIL)
    ours = result(("a", [record(n, (1, 2), {1}, kind, document=f"{'ab'[n % 2]}.pdf") for n in range(9)]))
    theirs = result(("b", [record(n, (2, 1), {1}, kind, document=f"{'ab'[n % 2]}.pdf") for n in range(9)]))
    write_comparison(compare(ours, theirs, (EVIL, "b.json")), tmp_path)
    page = Balanced((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert "documents drawn" in page.words
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "+1.000" in markdown
    assert not re.search(r"(?<!\\)<", markdown.replace("< 0.001", ""))


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'svrag\[eval\]'"):
        plots.check_installed()


def test_a_folder_that_cannot_be_written_is_one_line(missed: tuple[EvalResult, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*file/report\.html"):
        write_report(missed[0], missed[1], tmp_path / "file")
