"""Charts on a sheet: axes with ticks and grid, bars, lines, points, rings, legends. Vector drawings, no pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from demo_data.sheet import Area, Color, Point, Sheet, Style, natural_width, words

Marker = Literal["circle", "square", "triangle", "diamond", "none"]


@dataclass(frozen=True, slots=True)
class Look:
    """Type and lines of a chart."""

    label: Style
    axis: Color = (0.25, 0.25, 0.25)
    grid: Color = (0.86, 0.86, 0.86)
    width: float = 0.6


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    color: Color
    values: tuple[float, ...] = ()
    marker: Marker = "circle"
    dash: str = ""


def mark(sheet: Sheet, kind: Marker, at: Point, size: float, color: Color, edge: Color | None = None) -> None:
    """A point of a line, `size` from its middle to its side."""
    x, y = at
    if kind == "circle":
        sheet.circle(at, size, color, edge, 0.4)
    elif kind == "square":
        sheet.rect((x - size * 0.9, y - size * 0.9, x + size * 0.9, y + size * 0.9), color, edge, 0.4)
    elif kind == "triangle":
        sheet.polygon([(x, y - 1.2 * size), (x + 1.15 * size, y + 0.9 * size), (x - 1.15 * size, y + 0.9 * size)],
                      color, edge, 0.4)  # fmt: skip
    elif kind == "diamond":
        sheet.polygon([(x, y - 1.3 * size), (x + 1.3 * size, y), (x, y + 1.3 * size), (x - 1.3 * size, y)], color,
                      edge, 0.4)  # fmt: skip


class Axes:
    """A plotting area with a scale in each direction; `area` is the area inside the axes."""

    def __init__(
        self, sheet: Sheet, area: Area, x_range: tuple[float, float], y_range: tuple[float, float], look: Look
    ) -> None:
        self.sheet, self.area, self.look = sheet, area, look
        self._x, self._y = x_range, y_range

    def x(self, value: float) -> float:
        low, high = self._x
        return self.area.x0 + (value - low) / (high - low) * self.area.width

    def y(self, value: float) -> float:
        low, high = self._y
        return self.area.y1 - (value - low) / (high - low) * self.area.height

    def y_ticks(self, values: Sequence[float], form: str = "{:g}", grid: bool = True, title: str = "") -> None:
        style, look = self.look.label, self.look
        widest = 0.0
        for value in values:
            y = self.y(value)
            if grid:
                self.sheet.line((self.area.x0, y), (self.area.x1, y), look.grid, look.width * 0.8)
            self.sheet.line((self.area.x0 - 0.35 * style.size, y), (self.area.x0, y), look.axis, look.width)
            shown = form.format(value).replace("-", "\u2212")
            drawn = self.sheet.text(self.area.x0 - 0.6 * style.size, y + 0.34 * style.size, shown, style, "right")
            widest = max(widest, drawn)
        if title:
            middle = (self.area.y0 + self.area.y1) / 2
            self.sheet.upright(self.area.x0 - widest - 1.35 * style.size, middle, title, style)

    def x_ticks(
        self, values: Sequence[float], form: str = "{:g}", names: Sequence[str] = (), grid: bool = False,
        title: str = "",
    ) -> None:  # fmt: skip
        style, look = self.look.label, self.look
        for i, value in enumerate(values):
            x = self.x(value)
            if grid:
                self.sheet.line((x, self.area.y0), (x, self.area.y1), look.grid, look.width * 0.8)
            self.sheet.line((x, self.area.y1), (x, self.area.y1 + 0.35 * style.size), look.axis, look.width)
            shown = names[i] if names else form.format(value).replace("-", "\u2212")
            self.sheet.text(x, self.area.y1 + 1.45 * style.size, shown, style, "center")
        if title:
            self.sheet.text(
                (self.area.x0 + self.area.x1) / 2, self.area.y1 + 2.85 * style.size, title, style, "center"
            )

    def frame(self, whole: bool = False) -> None:
        """The two axes, or all four sides."""
        a, look = self.area, self.look
        if whole:
            self.sheet.rect(a, None, look.axis, look.width)
        else:
            self.sheet.line((a.x0, a.y0), (a.x0, a.y1), look.axis, look.width)
            self.sheet.line((a.x0, a.y1), (a.x1, a.y1), look.axis, look.width)

    def line(self, xs: Sequence[float], series: Series, width: float = 1.2, size: float = 2.0) -> None:
        points = [(self.x(x), self.y(y)) for x, y in zip(xs, series.values, strict=True)]
        self.sheet.polyline(points, series.color, width, series.dash)
        if series.marker != "none":
            for point in points:
                mark(self.sheet, series.marker, point, size, series.color)

    def bar(self, x: float, width: float, top: float, color: Color, bottom: float = 0.0) -> Area:
        """An upright bar, `width` in units of x, centred on `x`; where it is."""
        area = Area(self.x(x - width / 2), self.y(top), self.x(x + width / 2), self.y(bottom))
        self.sheet.rect(area, color)
        return area

    def bar_across(self, y: float, width: float, end: float, color: Color) -> Area:
        """A bar from the left axis to `end`, `width` in units of y, centred on `y`; where it is."""
        area = Area(self.x(0), self.y(y + width / 2), self.x(end), self.y(y - width / 2))
        self.sheet.rect(area, color)
        return area


def legend(
    sheet: Sheet, x: float, y: float, series: Sequence[Series], style: Style, kind: Literal["line", "box"],
    columns: int = 1, box: Color | None = None,
) -> Area:  # fmt: skip
    """Names of the series from the top left corner (x, y), row by row; where it is."""
    size = style.size
    swatch = 2.2 * size if kind == "line" else 0.95 * size
    widest = max(natural_width(words(s.name, style), style) for s in series)
    step = swatch + 0.6 * size + widest + 1.6 * size
    rows = math.ceil(len(series) / columns)
    area = Area(x, y, x + columns * step - 0.6 * size, y + rows * 1.45 * size + 0.6 * size)
    if box is not None:
        sheet.rect(area, (1, 1, 1), box, 0.5)
    for i, s in enumerate(series):
        left = x + 0.5 * size + (i % columns) * step
        middle = y + 0.3 * size + (i // columns + 0.5) * 1.45 * size
        if kind == "line":
            sheet.line((left, middle), (left + swatch, middle), s.color, 0.17 * size, s.dash)
            mark(sheet, s.marker, (left + swatch / 2, middle), 0.28 * size, s.color)
        else:
            sheet.rect((left, middle - swatch / 2, left + swatch, middle + swatch / 2), s.color)
        sheet.text(left + swatch + 0.6 * size, middle + 0.35 * size, s.name, style)
    return area


def ring(
    sheet: Sheet, center: Point, outer: float, inner: float, parts: Sequence[tuple[float, Color]],
    label: Callable[[int], tuple[str, Style]] | None = None,
) -> None:  # fmt: skip
    """Shares of a whole, clockwise from the top, with a label in the middle of each."""
    total = sum(value for value, _ in parts)
    turn = -math.pi / 2

    def at(radius: float, angle: float) -> Point:
        return (center[0] + radius * math.cos(angle), center[1] + radius * math.sin(angle))

    for i, (value, color) in enumerate(parts):
        end = turn + 2 * math.pi * value / total
        steps = max(2, round((end - turn) / 0.03))
        angles = [turn + (end - turn) * n / steps for n in range(steps + 1)]
        sheet.polygon(
            [*(at(outer, a) for a in angles), *(at(inner, a) for a in reversed(angles))], color, (1, 1, 1), 1.2
        )
        if label is not None:
            text, style = label(i)
            x, y = at((outer + inner) / 2, (turn + end) / 2)
            sheet.text(x, y + 0.35 * style.size, text, style, "center")
        turn = end
