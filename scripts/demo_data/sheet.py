"""A page that is drawn on: shapes below, text above, both written once at the end. Points, origin top-left.

Text may be marked up: `*italic*`, `**bold**`, `_{below}`, `^{above}`, and `~` for a space that never breaks a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

import pymupdf

Color = tuple[float, float, float]
Point = tuple[float, float]
Align = Literal["left", "center", "right"]

BLACK: Color = (0.0, 0.0, 0.0)
WHITE: Color = (1.0, 1.0, 1.0)

# The fonts that come with PyMuPDF, so that the documents are the same wherever they are made.
_FONTS = {
    "serif": ("tiro", "tibo", "tiit", "tibi"),
    "sans": ("helv", "hebo", "heit", "hebi"),
}
_MARKS = re.compile(r"(\*\*|\*|_\{|\^\{|\}| )")


def grey(level: float) -> Color:
    return (level, level, level)


def rgb(code: str) -> Color:
    """A colour from its hexadecimal code: "2f6f9f"."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return (red, green, blue)


class Area(NamedTuple):
    """A rectangle: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    def inset(self, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0) -> Area:
        return Area(self.x0 + left, self.y0 + top, self.x1 - right, self.y1 - bottom)


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks. `leading` is the distance of two baselines."""

    family: str = "sans"
    size: float = 10.0
    leading: float = 13.0
    color: Color = BLACK
    bold: bool = False
    italic: bool = False

    def but(self, **changes: object) -> Style:
        return replace(self, **changes)  # type: ignore[arg-type]


@cache
def _font(name: str) -> pymupdf.Font:
    return pymupdf.Font(name)


@cache
def text_width(text: str, font: str, size: float) -> float:
    return float(_font(font).text_length(text, fontsize=size))


class Fragment(NamedTuple):
    """Characters in one font and size; `rise` lifts them above the baseline."""

    text: str
    font: str
    size: float
    rise: float

    @property
    def width(self) -> float:
        return text_width(self.text, self.font, self.size)


class Word(NamedTuple):
    """What is not broken; `space` after it, unless it ends in the middle of a hyphenated word."""

    fragments: tuple[Fragment, ...]
    space: bool

    @property
    def width(self) -> float:
        return sum(fragment.width for fragment in self.fragments)


def words(text: str, style: Style) -> list[Word]:
    """Marked-up `text` as words."""
    bold, italic, script = style.bold, style.italic, ""
    done: list[Word] = []
    current: list[Fragment] = []

    def close(space: bool) -> None:
        if current:
            done.append(Word(tuple(current), space))
            current.clear()

    for token in _MARKS.split(text):
        if token == "**":
            bold = not bold
        elif token == "*":
            italic = not italic
        elif token in ("_{", "^{"):
            script = token[0]
        elif token == "}":
            script = ""
        elif token == " " and not script:
            close(space=True)
        elif token:
            font = _FONTS[style.family][bold + 2 * italic]
            size = round(style.size * 0.7, 2) if script else style.size
            rise = {"": 0.0, "_": -0.18, "^": 0.36}[script] * style.size
            pieces = re.split(r"(?<=[a-z]{3}-)(?=[a-z]{3})", token.replace("~", " "))
            for i, piece in enumerate(pieces):
                current.append(Fragment(piece, font, size, rise))
                if i < len(pieces) - 1:
                    close(space=False)
    close(space=True)
    return done


class Line(NamedTuple):
    """Words of one line, to be set `indent` from the left; `last` of its paragraph."""

    words: tuple[Word, ...]
    indent: float
    last: bool


def space_width(style: Style) -> float:
    return text_width(" ", _FONTS[style.family][0], style.size)


def natural_width(line: Sequence[Word], style: Style) -> float:
    gaps = sum(word.space for word in line[:-1])
    return sum(word.width for word in line) + gaps * space_width(style)


def break_lines(
    text: str, width: float, style: Style, indent: float = 0.0, hang: float = 0.0, even: bool = True
) -> list[Line]:
    """`text` in lines of `width`: the breaks that make the spaces most even, or as many words as fit to a line.

    Args:
        indent: of the first line.
        hang: of all others.
        even: for justified text.
    """
    tokens = words(text, style)
    space = space_width(style)
    widths, gaps = [0.0], [0]  # of the first n words
    for token in tokens:
        widths.append(widths[-1] + token.width)
        gaps.append(gaps[-1] + token.space)
    best: list[tuple[float, int]] = [(0.0, 0)]  # for the first n words: cost, start of their last line
    for end in range(1, len(tokens) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            room = width - (indent if start == 0 else hang)
            inner = gaps[end - 1] - gaps[start]
            spare = room - (widths[end] - widths[start]) - inner * space
            if spare < -0.15 * space * inner - 0.01 and end - start > 1:
                break
            if end == len(tokens):
                cost = 0.0 if spare >= 0 else 1.0 if even else 1e6
            elif even:
                cost = 1.0 + 10 * (abs(spare) / max(1, inner) / space) ** 3 + (0 if tokens[end - 1].space else 3)
            else:
                cost = 1.0 + 4 * max(0.0, spare / room) ** 2 + (1e6 if spare < 0 else 0)
            options.append((best[start][0] + cost, start))
        best.append(min(options))
    starts = []
    end = len(tokens)
    while end > 0:
        starts.append((best[end][1], end))
        end = best[end][1]
    starts.reverse()
    return [Line(tuple(tokens[a:b]), indent if a == 0 else hang, b == len(tokens)) for a, b in starts]


class Sheet:
    """One page of a document, being drawn."""

    def __init__(self, document: pymupdf.Document, width: float, height: float) -> None:
        self.number: int = document.new_page(width=width, height=height).number + 1
        self.width, self.height = width, height
        self._document = document  # a page object does not outlive the next page that is added
        self._shapes: list[tuple[Callable[[pymupdf.Shape], object], dict[str, object]]] = []
        self._writers: dict[Color, pymupdf.TextWriter] = {}
        self._turned: list[tuple[pymupdf.TextWriter, Point, Color]] = []

    # Shapes

    def _draw(
        self, path: Callable[[pymupdf.Shape], object], fill: Color | None, stroke: Color | None, width: float,
        dash: str = "", close: bool = False,
    ) -> None:  # fmt: skip
        line = width if stroke else 0
        look = {
            "fill": fill,
            "color": stroke,
            "width": line,
            "dashes": dash or None,
            "closePath": close,
            "lineJoin": 1,
        }
        self._shapes.append((path, look))

    def rect(
        self, area: Sequence[float], fill: Color | None = None, stroke: Color | None = None, width: float = 0.6,
        radius: float = 0.0,
    ) -> None:  # fmt: skip
        box = pymupdf.Rect(*area)
        share = radius / min(box.width, box.height) if radius else None
        self._draw(lambda shape: shape.draw_rect(box, radius=share), fill, stroke, width)

    def line(self, start: Point, end: Point, color: Color = BLACK, width: float = 0.6, dash: str = "") -> None:
        self._draw(lambda shape: shape.draw_line(start, end), None, color, width, dash)

    def polyline(self, points: Sequence[Point], color: Color = BLACK, width: float = 1.0, dash: str = "") -> None:
        path = [pymupdf.Point(point) for point in points]
        self._draw(lambda shape: shape.draw_polyline(path), None, color, width, dash)

    def polygon(
        self, points: Sequence[Point], fill: Color | None, stroke: Color | None = None, width: float = 0.6
    ) -> None:
        path = [pymupdf.Point(point) for point in points]
        self._draw(lambda shape: shape.draw_polyline(path), fill, stroke, width, close=True)

    def circle(
        self, center: Point, radius: float, fill: Color | None = None, stroke: Color | None = None, width: float = 0.6
    ) -> None:
        self._draw(lambda shape: shape.draw_circle(center, radius), fill, stroke, width)

    def arrow(self, start: Point, end: Point, color: Color = BLACK, width: float = 0.8, head: float = 4.0) -> None:
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = (dx * dx + dy * dy) ** 0.5
        ux, uy = dx / length, dy / length
        foot = (end[0] - ux * head, end[1] - uy * head)
        self.line(start, foot, color, width)
        side = 0.45 * head
        self.polygon(
            [end, (foot[0] - uy * side, foot[1] + ux * side), (foot[0] + uy * side, foot[1] - ux * side)], color
        )

    # Text

    def _writer(self) -> pymupdf.TextWriter:
        return pymupdf.TextWriter(pymupdf.Rect(0, 0, self.width, self.height))

    def _append(self, x: float, y: float, fragment: Fragment, color: Color) -> None:
        writer = self._writers.get(color)
        if writer is None:
            writer = self._writers[color] = self._writer()
        writer.append((x, y - fragment.rise), fragment.text, font=_font(fragment.font), fontsize=fragment.size)

    def _set(self, line: Sequence[Word], x: float, y: float, style: Style, stretch: float = 0.0) -> None:
        space = space_width(style)
        for i, word in enumerate(line):
            for j, fragment in enumerate(word.fragments):
                last = j == len(word.fragments) - 1 and word.space and i < len(line) - 1
                # The space is drawn too, so that the text can be copied.
                drawn = fragment._replace(text=fragment.text + " ") if last and not fragment.rise else fragment
                self._append(x, y, drawn, style.color)
                x += fragment.width
            if word.space:
                x += space + stretch

    def text(self, x: float, y: float, text: str, style: Style, align: Align = "left") -> float:
        """One line with its baseline at `y`, starting, centred or ending at `x`; how wide it is."""
        line = words(text, style)
        width = natural_width(line, style)
        self._set(line, x - {"left": 0.0, "center": width / 2, "right": width}[align], y, style)
        return width

    def upright(self, x: float, y: float, text: str, style: Style) -> None:
        """One line that reads from the bottom to the top, its baseline at `x`, centred on `y`."""
        font = _FONTS[style.family][style.bold + 2 * style.italic]
        pivot = (x, y + text_width(text, font, style.size) / 2)
        writer = self._writer()
        writer.append(pivot, text, font=_font(font), fontsize=style.size)
        self._turned.append((writer, pivot, style.color))

    def lines(self, lines: Sequence[Line], x: float, y: float, width: float, style: Style, align: str) -> Area:
        """Lines below each other from the top edge `y`; where they are. `align` also takes "justify"."""
        for n, line in enumerate(lines):
            base = y + 0.78 * style.size + n * style.leading
            room = width - line.indent
            spare = room - natural_width(line.words, style)
            gaps = sum(word.space for word in line.words[:-1])
            stretch = spare / gaps if gaps and align == "justify" and (not line.last or spare < 0) else 0.0
            shift = {"center": spare / 2, "right": spare}.get(align, 0.0)
            self._set(line.words, x + line.indent + shift, base, style, stretch)
        used = max((natural_width(line.words, style) + line.indent for line in lines), default=0.0)
        bottom = y + style.size + (len(lines) - 1) * style.leading
        left = x if align in ("left", "justify") else x + (width - used) / (2 if align == "center" else 1)
        return Area(left, y, left + min(used, width), bottom)

    def paragraph(
        self, x: float, y: float, width: float, text: str, style: Style, align: str = "left", indent: float = 0.0,
        hang: float = 0.0,
    ) -> Area:  # fmt: skip
        """`text` in lines of `width`, from the top edge `y`; where it is. `y1` plus the leading is the next line."""
        lines = break_lines(text, width, style, indent, hang, even=align == "justify")
        return self.lines(lines, x, y, width, style, align)

    def finish(self) -> None:
        page = self._document[self.number - 1]
        shape = page.new_shape()
        for path, look in self._shapes:
            path(shape)
            shape.finish(**look)
        shape.commit()
        for color, writer in self._writers.items():
            writer.write_text(page, color=color)
        for writer, pivot, color in self._turned:
            writer.write_text(page, color=color, morph=(pymupdf.Point(pivot), pymupdf.Matrix(90)))
