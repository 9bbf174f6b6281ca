from __future__ import annotations

import sys
from pathlib import Path

import pytest

from svrag.documents.model import Page
from svrag.errors import InputError
from svrag.evaluation import baselines
from tests.documents_made import write_paper

pytest.importorskip("bm25s")


def test_the_page_with_the_words_comes_first_then_document_order() -> None:
    index = baselines.PageBm25(["glazes and kilns", "weighing of bowls", "", "a bowl was weighed twice on scales"])
    assert index.rank("How were the bowls weighed?") == (2, 4, 1, 3)
    assert index.rank("kiln") == (1, 2, 3, 4)


@pytest.mark.parametrize("pages", [["", "", ""], ["of the", "and", ""]])
def test_pages_without_words_keep_their_order(pages: list[str]) -> None:
    assert baselines.PageBm25(pages).rank("How were the bowls weighed?") == (1, 2, 3)


@pytest.mark.parametrize("question", ["zebra", "what is this", "?"])
def test_questions_that_match_nothing_rank_every_page(question: str) -> None:
    assert baselines.PageBm25(["glaze", "kiln", "salt"]).rank(question) == (1, 2, 3)


def test_ocr_fills_only_pages_without_a_word(tmp_path: Path) -> None:
    layer = baselines.text_layer(write_paper(tmp_path / "paper.pdf", pages=2))
    assert len(layer) == 2
    assert "kiln" in layer[1]
    pages = [Page(number=n, width=1, height=1, text="read", ocr=True) for n in (1, 2)]
    assert baselines.with_ocr([layer[0], " \n"], pages) == [layer[0], "read"]


def test_one_line_when_bm25s_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)
    with pytest.raises(InputError, match="need bm25s"):
        baselines.check_installed()
