"""The demo paper: two columns, figures, tables, equations, references and two appendices."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pymupdf

from demo_data import paper_text as content
from demo_data.charts import Axes, Look, Marker, Series, legend, mark
from demo_data.made import Made, describe
from demo_data.sheet import (
    BLACK,
    WHITE,
    Area,
    Color,
    Sheet,
    Style,
    break_lines,
    grey,
    natural_width,
    rgb,
    words,
)
from demo_data.tables import Grid, draw_table, table_height

WIDTH, HEIGHT = 595.0, 842.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 541.0, 64.0, 782.0
GUTTER = 19.0
COLUMN = (RIGHT - LEFT - GUTTER) / 2

BODY = Style("serif", 10.8, 14.0)
SMALL = Style("serif", 9.2, 11.4)
CAPTION = Style("serif", 9.2, 11.4)
H1 = Style("serif", 12.6, 15.5, bold=True)
H2 = Style("serif", 11.0, 14.0, bold=True)
CELL = Style("serif", 9.0, 10.8)
LABEL = Style("sans", 7.0, 8.6, grey(0.15))
LOOK = Look(LABEL)
COLORS: dict[str, Color] = {"R35": rgb("8c8c8c"), "U60": rgb("d9902f"), "G3": rgb("5aa7a0"), "G5": rgb("1f4e79")}
MARKERS: dict[str, Marker] = {"R35": "square", "U60": "diamond", "G3": "triangle", "G5": "circle"}
INDENT = 11.0


@dataclass(frozen=True, slots=True)
class Float:
    """A figure (caption below) or a table (caption above) of fixed height that text flows around."""

    label: str
    height: Callable[[float], float]
    draw: Callable[[Sheet, Area], Area]
    """Draws into the area and says where exactly."""

    @property
    def above(self) -> bool:
        return self.label.startswith("Table")

    def caption(self, width: float) -> list:  # type: ignore[type-arg]
        return break_lines(f"**{self.label.replace(' ', '~')}.** {content.CAPTIONS[self.label]}", width, CAPTION)

    def whole(self, width: float) -> float:
        return self.height(width) + 5 + len(self.caption(width)) * CAPTION.leading


# Figures


def _collector(sheet: Sheet, area: Area) -> Area:
    """Figure 1: posts, five bands, gutter, tank, arrows of wind."""
    x0, x1 = area.x0 + 62, area.x1 - 62
    top, foot = area.y0 + 10, area.y1 - 84
    post = rgb("6b5a45")
    ground = area.y1 - 10
    sheet.rect((area.x0, ground, area.x1, ground + 6), rgb("e3dccb"))
    sheet.line((area.x0, ground), (area.x1, ground), rgb("9a8f76"), 0.8)
    for x in (x0 - 5, x1 + 5):
        sheet.rect((x - 2.2, top - 8, x + 2.2, ground), post)
    shades = (0.38, 0.46, 0.54, 0.62, 0.70)
    height = (foot - top) / len(shades)
    for i, shade in enumerate(shades):
        y0, y1 = top + i * height, top + (i + 1) * height
        sheet.rect((x0, y0, x1, y1), rgb("f3f7fa"))
        step = 2.6 / shade
        count = int((x1 - x0) / step)
        for n in range(count + 1):
            x = x0 + n * (x1 - x0) / count
            sheet.line((x, y0), (x, y1), rgb("7f9db5"), 0.35)
        rows = int((y1 - y0) / step)
        for n in range(1, rows):
            sheet.line((x0, y0 + n * height / rows), (x1, y0 + n * height / rows), rgb("7f9db5"), 0.35)
        sheet.line((x0, y1), (x1, y1), rgb("1f4e79"), 0.9)
        middle = (y0 + y1) / 2
        sheet.text(x1 + 12, middle + 2.5, f"*s*_{{{i + 1}}} = {shade:.2f}", LABEL)
        sheet.arrow((area.x0 + 22, middle), (x0 - 12, middle), rgb("4f87b5"), 0.9, 4.5)
    sheet.line((x0, top), (x1, top), rgb("1f4e79"), 0.9)
    sheet.text(area.x0 + 20, top - 2, "fog", LABEL.but(italic=True))
    sheet.polygon(
        [(x0 - 2, foot + 4), (x1 + 2, foot + 9), (x1 + 2, foot + 14), (x0 - 2, foot + 9)],
        rgb("a9c7dd"),
        rgb("1f4e79"),
        0.6,
    )
    sheet.text((x0 + x1) / 2, foot + 22, "gutter", LABEL, "center")
    pipe = x1 - 40
    sheet.polyline([(pipe, foot + 13), (pipe, ground - 22)], rgb("1f4e79"), 1.6)
    sheet.rect((pipe - 20, ground - 22, pipe + 20, ground), rgb("d5e4ef"), rgb("1f4e79"), 0.8)
    sheet.text(pipe, ground - 8.5, "tank", LABEL, "center")
    sheet.text(pipe + 7, foot + 34, "gauge", LABEL)
    sheet.circle((pipe, foot + 31), 3.2, WHITE, rgb("1f4e79"), 0.8)
    return area


def _map(sheet: Sheet, area: Area) -> Area:
    """Figure 2: contours of the ridge, four collectors in a row, mast and tank."""
    sheet.rect(area, rgb("f7f4ec"), grey(0.4), 0.6)
    cx, cy = (area.x0 + area.x1) / 2 - 8, (area.y0 + area.y1) / 2 + 2
    turn = math.radians(-24)

    def at(along: float, across: float) -> tuple[float, float]:
        return (
            cx + along * math.cos(turn) - across * math.sin(turn),
            cy + along * math.sin(turn) + across * math.cos(turn),
        )

    for n, (a, b) in enumerate(((94, 24), (106, 42), (116, 62))):
        points = []
        for k in range(121):
            angle = 2 * math.pi * k / 120
            wobble = 1 + 0.05 * math.sin(3 * angle + n) + 0.03 * math.cos(5 * angle)
            points.append(at(a * wobble * math.cos(angle), b * wobble * math.sin(angle)))
        inside = [
            (min(max(x, area.x0 + 0.5), area.x1 - 0.5), min(max(y, area.y0 + 0.5), area.y1 - 0.5)) for x, y in points
        ]
        sheet.polyline(inside, rgb("b49a6a"), 0.7)
        x, y = at(-a * 0.62, b * 0.80)
        sheet.rect((x - 8, y - 4.5, x + 8, y + 4.5), rgb("f7f4ec"))
        sheet.text(x, y + 2.4, f"{740 - 10 * n}", LABEL.but(color=rgb("8a7140"), size=6.4), "center")
    spots = ((-62, "1"), (-26, "2"), (10, "3"), (46, "4"))
    for along, name in spots:
        sheet.line(at(along - 9, 0), at(along + 9, 0), rgb("1f4e79"), 2.6)
        x, y = at(along + 1, -9)
        sheet.text(x, y + 2.4, name, LABEL.but(bold=True, color=rgb("1f4e79")), "center")
    x, y = at(-8, 9)
    sheet.polygon([(x, y - 4.5), (x + 4, y + 3.5), (x - 4, y + 3.5)], rgb("b23a2e"))
    sheet.text(x + 6, y + 4.5, "mast", LABEL)
    x, y = at(76, -2)
    sheet.rect((x - 3.5, y - 3.5, x + 3.5, y + 3.5), rgb("4f87b5"), rgb("1f4e79"), 0.6)
    sheet.text(x, y + 11.5, "tank", LABEL, "center")
    sheet.arrow((area.x0 + 14, area.y1 - 12), (area.x0 + 38, area.y1 - 36), rgb("4f87b5"), 1.6, 7)
    sheet.text(area.x0 + 32, area.y1 - 12, "fog", LABEL.but(italic=True))
    sheet.arrow((area.x1 - 14, area.y0 + 30), (area.x1 - 14, area.y0 + 10), BLACK, 0.9, 5)
    sheet.text(area.x1 - 14, area.y0 + 38, "N", LABEL.but(bold=True), "center")
    right = area.x1 - 12
    sheet.line((right - 36, area.y1 - 10), (right, area.y1 - 10), BLACK, 1.2)
    for x in (right - 36, right):
        sheet.line((x, area.y1 - 12.5), (x, area.y1 - 7.5), BLACK, 0.8)
    sheet.text(right - 18, area.y1 - 14, "18 m", LABEL, "center")
    return area


def _monthly(sheet: Sheet, area: Area) -> Area:
    axes = Axes(sheet, area.inset(34, 6, 2, 17), (0.4, 12.6), (0, 7.5), LOOK)
    axes.y_ticks((0, 1, 2, 3, 4, 5, 6, 7), title="Yield (L per m² and day)")
    for n, name in enumerate(content.YIELD):
        for month, value in enumerate(content.YIELD[name], start=1):
            axes.bar(month + (n - 1.5) * 0.19, 0.17, value, COLORS[name])
    axes.frame()
    axes.x_ticks(range(1, 13), names=content.MONTHS)
    series = [Series(name, COLORS[name]) for name in content.YIELD]
    legend(sheet, area.x1 - 130, area.y0 + 4, series, LABEL, "box", columns=2, box=grey(0.7))
    return area


def _efficiency(sheet: Sheet, area: Area) -> Area:
    axes = Axes(sheet, area.inset(30, 4, 4, 25), (0.5, 10.5), (0, 35), LOOK)
    axes.y_ticks((0, 5, 10, 15, 20, 25, 30, 35), title="Efficiency (%)")
    axes.x_ticks(range(1, 11), title="Wind speed (m/s)")
    series = [Series(n, COLORS[n], content.EFFICIENCY[n], MARKERS[n]) for n in content.EFFICIENCY]
    for one in series:
        axes.line(range(1, 11), one)
    axes.frame(whole=True)
    legend(sheet, area.x1 - 56, area.y0 + 8, series[::-1], LABEL, "line", box=grey(0.7))
    return area


def _scatter(sheet: Sheet, area: Area) -> Area:
    axes = Axes(sheet, area.inset(30, 4, 4, 25), (0, 12), (0, 12), LOOK)
    axes.y_ticks(range(0, 13, 2), title="Measured yield (L per m² and day)")
    axes.x_ticks(range(0, 13, 2), title="Predicted yield (L per m² and day)")
    sheet.line((axes.x(0), axes.y(0)), (axes.x(12), axes.y(12)), grey(0.35), 0.8, "[3 2] 0")
    dice = random.Random(11)
    for _ in range(106):
        predicted = 11 * dice.random() ** 1.9 + 0.15
        measured = min(11.7, max(0.08, predicted - 0.03 + 0.38 * (0.4 + 0.09 * predicted) * dice.gauss(0, 1.6)))
        mark(sheet, "circle", (axes.x(predicted), axes.y(measured)), 1.7, COLORS["G5"], WHITE)
    axes.frame(whole=True)
    sheet.text(axes.x(0.5), axes.y(11), "RMSE = 0.38", LABEL)
    sheet.text(axes.x(0.5), axes.y(10.2), "N = 106", LABEL)
    return area


def _hourly(sheet: Sheet, area: Area) -> Area:
    axes = Axes(sheet, area.inset(32, 4, 4, 25), (-0.5, 23.5), (0, 0.6), LOOK)
    axes.y_ticks((0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), "{:.1f}", title="Yield (L per m² and hour)")
    axes.x_ticks((0, 3, 6, 9, 12, 15, 18, 21), form="{:02d}:00", title="Local time")
    fill = [(axes.x(h), axes.y(v)) for h, v in enumerate(content.HOURLY)]
    sheet.polygon([(axes.x(0), axes.y(0)), *fill, (axes.x(23), axes.y(0))], rgb("dbe7f0"))
    raschel = tuple(round(v * (0.68 - 0.0006 * (h - 5) ** 2 / 4), 3) for h, v in enumerate(content.HOURLY))
    series = (
        Series("G5", COLORS["G5"], content.HOURLY, MARKERS["G5"]),
        Series("R35", COLORS["R35"], raschel, MARKERS["R35"]),
    )
    for one in series:
        axes.line(range(24), one, size=1.6)
    axes.frame(whole=True)
    legend(sheet, area.x1 - 58, area.y0 + 8, series, LABEL, "line", box=grey(0.7))
    return area


def _losses(sheet: Sheet, area: Area) -> Area:
    axes = Axes(sheet, area.inset(46, 4, 8, 25), (0, 25), (0.4, 5.6), LOOK)
    axes.x_ticks((0, 5, 10, 15, 20, 25), grid=True, title="Share lost to the lee (%)")
    for band in range(1, 6):
        y = 6 - band
        for name, shift in (("U60", 0.19), ("G5", -0.19)):
            value = content.LOSSES[name][band - 1]
            bar = axes.bar_across(y + shift, 0.34, value, COLORS[name])
            sheet.text(bar.x1 + 3, (bar.y0 + bar.y1) / 2 + 2.4, f"{value:g}", LABEL)
        name = {1: "top", 5: "foot"}.get(band, f"band {band}")
        sheet.text(axes.area.x0 - 5, axes.y(y) + 2.4, name, LABEL, "right")
    axes.frame()
    series = [Series(name, COLORS[name]) for name in ("U60", "G5")]
    legend(sheet, area.x1 - 58, area.y0 + 8, series, LABEL, "box", box=grey(0.7))
    return area


# Tables


def _grid(shares: Sequence[float], aligns: str = "", totals: Sequence[int] = ()) -> Grid:
    names = {"l": "left", "c": "center", "r": "right"}
    letters = aligns or "l" + "c" * (len(shares) - 1)
    return Grid(
        tuple(shares), tuple(names[a] for a in letters), CELL, CELL.but(bold=True), totals=totals  # type: ignore[arg-type, misc]
    )  # fmt: skip


GRIDS = {
    "Table 1": _grid((1.6, 0.8, 2.9, 1.6, 1.4)),
    "Table 2": _grid((1.1, 0.8, 1.4, 1.4, 0.9)),
    "Table 3": _grid((2.7, 1.3, 0.8, 0.8, 0.6)),
    "Table 4": _grid((2.6, 0.8, 0.8, 0.8, 0.8), "lrrrr", (4,)),
    "Table A1": _grid((2.3, 2.6, 1.4, 1.2, 0.9), "lllll"),
    "Table B1": _grid((0.8, 1.9, 1.4, 1.3)),
}


def _figure(label: str, height: float, draw: Callable[[Sheet, Area], Area]) -> Float:
    return Float(label, lambda _width: height, draw)


def _table(label: str) -> Float:
    rows, grid = content.TABLES[label], GRIDS[label]
    return Float(
        label,
        lambda width: table_height(rows, width, grid),
        lambda sheet, area: draw_table(sheet, area.x0, area.y0, area.width, rows, grid),
    )


FLOATS = {
    f.label: f
    for f in (
        _figure("Figure 1", 232, _collector),
        _figure("Figure 2", 200, _map),
        _figure("Figure 3", 214, _monthly),
        _figure("Figure 4", 212, _efficiency),
        _figure("Figure 5", 236, _scatter),
        _figure("Figure 6", 196, _hourly),
        _figure("Figure 7", 196, _losses),
        *(_table(label) for label in content.TABLES),
    )
}

# Where the floats are: page, place, labels. "wide" runs over both columns at the top of the page.
PLACEMENT: dict[tuple[int, str], tuple[str, ...]] = {
    (2, "right top"): ("Figure 1",),
    (3, "wide"): ("Table 1",),
    (3, "left top"): ("Figure 2",),
    (4, "wide"): ("Figure 3",),
    (4, "right bottom"): ("Table 2",),
    (5, "left top"): ("Figure 4",),
    (5, "right top"): ("Figure 5",),
    (5, "right bottom"): ("Table 3",),
    (6, "left top"): ("Figure 6",),
    (6, "right top"): ("Table 4", "Figure 7"),
    (7, "wide"): ("Table A1",),
}
APPENDIX = {"appendix-b": "Table B1"}


class _Paper:
    """Sets the blocks one after the other into the columns that the floats leave free."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.sheets: list[Sheet] = []
        self.outline: list[list[object]] = []
        self.columns = self._columns()
        self.sheet, self.column = next(self.columns)
        self.y = self.column.y0

    def _columns(self) -> Iterator[tuple[Sheet, Area]]:
        while True:
            sheet = Sheet(self.made.pdf, WIDTH, HEIGHT)
            self.sheets.append(sheet)
            top = TOP
            if sheet.number == 1:
                top = self._title(sheet)
            for label in PLACEMENT.get((sheet.number, "wide"), ()):
                top = self._float(sheet, FLOATS[label], LEFT, top, RIGHT - LEFT) + 14
            for side, left in (("left", LEFT), ("right", LEFT + COLUMN + GUTTER)):
                start, end = top, BOTTOM
                for label in PLACEMENT.get((sheet.number, f"{side} top"), ()):
                    start = self._float(sheet, FLOATS[label], left, start, COLUMN) + 13
                for label in PLACEMENT.get((sheet.number, f"{side} bottom"), ()):
                    end -= FLOATS[label].whole(COLUMN)
                    self._float(sheet, FLOATS[label], left, end, COLUMN)
                    end -= 10
                yield sheet, Area(left, start, left + COLUMN, end)

    def _title(self, sheet: Sheet) -> float:
        title = Style("serif", 18.0, 22.0, bold=True)
        area = sheet.paragraph(LEFT + 20, TOP + 4, RIGHT - LEFT - 40, content.TITLE, title, "center")
        middle = (LEFT + RIGHT) / 2
        sheet.text(middle, area.y1 + 20, content.AUTHORS, BODY.but(size=11.0), "center")
        sheet.text(middle, area.y1 + 36, content.AFFILIATIONS, SMALL.but(italic=True), "center")
        y = area.y1 + 52
        sheet.line((LEFT + 30, y), (RIGHT - 30, y), grey(0.5), 0.5)
        sheet.text(middle, y + 16, "Abstract", H2, "center")
        abstract = Style("serif", 9.4, 11.8)
        area = sheet.paragraph(LEFT + 30, y + 22, RIGHT - LEFT - 60, content.ABSTRACT, abstract, "justify")
        self.made.keep("abstract", sheet.number, area)
        area = sheet.paragraph(LEFT + 30, area.y1 + 6, RIGHT - LEFT - 60, content.KEYWORDS, abstract)
        sheet.line((LEFT + 30, area.y1 + 7), (RIGHT - 30, area.y1 + 7), grey(0.5), 0.5)
        return area.y1 + 22

    def _float(self, sheet: Sheet, item: Float, x: float, y: float, width: float) -> float:
        """Draws a figure or a table with its caption at (x, y); the lower edge of both."""
        lines = item.caption(width)
        high = len(lines) * CAPTION.leading
        body = Area(x, y, x + width, y + item.height(width))
        if item.above:
            body = Area(x, y + high + 4, x + width, body.y1 + high + 4)
        align = "left" if len(lines) > 1 else "center"
        sheet.lines(lines, x, y if item.above else body.y1 + 5, width, CAPTION, align)
        self.made.keep(item.label, sheet.number, item.draw(sheet, body))
        return y + item.whole(width)

    def next_column(self) -> None:
        self.sheet, self.column = next(self.columns)
        self.y = self.column.y0

    def next_page(self) -> None:
        number = self.sheet.number
        while self.sheet.number == number:
            self.next_column()

    def _room(self, height: float) -> None:
        if self.y + height > self.column.y1 + 0.5:
            self.next_column()

    def heading(self, level: int, number: str, text: str, style: Style, before: float) -> None:
        at_top = self.y < self.column.y0 + 1
        self._room(style.leading + 3 * BODY.leading + before)
        at_top = at_top or self.y < self.column.y0 + 1
        self.y += 0 if at_top else before
        shown = f"{number}~~{text}" if number else text
        self.sheet.paragraph(self.column.x0, self.y, COLUMN, shown, style)
        self.outline.append([level, shown.replace("~~", " "), self.sheet.number])
        self.y += style.leading + (2.5 if level == 1 else 1.5)

    def paragraph(self, name: str, text: str, style: Style, indent: float = 0.0, hang: float = 0.0) -> None:
        lines = break_lines(text, COLUMN, style, indent, hang)
        while lines:
            fit = int((self.column.y1 - self.y + style.leading - style.size + 0.5) / style.leading)
            if fit < len(lines):
                fit = min(fit, len(lines) - 2)  # no single line at the top of the next column
                if fit < 2:
                    self.next_column()
                    continue
            area = self.sheet.lines(lines[:fit], self.column.x0, self.y, COLUMN, style, "justify")
            if name:
                self.made.keep(name, self.sheet.number, area)
            self.y += len(lines[:fit]) * style.leading
            lines = lines[fit:]
            if lines:
                self.next_column()

    def equation(self, number: str, formula: content.Formula) -> None:
        fractions = any(isinstance(part, tuple) for part in formula)
        height = 30.0 if fractions else 17.0
        self._room(height + 4)
        self.y += 3
        base = self.y + height / 2 + 3
        sheet = self.sheet

        def wide(text: str) -> float:
            spaces = len(text) - len(text.strip(" "))
            return natural_width(words(text, BODY), BODY) + 2.5 * spaces

        widths = [max(map(wide, p)) + 4 if isinstance(p, tuple) else wide(p) for p in formula]
        x = self.column.x0 + (COLUMN - 20 - sum(widths)) / 2
        start = x
        for part, width in zip(formula, widths, strict=True):
            if isinstance(part, tuple):
                sheet.text(x + width / 2, base - 6.2, part[0], BODY, "center")
                sheet.line((x + 1, base - 2.8), (x + width - 1, base - 2.8), BLACK, 0.5)
                sheet.text(x + width / 2, base + 7.4, part[1], BODY, "center")
            else:
                sheet.text(x + 2.5 * (len(part) - len(part.lstrip(" "))), base, part, BODY)
            x += width
        sheet.text(self.column.x1, base, f"({number})", BODY, "right")
        self.made.keep(f"Equation {number}", sheet.number, (start, self.y, self.column.x1, self.y + height))
        self.y += height + 4

    def table_here(self, label: str) -> None:
        """A table over both columns (wide ones) or in the column, in the run of the text."""
        self._room(FLOATS[label].whole(COLUMN) + 8)
        self.y = self._float(self.sheet, FLOATS[label], self.column.x0, self.y + 7, COLUMN) + 8


def make() -> Made:
    made = Made("fog_collectors_paper.pdf", "Academic paper", pymupdf.open())
    paper = _Paper(made)
    for kind, number, text in content.BLOCKS:
        match kind:
            case "h1" | "h0":
                paper.heading(1, number, str(text), H1, 10)
            case "ha":
                if number == "A":
                    paper.next_page()
                elif number == "C":
                    paper.next_column()
                paper.heading(1, f"Appendix {number}", str(text), H1, 10)
            case "h2":
                paper.heading(2, number, str(text), H2, 7)
            case "eq":
                paper.equation(number, text)  # type: ignore[arg-type]
            case "ref":
                paper.paragraph("", str(text), SMALL, hang=14)
                paper.y += 1.5
            case _:
                paper.paragraph(number, str(text), BODY, 0 if kind == "first" else INDENT)
        if number in APPENDIX:
            paper.table_here(APPENDIX[number])
    running = Style("serif", 8.6, 10.0, grey(0.25), italic=True)
    for sheet in paper.sheets:
        if sheet.number > 1:
            even = sheet.number % 2 == 0
            shown = "I. Varga-Onwudi, T. Brekkelund and P. Sandoval-Reyes" if even else content.SHORT_TITLE
            sheet.text(LEFT if even else RIGHT, 42, shown, running, "left" if even else "right")
            sheet.line((LEFT, 47), (RIGHT, 47), grey(0.6), 0.4)
        else:
            sheet.text(LEFT, 42, content.JOURNAL, running)
        sheet.text((LEFT + RIGHT) / 2, 812, str(sheet.number), running.but(italic=False), "center")
        sheet.finish()
    made.pdf.set_toc(paper.outline)
    describe(
        made.pdf,
        content.TITLE.replace("~", " "),
        "Ilse Varga-Onwudi, Tomas Brekkelund, Priya Sandoval-Reyes",
        "2024-03-01",
    )
    return made
