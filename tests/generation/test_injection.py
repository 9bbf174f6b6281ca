"""Orders in documents change neither what `quote` says nor how a model is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pymupdf
import pytest

from svrag.documents.invisible import Unseen
from svrag.documents.model import Element
from svrag.documents.page_reader import text_lines
from svrag.documents.reading import read
from svrag.documents.regions import image_boxes
from svrag.documents.workers import ParsePool
from svrag.generation.citations import find_citations
from svrag.generation.prompt import RULES, RULES_OF_FORM
from svrag.generation.quote import QuoteGenerator
from svrag.search.result import Hit
from tests.generation.fake_model import FakeModel, says
from tests.generation.injections import INJECTIONS, ORDER, QUESTION, TRUTH, Injection, write

NAMES = [injection.name for injection in INJECTIONS]
DELIMITERS = re.compile(r"<\s*/?\s*evidence", re.IGNORECASE)


def found(injection: Injection, folder: Path) -> list[Hit]:
    """Each line of the document as an element, the order before the truth, as if retrieval had fallen for it."""
    path = write(injection, folder)
    with pymupdf.open(path) as document:
        page = document[0]
        lines = text_lines(page, Unseen(page, image_boxes(page)))
    elements = [
        Element(f"d.1.{n}", "d", "section_header" if line.size > 14 else "text", 1, line.box, line.text)
        for n, line in enumerate(lines)
    ]
    elements.sort(key=lambda element: "Ignore" not in element.text)
    return [Hit(n, element, path.name, 2.0 - 0.1 * n, ()) for n, element in enumerate(elements, start=1)]


@pytest.mark.parametrize("injection", INJECTIONS, ids=NAMES)
def test_the_answer_without_a_model_stays_the_same(injection: Injection, tmp_path: Path) -> None:
    hits = found(injection, tmp_path)
    answer = QuoteGenerator().answer(QUESTION, hits, sources={})
    assert answer.answerable
    assert answer.text.splitlines()[:2] == [f"{answer.short} [1]", f"{TRUTH} [1]"]
    assert answer.short == "nine hours"
    assert answer.citations[0].element.text == TRUTH
    assert all(n in {c.n for c in answer.citations} for _, _, numbers in find_citations(answer.text) for n in numbers)
    if injection.hidden:
        assert ORDER not in " ".join(hit.element.text for hit in hits)


@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("injection", INJECTIONS, ids=NAMES)
def test_a_model_gets_it_as_data(injection: Injection, structured: bool, tmp_path: Path) -> None:
    hits = found(injection, tmp_path)
    model: FakeModel = says('{"answerable": true, "claims": [{"text": "Nine hours.", "evidence": [1]}]}')
    model.limit = type(model.limit)(structured=structured)
    model.generator().answer(QUESTION, hits, sources={})
    system, user = model.requests[0].messages
    assert [part.text for part in system.parts] == [RULES_OF_FORM if structured else RULES]  # type: ignore[union-attr]
    assert (system.role, user.role) == ("system", "user")
    text = model.text()
    blocks = re.findall(r'<evidence n="\d+"[^<>]*>\n[^<]*(?:<\|[^<]*)?\n</evidence>', text)
    assert len(blocks) == len(hits)
    assert len(DELIMITERS.findall(text)) == 2 * len(hits)
    outside = text
    for block in blocks:
        outside = outside.replace(block, "")
    assert outside.strip() == f"Question: {QUESTION}"
    assert find_citations(text) == []


def test_what_is_not_seen_is_not_read_and_said_so(tmp_path: Path) -> None:
    with pymupdf.open() as all_in_one:
        for injection in INJECTIONS:
            if injection.hidden:
                with pymupdf.open(write(injection, tmp_path)) as one:
                    all_in_one.insert_pdf(one)
        all_in_one.save(tmp_path / "all.pdf")
    with ParsePool(workers=1) as pool:
        document = read(tmp_path / "all.pdf", pool=pool)
    words = [page.text for page in document.pages] + [f"{e.text} {e.caption} {e.table}" for e in document.elements]
    assert not any("two minutes" in text for text in words)
    assert sum("nine hours" in page.text for page in document.pages) == len(document.pages) == 6
    told = " ".join(document.warnings)
    assert told.count("invisible text left out") == 5  # what lies off a page is no text of it to begin with
