"""The full text of a library: which elements hold which words, and how often a word occurs. Ranking is search's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from svrag.documents.model import ElementType
from svrag.library.reading import LibraryReader
from svrag.library.sql import batches, marks, within
from svrag.retrievers.lexical.fields import IndexedFields


@dataclass(frozen=True, slots=True)
class IndexedElement:
    """An element as the full text knows it: where it is, the share of its page that it covers, and its tokens."""

    id: str
    document_id: str
    page: int
    type: ElementType
    area: float
    fields: IndexedFields


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many elements there are, and the mean number of tokens per field in the order of `FIELDS`."""

    count: int
    mean_lengths: tuple[float, float, float, float]


def match(
    library: LibraryReader,
    terms: Sequence[str],
    *,
    documents: Sequence[str] | None = None,
    pages_only: bool = False,
    limit: int = 1000,
) -> list[IndexedElement]:
    """The elements that hold any of `terms`: pages, or everything but pages.

    Args:
        terms: tokens, or phrases of tokens joined by single spaces, which must stand together in one field.
        documents: ids to look in; all matching elements of these come back. None looks everywhere and gives the
            `limit` best by the database's own BM25.
    """
    wanted = " OR ".join(f'"{term}"' for term in (t.replace('"', '""') for t in terms) if term)
    if not wanted:
        return []
    words = "page_words" if pages_only else "element_words"
    select = (
        "SELECT e.id, d.id, e.page, e.type, (e.x1 - e.x0) * (e.y1 - e.y0) / (p.width * p.height), "
        f"w.body, w.caption, w.heading, w.cells FROM {words} w JOIN elements e ON e.row = w.rowid "
        "JOIN documents d ON d.number = e.document JOIN pages p ON p.document = e.document AND p.number = e.page "
    )
    if documents is None:
        # The best are found in the index alone; only these are read.
        best = f"SELECT rowid FROM {words} WHERE {words} MATCH ? ORDER BY rank LIMIT ?"
        rows = library.connection.execute(f"{select} WHERE w.rowid IN ({best}) ORDER BY w.rowid", (wanted, limit))
        return [_indexed(row) for row in rows]
    found = []
    for first, last in _row_ranges(library, documents):
        rows = library.connection.execute(
            f"{select} WHERE {words} MATCH ? AND w.rowid BETWEEN ? AND ? ORDER BY w.rowid", (wanted, first, last)
        )
        found += [_indexed(row) for row in rows]
    return found


def tokens_like(library: LibraryReader, beginning: str) -> dict[str, int]:
    """The tokens of elements that begin with `beginning`, and in how many elements each occurs."""
    rows = library.connection.execute(
        "SELECT term, doc FROM element_vocabulary WHERE term >= ? AND term < ?",
        (beginning, beginning + "\U0010ffff"),
    )
    return dict(rows.fetchall())


def token_counts(library: LibraryReader, tokens: Sequence[str], *, pages_only: bool = False) -> dict[str, int]:
    """In how many elements (pages, or everything but pages) each token occurs; tokens in none are left out."""
    vocabulary = "page_vocabulary" if pages_only else "element_vocabulary"
    counts: dict[str, int] = {}
    for some in batches(list(dict.fromkeys(tokens))):
        found = library.connection.execute(f"SELECT term, doc FROM {vocabulary} WHERE term IN ({marks(some)})", some)
        counts |= dict(found.fetchall())
    return counts


def tokens_on_pages(library: LibraryReader, tokens: Sequence[str], documents: Sequence[str] | None = None) -> set[str]:
    """Those of `tokens` that stand on a page of `documents`, or on any page."""
    if documents is None:
        return set(token_counts(library, tokens, pages_only=True))
    ranges = _row_ranges(library, documents)
    query = "SELECT 1 FROM page_words WHERE page_words MATCH ? AND rowid BETWEEN ? AND ? LIMIT 1"
    return {
        token
        for token in tokens
        if any(
            library.connection.execute(query, ('"' + token.replace('"', '""') + '"', first, last)).fetchone()
            for first, last in ranges
        )
    }


def statistics(
    library: LibraryReader, documents: Sequence[str] | None = None, *, pages_only: bool = False
) -> Statistics:
    """Of the pages, or of everything but pages, in `documents` or in all."""
    condition, values = within(documents)
    sums = "pages, page_tokens, 0, 0, 0" if pages_only else "elements, body, caption, heading, cells"
    totals = ", ".join(f"coalesce(sum({column}), 0)" for column in sums.split(", "))
    count, *lengths = library.connection.execute(
        f"SELECT {totals} FROM documents d WHERE 1 {condition}", values
    ).fetchone()
    body, caption, heading, cells = (length / count if count else 0.0 for length in lengths)
    return Statistics(count, (body, caption, heading, cells))


def _row_ranges(library: LibraryReader, documents: Sequence[str]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for some in batches(documents):
        ranges += library.connection.execute(
            f"SELECT first_row, last_row FROM documents WHERE id IN ({marks(some)}) ORDER BY first_row",
            tuple(some),
        ).fetchall()
    return ranges


def _indexed(row: tuple[str, str, int, ElementType, float | None, str, str, str, str]) -> IndexedElement:
    i, document, page, kind, area, *fields = row
    return IndexedElement(i, document, page, kind, area or 0.0, IndexedFields(fields))
