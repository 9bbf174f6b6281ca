"""What a plain text retriever finds: BM25 over whole pages with bm25s, as its documentation shows it.

English stop words and stemmer, its default scoring, one index per document, the words of a page as PyMuPDF hands them
out. Takes nothing from svrag but the OCR of pages without a word of their own, so that a better parser does not move
the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from svrag.documents.model import Page
from svrag.errors import InputError

PAGE_BM25 = "page-bm25"
TEXT_LAYER = "page-bm25 (text layer)"


def check_installed() -> None:
    """Raise an InputError when bm25s is missing, before anything that takes long."""
    try:
        import bm25s  # noqa: F401
    except ImportError:
        raise InputError("the baselines need bm25s: pip install 'svrag[eval]', or run without --baselines") from None


def text_layer(source: Path) -> list[str]:
    """The text of each page as the file has it; "" for a page that is only a picture."""
    from svrag.documents.opening import open_pages

    with open_pages(source) as document:
        return [page.get_text() for page in document]


def with_ocr(layer: Sequence[str], pages: Sequence[Page]) -> list[str]:
    """The text layer, and for pages without one what svrag read by OCR."""
    return [text if text.strip() else page.text for text, page in zip(layer, pages, strict=True)]


class PageBm25:
    """Plain BM25 over the pages of one document, given as their texts from page 1 on."""

    def __init__(self, pages: Sequence[str]) -> None:
        import bm25s

        self._pages = len(pages)
        tokens = _tokens(pages)
        self._index: Any = None
        if any(tokens):  # bm25s cannot index a document without a word
            self._index = bm25s.BM25()
            self._index.index(tokens, show_progress=False)

    def rank(self, question: str) -> tuple[int, ...]:
        """All page numbers, best first; pages of the same score in the order of the document."""
        (tokens,) = _tokens([question])
        if self._index is None or not tokens:
            return tuple(range(1, self._pages + 1))
        scores = self._index.get_scores(tokens).tolist()
        return tuple(sorted(range(1, self._pages + 1), key=lambda page: -scores[page - 1]))


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    import bm25s
    import Stemmer

    tokens: list[list[str]] = bm25s.tokenize(
        list(texts), stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False, show_progress=False
    )
    return tokens
