"""The document as data: pages, elements, boxes, table cells. No parsing, no files, no libraries.

Coordinates are PDF points on the unrotated page (crop box), origin top-left, y down. Pages are 1-based.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from svrag.documents.table_heads import is_over_columns, is_remark

ElementType = Literal["text", "figure", "table", "caption", "equation", "section_header", "page"]
"""The six types of the element-graph schema v2.1, in its order, and `page`: a page is an element too."""

ELEMENT_TYPES: tuple[ElementType, ...] = get_args(ElementType)


class Box(NamedTuple):
    """A rectangle in points: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return max(0.0, self.x1 - self.x0)

    @property
    def height(self) -> float:
        return max(0.0, self.y1 - self.y0)

    @property
    def area(self) -> float:
        return self.width * self.height

    def intersection(self, other: Box) -> float:
        """Area shared with `other`, in square points."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]; 0 when both are empty."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def covered_by(self, other: Box) -> float:
        """Share of this box's area that lies inside `other`, in [0, 1]."""
        return self.intersection(other) / self.area if self.area > 0 else 0.0

    def distance(self, other: Box) -> float:
        """Points between the two across or down, whichever is more; 0 where they meet or overlap."""
        across = max(0.0, self.x0 - other.x1, other.x0 - self.x1)
        down = max(0.0, self.y0 - other.y1, other.y0 - self.y1)
        return max(across, down)

    def padded(self, points: float) -> Box:
        return Box(self.x0 - points, self.y0 - points, self.x1 + points, self.y1 + points)

    def clipped(self, width: float, height: float) -> Box:
        """This box cut to a page of the given size."""
        return Box(
            min(max(self.x0, 0.0), width),
            min(max(self.y0, 0.0), height),
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
        )

    @staticmethod
    def around(boxes: Iterable[Box]) -> Box:
        """The smallest box that holds all of `boxes` (at least one)."""
        x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
        return Box(min(x0s), min(y0s), max(x1s), max(y1s))


class Region(NamedTuple):
    """A box on a page (1-based)."""

    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a table, row by row; every row has the same number of cells, empty ones are ""."""

    rows: tuple[tuple[str, ...], ...]
    header_rows: int = 1

    def header(self) -> tuple[str, ...]:
        """One name per column: the header rows joined, without what stands over all columns."""
        head = [row for row in self.rows[: self.header_rows] if not self._is_over(row)]
        if not head:
            return ("",) * len(self.rows[0]) if self.header_rows else ()
        return tuple(" ".join(filter(None, cells)) for cells in zip(*head, strict=True))

    def over(self) -> str:
        """What the header says of all columns: "Year ended December 31, (in thousands)"; "" for nothing."""
        said = (cell for row in self.rows[: self.header_rows] if self._is_over(row) for cell in row if cell)
        return " ".join(said).rstrip(",")

    def row_texts(self) -> list[str]:
        """Each body row as one sentence a reader can quote: `row name, over | column: cell | column: cell`."""
        header, over = self.header(), self.over()
        texts = []
        for row in self.rows[self.header_rows :]:
            cells = [
                f"{name}: {cell}" if name and i > 0 else cell
                for i, (name, cell) in enumerate(zip(header or ("",) * len(row), row, strict=True))
                if cell
            ]
            if over and row[0] and len(cells) > 1:
                cells[0] = f"{row[0]}, {over}"
            if cells:
                texts.append(" | ".join(cells))
        return texts

    def _is_over(self, row: tuple[str, ...]) -> bool:
        head = self.rows[: self.header_rows]
        return len(head) > 1 and (
            is_remark(row) or is_over_columns(row, [other for other in head if other is not row])
        )

    def markdown(self) -> str:
        """GitHub-flavoured Markdown; pipes and line ends inside cells are escaped."""
        if not self.rows:
            return ""
        first, *others = self.header() or ("",) * len(self.rows[0])
        header = (" ".join(filter(None, (first, self.over()))), *others)

        def line(cells: Iterable[str]) -> str:
            return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

        body = [line(row) for row in self.rows[self.header_rows :]]
        return "\n".join([line(header), line("---" for _ in header), *body])


@dataclass(frozen=True, slots=True)
class Element:
    """Anything that can be retrieved, cited and boxed.

    Attributes:
        id: `<document id>.<page>.<n>`; `<document id>.<page>` for a page. Stable for the same file and parser version.
        page: 1-based page of its (first) box.
        box: where it is on that page.
        text: what it says: prose, caption text, heading text, words inside a figure, a table's rows as text lines,
            an equation as extracted, all words of a page.
        label: the name people refer to it by, normalised: "Figure 3", "Table A2", "Equation 4", "Section 4.2";
            "" when it has none. A caption carries the label of what it captions.
        caption: a figure's or table's caption text; "" otherwise.
        section_path: heading texts from the outermost to the innermost that hold it (a heading's own text excluded).
        level: depth of a section header, 1 = outermost; 0 for everything else.
        continues: further places of a paragraph or table that runs over a column or page, in reading order.
        table: the cells, for tables whose cells were found.
        target_id: for a caption, the id of the figure or table it was paired with; "" when it stands alone.
        confidence: how sure the pairing (captions) or the detection is: 1.0 structural, 0.9 clear pattern,
            0.7 proximity only, 0.5 ambiguous.
    """

    id: str
    document_id: str
    type: ElementType
    page: int
    box: Box
    text: str
    label: str = ""
    caption: str = ""
    section_path: tuple[str, ...] = ()
    level: int = 0
    continues: tuple[Region, ...] = ()
    table: Table | None = None
    target_id: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its unrotated size in points, its words, and how it was read.

    Attributes:
        number: 1-based position in the file.
        rotation: clockwise degrees (0, 90, 180, 270) a viewer turns the page by.
        label: the page's own name, from the file's page labels or the number printed on it ("iv", "12"); "" if none.
        text: all words in reading order, running headers and footers included.
        ocr: read by optical character recognition.
        warning: why the page was read in a poorer way than usual (time limit, no OCR program, ...); "" when all is well.
    """

    number: int
    width: float
    height: float
    rotation: int = 0
    label: str = ""
    text: str = ""
    ocr: bool = False
    warning: str = ""

    @property
    def displayed_size(self) -> tuple[float, float]:
        """Width and height as a viewer turns the page."""
        return (self.height, self.width) if self.rotation in (90, 270) else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read: immutable, whole, independent of where it is stored.

    Attributes:
        id: first 12 hex digits of the SHA-256 of the file's bytes.
        sha256: all 64 of them.
        name: file name with its extension.
        title: from the file's metadata or its first page; "" if none.
        language: ISO 639-1 code of most of its text; "" when unknown.
        elements: in reading order, without the pages; see `page_elements`.
        warnings: what a reader should know ("page 7: no text, tesseract is not installed").
    """

    id: str
    sha256: str
    name: str
    title: str
    language: str
    pages: tuple[Page, ...]
    elements: tuple[Element, ...]
    warnings: tuple[str, ...] = ()

    def page_elements(self) -> list[Element]:
        """Each page as an element of type `page`."""
        return [page_element(self.id, page) for page in self.pages]


def page_element(document_id: str, page: Page) -> Element:
    return Element(
        id=f"{document_id}.{page.number}",
        document_id=document_id,
        type="page",
        page=page.number,
        box=Box(0.0, 0.0, page.width, page.height),
        text=page.text,
        label=f"Page {page.number}",
    )
