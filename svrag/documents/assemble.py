"""Pages of blocks into one document: furniture dropped, captions paired, headings ranked, paragraphs joined.

This is where boxes change from the page as displayed to the project's coordinates, and where elements get their ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from svrag.documents.blocks import Block, PageBlocks, join_lines, to_unrotated
from svrag.documents.caption_signs import Pair
from svrag.documents.captions import Captioned, pair_captions
from svrag.documents.files import ID_DIGITS
from svrag.documents.furniture import drop_furniture
from svrag.documents.headings import Heading, rank_headings
from svrag.documents.labels import normalise_label
from svrag.documents.language import language_of
from svrag.documents.model import Box, Document, Element, ElementType, Page, Region, Table
from svrag.documents.table_heads import header_rows
from svrag.documents.titles import title_of
from svrag.documents.workers import FileFacts

_ENDS = (".", "!", "?", ":", ";", "。", "！", "？", ".”", '."', ".)", "…")
_EQUATION_NUMBER = re.compile(r"[(\[]\s*([A-Z]{0,2}\.?\d{1,3}(?:\.\d{1,3})?[a-z]?)\s*[)\]]\s*$")
_LIST_CHARACTERS = 900  # a list up to this length is one element; a longer one is cut between items
_PUNCTUATION_ONLY = re.compile(r"[\W_]*")


@dataclass(slots=True)
class _Draft:
    """An element in the making; `regions` are where it stands, first the place it is cited at."""

    type: ElementType
    regions: list[Region]
    text: str
    kind: str
    label: str = ""
    caption: str = ""
    level: int = 0
    table: Table | None = None
    confidence: float = 1.0
    target: _Draft | None = None
    path: tuple[str, ...] = ()
    id: str = field(default="")


def assemble(facts: FileFacts, pages: Sequence[PageBlocks], *, sha256: str, name: str) -> Document:
    """The document that the pages of one file make."""
    document_id = sha256[:ID_DIGITS]
    cleaned = drop_furniture(pages)
    captioned = pair_captions(cleaned)
    drafts = _joined(_drafts(captioned, facts))
    _set_paths(drafts)
    _set_ids(drafts, document_id)
    records = tuple(page.page for page in cleaned)
    text = " ".join(record.text for record in records[:30])
    return Document(
        id=document_id,
        sha256=sha256,
        name=name,
        title=title_of(facts.title, cleaned[0].blocks if cleaned else ()),
        language=language_of(text),
        pages=records,
        elements=tuple(_element(draft, document_id) for draft in drafts),
        warnings=tuple(_warnings(records)),
    )


def _drafts(pages: Sequence[Captioned], facts: FileFacts) -> list[_Draft]:
    headings = [(page.page.page.number, block) for page in pages for block in _headings(page)]
    ranks = iter(rank_headings(headings, facts))
    drafts: list[_Draft] = []
    for page in pages:
        drafts += _page_drafts(page, ranks)
    return drafts


def _headings(page: Captioned) -> Iterator[Block]:
    captions = {i for i, _ in page.labels} | {p.source for p in page.pairs}
    for i, block in enumerate(page.blocks):
        if block.kind in ("title", "section-header") and i not in captions:
            yield block


def _page_drafts(page: Captioned, ranks: Iterator[Heading]) -> list[_Draft]:
    by_caption = {pair.caption: pair for pair in page.pairs}
    by_body = {pair.body: pair for pair in page.pairs}
    sources = {pair.source for pair in page.pairs}
    labels = dict(page.labels)
    drafts: dict[int, _Draft] = {}
    for i, block in enumerate(page.blocks):
        record = page.page.page
        if i in sources:
            continue
        if i in labels:
            drafts[i] = _caption(page, block, labels[i], by_caption.get(i))
        elif block.kind in ("picture", "table"):
            drafts[i] = _body(block, record, by_body.get(i), page)
        elif block.kind in ("title", "section-header"):
            rank = next(ranks)
            drafts[i] = _draft("section_header", block, record, label=rank.label, level=rank.level)
        elif block.kind == "formula":
            number = _EQUATION_NUMBER.search(block.text)
            drafts[i] = _draft(
                "equation", block, record, label=normalise_label("equation", number[1]) if number else ""
            )
        elif not _PUNCTUATION_ONLY.fullmatch(block.text):
            drafts[i] = _draft("text", block, record)
    for pair in page.pairs:
        drafts[pair.caption].target = drafts[pair.body]
    return list(drafts.values())


def _draft(kind: ElementType, block: Block, page: Page, *, label: str = "", level: int = 0) -> _Draft:
    return _Draft(kind, [_region(block.box, page)], block.text, block.kind, label=label, level=level)


def _caption(page: Captioned, block: Block, label: str, pair: Pair | None) -> _Draft:
    box, text = block.box, block.text
    if pair is not None and pair.source is not None:
        source = page.blocks[pair.source]
        text = f"{text}\n{source.text}"
    draft = _Draft("caption", [_region(box, page.page.page)], text, "caption", label=label)
    if pair is not None:
        draft.confidence = pair.confidence
        if pair.source is not None:
            draft.regions.append(_region(page.blocks[pair.source].box, page.page.page))
    return draft


def _body(block: Block, record: Page, pair: Pair | None, page: Captioned) -> _Draft:
    kind: ElementType = "table" if block.kind == "table" else "figure"
    table = _table(block) if kind == "table" else None
    text = "\n".join(table.row_texts()) if table else ""
    if not text:
        text = "\n".join(line.text for line in block.lines)
    draft = _Draft(kind, [_region(block.box, record)], text, block.kind, table=table)
    if pair is not None:
        caption = page.blocks[pair.caption].text
        draft.label = pair.label
        draft.caption = caption if pair.source is None else f"{caption}\n{page.blocks[pair.source].text}"
    return draft


def _table(block: Block) -> Table | None:
    """The cells, when there are at least two rows and columns."""
    rows = block.rows
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    return Table(rows=rows, header_rows=header_rows(rows))


def _region(box: Box, page: Page) -> Region:
    turned = to_unrotated(box, page).clipped(page.width, page.height)
    return Region(page.number, Box(*(round(value, 2) for value in turned)))


def _joined(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Paragraphs that run on over a column or page become one, and so do the items of a short list."""
    result: list[_Draft] = []
    open_paragraph: _Draft | None = None  # the last one that may run on past figures, tables and footnotes
    for draft in drafts:
        if draft.type == "section_header":
            open_paragraph = None
        if draft.type != "text":
            result.append(draft)
            continue
        last = result[-1] if result else None
        if draft.kind == "list-item" and last and last.kind == "list-item" and _short_list(last, draft):
            last.text = f"{last.text}\n{draft.text}"
            last.regions[-1:] = _extended(last.regions[-1], draft.regions[0])
            continue
        if open_paragraph is not None and draft.kind in ("text", "list-item") and _runs_on(open_paragraph, draft):
            open_paragraph.text = join_lines([open_paragraph.text, draft.text])
            open_paragraph.regions += draft.regions
            if draft.text.rstrip().endswith(_ENDS):
                open_paragraph = None
            continue
        result.append(draft)
        if draft.kind in ("text", "list-item"):
            open_paragraph = None if draft.text.rstrip().endswith(_ENDS) else draft
    return result


def _short_list(last: _Draft, item: _Draft) -> bool:
    return last.regions[-1].page == item.regions[0].page and len(last.text) + len(item.text) < _LIST_CHARACTERS


def _extended(first: Region, second: Region) -> list[Region]:
    """One region where the second follows below the first, else both."""
    beside = second.box.y0 < first.box.y0 - 5 or second.box.x0 > first.box.x1
    return [first, second] if beside else [Region(first.page, Box.around([first.box, second.box]))]


def _runs_on(paragraph: _Draft, draft: _Draft) -> bool:
    """Whether `draft` goes on in the middle of the sentence that `paragraph` breaks off, in another column or page."""
    last, first = paragraph.regions[-1], draft.regions[0]
    if len(paragraph.text) < 40 or first.page - last.page > 2:
        return False
    moved = first.page > last.page or first.box.y0 < last.box.y0
    begins = draft.text[:1]
    return moved and (begins.islower() or (paragraph.text.endswith("-") and begins.isalpha()))


def _set_paths(drafts: Sequence[_Draft]) -> None:
    open_headings: list[tuple[int, str]] = []
    for draft in drafts:
        if draft.type == "section_header":
            while open_headings and open_headings[-1][0] >= draft.level:
                open_headings.pop()
            draft.path = tuple(text for _, text in open_headings)
            open_headings.append((draft.level, draft.text))
        else:
            draft.path = tuple(text for _, text in open_headings)


def _set_ids(drafts: Sequence[_Draft], document_id: str) -> None:
    counts: dict[int, int] = {}
    for draft in drafts:
        page = draft.regions[0].page
        counts[page] = counts.get(page, 0) + 1
        draft.id = f"{document_id}.{page}.{counts[page]}"


def _element(draft: _Draft, document_id: str) -> Element:
    first, *rest = draft.regions
    return Element(
        id=draft.id,
        document_id=document_id,
        type=draft.type,
        page=first.page,
        box=first.box,
        text=draft.text,
        label=draft.label,
        caption=draft.caption,
        section_path=draft.path,
        level=draft.level,
        continues=tuple(rest),
        table=draft.table,
        target_id=draft.target.id if draft.target else "",
        confidence=draft.confidence,
    )


def _warnings(pages: Sequence[Page]) -> Iterator[str]:
    """One line for each kind of warning, naming its pages."""
    by_reason: dict[str, list[int]] = {}
    for page in pages:
        if page.warning:
            by_reason.setdefault(page.warning, []).append(page.number)
    for reason, numbers in by_reason.items():
        named = ", ".join(map(str, numbers[:8])) + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
        yield f"page{'s' if len(numbers) > 1 else ''} {named}: {reason}"
