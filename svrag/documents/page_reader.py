"""One page into blocks: text lines, layout classes, pictures, tables. Runs inside a worker, knows only its page.

The layout is that of PyMuPDF's model (`page.get_layout(return_raw=True)`), which works on text lines: a page without a
text layer is read by OCR first (scans.py). Pages too heavy for the model keep their text blocks and count as one picture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pymupdf

from svrag.documents import ocr
from svrag.documents.blocks import Block, BlockKind, Line, PageBlocks, Word
from svrag.documents.cells import Piece, cell_rows
from svrag.documents.grid import grid_rows
from svrag.documents.invisible import Unseen
from svrag.documents.model import Box, Page
from svrag.documents.order import in_reading_order
from svrag.documents.regions import find_pictures, image_boxes
from svrag.documents.scans import UNREADABLE, inked, is_all_image, is_scan, read_scan

_HEAVY_BYTES = 3_000_000
_HEAVY_OBJECTS = 20_000
_HEAVY_AREA = 4_000_000.0  # square points
_TEXT_FLAGS = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES


def read_page(document: pymupdf.Document, number: int) -> PageBlocks:
    """Page `number` (1-based) with its layout, read by OCR where it has no text of its own."""
    page, record = _upright(document, number)
    if _heavy(page):
        return _without_layout(page, record, "too many graphics for layout: text only")
    images = image_boxes(page)
    unseen = Unseen(page, images)
    lines = text_lines(page, unseen)
    source, warning, shown = page, "", []
    if is_scan(page, lines, images):
        if ocr.available():
            try:
                scan = read_scan(page)
                lines, source, shown = scan.lines, scan.drawn, scan.inked
                record = replace(record, ocr=True)
            except ocr.OcrError as error:
                warning = str(error)
        else:
            warning = "no text layer, and tesseract is not installed"
    elif lines and is_all_image(page, images):
        shown = inked(page, lines)
    source.get_layout(return_raw=True)
    groups: list[dict[str, Any]] = source.layout_information or []
    blocks = _blocks(groups, lines, page)
    pictures, spare = find_pictures(
        page, blocks, images, scanned=record.ocr or bool(warning) or bool(shown), inked=shown
    )
    filled = _filled(pictures, blocks)
    if record.ocr:
        filled = [_as_table(picture) for picture in filled]
    blocks = in_reading_order([*_outside(blocks, pictures), *_freed(pictures, blocks), *filled])
    pymupdf.TOOLS.store_shrink(100)
    record = replace(record, text=_all_text(lines), warning="; ".join(filter(None, (warning, unseen.warning()))))
    return PageBlocks(record, tuple(blocks), tuple(spare))


def read_text_only(document: pymupdf.Document, number: int, reason: str) -> PageBlocks:
    """Page `number` as text blocks and one picture: what is left when the layout took too long or crashed."""
    page, record = _upright(document, number)
    return _without_layout(page, record, reason)


def text_lines(page: pymupdf.Page, unseen: Unseen) -> list[Line]:
    """The page's text lines, as its file orders them, without what a reader does not see."""
    read = page.get_textpage(flags=_TEXT_FLAGS)
    words: dict[tuple[int, int], list[Word]] = {}  # of each block and line
    for *corners, text, block_number, line_number, _ in page.get_text("words", textpage=read):
        words.setdefault((block_number, line_number), []).append(Word(_clean(text), Box(*corners)))
    lines = []
    for block_number, block in enumerate(page.get_text("dict", textpage=read)["blocks"]):
        for line_number, line in enumerate(block.get("lines", ())):
            seen = [span for span in line["spans"] if not unseen.hides(span)]
            spans = [span for span in seen if span["text"].strip()]
            text = _clean("".join(span["text"] for span in seen))
            if not spans or not text:
                continue
            box = Box(*line["bbox"]) if len(seen) == len(line["spans"]) else Box.around(Box(*s["bbox"]) for s in spans)
            main = max(spans, key=lambda span: len(span["text"]))
            bold = all(span["flags"] & pymupdf.TEXT_FONT_BOLD or "bold" in span["font"].lower() for span in spans)
            seen_boxes = [Box(*span["bbox"]).padded(0.5) for span in spans]
            own = [
                w for w in words.get((block_number, line_number), ()) if any(_middle_in(w.box, b) for b in seen_boxes)
            ]
            lines.append(Line(text, box, float(main["size"]), bold, _adding_up(text, box, own)))
    return lines


def _adding_up(text: str, box: Box, words: list[Word]) -> tuple[Word, ...]:
    """The words of a line, or the line as one word where they are not what it says: part of a word may be unseen."""
    said = "".join(word.text for word in words)
    if said.replace(" ", "") != text.replace(" ", ""):
        return (Word(text, box),)
    return tuple(word for word in words if word.text)


def _upright(document: pymupdf.Document, number: int) -> tuple[pymupdf.Page, Page]:
    """The page turned as a viewer shows it, and its record with the size it has unturned.

    The turn is applied to the page's content in memory: the layout model and the reading order need upright text.
    """
    page = document[number - 1]
    turn = page.rotation
    width, height = page.rect.width, page.rect.height
    if turn in (90, 270):
        width, height = height, width
    if turn:
        cut = _turned_crop(page)
        if cut is not None:
            page.set_cropbox(page.mediabox)  # PyMuPDF shifts what is on a page that is turned and cut
        page.remove_rotation()
        if cut is not None:
            page.set_cropbox(cut)
    return page, Page(number=number, width=width, height=height, rotation=turn, label=_label(page))


def _turned_crop(page: pymupdf.Page) -> pymupdf.Rect | None:
    """The part of the sheet that is shown, where the turn of the page brings it; None for all of it."""
    sheet, crop = page.mediabox, page.cropbox
    if crop == sheet:
        return None
    left, top, right, bottom = crop.x0 - sheet.x0, crop.y0 - sheet.y0, sheet.x1 - crop.x1, sheet.y1 - crop.y1
    width, height = sheet.width, sheet.height
    if page.rotation == 90:
        left, top, right, bottom, width, height = bottom, left, top, right, height, width
    elif page.rotation == 180:
        left, top, right, bottom = right, bottom, left, top
    elif page.rotation == 270:
        left, top, right, bottom, width, height = top, right, bottom, left, height, width
    x, y = (sheet.y0, sheet.x0) if page.rotation in (90, 270) else (sheet.x0, sheet.y0)
    return pymupdf.Rect(x + left, y + top, x + width - right, y + height - bottom)


def _label(page: pymupdf.Page) -> str:
    try:
        return str(page.get_label() or "")
    except (RuntimeError, ValueError, IndexError):  # broken page label trees
        return ""


def _heavy(page: pymupdf.Page) -> bool:
    if page.rect.width * page.rect.height > _HEAVY_AREA:
        return True
    return len(page.read_contents()) > _HEAVY_BYTES or len(page.get_bboxlog()) > _HEAVY_OBJECTS


def _blocks(groups: list[dict[str, Any]], lines: list[Line], page: pymupdf.Page) -> list[Block]:
    """Layout groups with the lines inside them; lines that the layout left out become text blocks of their own."""
    boxes = [Box(*group["group_bbox"]) for group in groups]
    members: list[list[Line]] = [[] for _ in groups]
    rest = []
    for line in lines:
        inside = [i for i, box in enumerate(boxes) if line.box.covered_by(box.padded(1.0)) > 0.5]
        if inside:
            members[min(inside, key=lambda i: boxes[i].area)].append(line)
        else:
            rest.append(line)
    blocks = []
    for group, box, inside_lines in zip(groups, boxes, members, strict=True):
        kind: BlockKind = group["class_name"]
        box = Box.around([box, *(line.box for line in inside_lines)]).clipped(page.rect.width, page.rect.height)
        if kind not in ("picture", "table") and not inside_lines:
            continue
        rows = cell_rows(_pieces(group), inside_lines) if kind == "table" else ()
        blocks.append(Block(kind, box, _bare(sort_lines(inside_lines)), rows))
    return [*blocks, *_left_over(rest)]


def _pieces(group: dict[str, Any]) -> list[Piece]:
    """Where the model saw text in a table. What it read there is not taken: it sees what a reader does not."""
    cells = group.get("table_cells") or ()
    return [Piece(cell.row, cell.col, Box(*group["bboxes"][cell.bbox_idx])) for cell in cells]


def _middle_in(word: Box, piece: Box) -> bool:
    return piece.x0 <= (word.x0 + word.x1) / 2 <= piece.x1 and piece.y0 <= (word.y0 + word.y1) / 2 <= piece.y1


def _left_over(lines: list[Line]) -> list[Block]:
    """Lines that no group holds, joined to blocks where one follows the other closely."""
    blocks: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.box.y0, line.box.x0)):
        last = blocks[-1][-1] if blocks else None
        if last and line.box.y0 - last.box.y1 < 0.6 * line.size and abs(line.box.x0 - last.box.x0) < 2 * line.size:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return [Block("text", Box.around(line.box for line in group), _bare(group), found="text") for group in blocks]


def _bare(lines: list[Line]) -> tuple[Line, ...]:
    """Lines without their words, which are many and of no more use."""
    return tuple(replace(line, words=()) for line in lines)


def sort_lines(lines: list[Line]) -> list[Line]:
    """Top to bottom, and left to right within a row of the same baseline."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box.y0 + line.box.y1):
        middle = (line.box.y0 + line.box.y1) / 2
        if (
            rows
            and middle < rows[-1][0].box.y1
            and middle - (rows[-1][0].box.y0 + rows[-1][0].box.y1) / 2 < 0.4 * line.size
        ):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.box.x0)]


def _outside(blocks: list[Block], pictures: list[Block]) -> list[Block]:
    """Blocks that are not part of a picture: its words are the picture's, its caption is not."""
    return [
        block
        for block in blocks
        if block.kind != "picture"
        and (block.kind in ("caption", "table") or not any(block.box.covered_by(p.box) > 0.7 for p in pictures))
    ]


def _filled(pictures: list[Block], blocks: list[Block]) -> list[Block]:
    """Pictures with all the lines inside them."""
    filled = []
    for picture in pictures:
        lines = [
            line
            for block in blocks
            if block.kind == "picture"
            or (block.kind not in ("caption", "table") and block.box.covered_by(picture.box) > 0.7)
            for line in block.lines
            if line.box.covered_by(picture.box.padded(1.0)) > 0.5
        ]
        filled.append(replace(picture, lines=tuple(sort_lines(lines))))
    return filled


def _freed(pictures: list[Block], blocks: list[Block]) -> list[Block]:
    """The words of pictures that turned out to be none."""
    lines = [
        line
        for block in blocks
        if block.kind == "picture"
        for line in block.lines
        if not any(line.box.covered_by(picture.box.padded(1.0)) > 0.5 for picture in pictures)
    ]
    return _left_over(lines)


def _as_table(picture: Block) -> Block:
    """A picture of a scan that shows a table, as a table."""
    rows = grid_rows(picture.lines)
    return replace(picture, kind="table", rows=rows) if rows else picture


def _without_layout(page: pymupdf.Page, record: Page, warning: str) -> PageBlocks:
    """Text blocks as the file has them, and the page as one picture where it has graphics."""
    unseen = Unseen(page, image_boxes(page), draw=False)  # whatever made the layout fail may do it again
    lines = text_lines(page, unseen)
    warning = "; ".join(filter(None, (warning, unseen.warning())))
    blocks = _left_over(lines)
    if image_boxes(page) or len(page.get_bboxlog()) > len(lines) + 50:
        blocks.insert(0, Block("picture", Box(*page.rect), (), found="drawing"))
    ordered = in_reading_order(blocks)
    return PageBlocks(replace(record, text=_all_text(lines), warning=warning), tuple(ordered))


def _all_text(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)


def _clean(text: str) -> str:
    """Without control characters and lone surrogates, spaces as one."""
    text = text.encode("utf-8", errors="ignore").decode("utf-8")
    return " ".join(UNREADABLE.sub(" ", text).split())
