"""The plots of a report as SVG to be put into a page: small, in colours that the colour-blind tell apart, text as text.

Nothing that stands in a document is taken for markup: no formulas, and the SVG writer escapes the rest.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from svrag.errors import InputError
from svrag.evaluation.bootstrap import interval
from svrag.evaluation.compare import Comparison
from svrag.evaluation.metrics import element_recall, page_hit
from svrag.evaluation.result import EvalResult, QuestionRecord, RetrieverRow
from svrag.text import shortened, without_control

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito 2008
_DASHES = ("-", "--", ":", "-.")
_GREY = "#6b7280"
_HALF = 5.1  # inches: two stand side by side
_DEEPEST = 10
_MOST_VALUES = 12  # of a slice: the largest
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9ca3af",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.8,
    "xtick.color": "#374151",
    "ytick.color": "#374151",
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "text.parse_math": False,
    "svg.fonttype": "none",
}

_Score = Callable[[QuestionRecord, int], float | None]


def check_installed() -> None:
    """Raise an InputError when matplotlib is missing, before anything that takes long."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError("reports need matplotlib: pip install 'svrag[eval]', or run without --report") from None


def recall_curves(result: EvalResult) -> str:
    """Share of questions with a gold page, and of gold boxes found, among the first 1 to 10; "" without gold evidence.

    The band is the 95 % interval of the first retriever.
    """
    panels: list[tuple[str, _Score, str]] = [
        ("Right page among the first k", _page_hit, "page_hit@k"),
        ("Gold boxes found by the first k elements", _element_recall, "element_recall@k"),
    ]
    panels = [panel for panel in panels if any(_values(result.row, panel[1], 1))]
    if not panels:
        return ""

    def draw(figure: Figure) -> None:
        for axes, (title, score, label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            for number, row in enumerate(result.rows):
                _curve(axes, row, score, number)
            axes.set(title=title, xlabel="k", ylabel=label, ylim=(0, 1.02), xlim=(0.7, _DEEPEST + 0.3))
            axes.set_xticks(range(1, _DEEPEST + 1))
            axes.legend(loc="lower right")

    return _svg("curves", (_HALF * len(panels), 3.4), draw)


def lines(name: str, x: str, y: str, points: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """A line through the points (x, y) of each label; "" without any."""
    if not points:
        return ""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (label, some) in enumerate(points.items()):
            colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
            xs, ys = zip(*some, strict=True)
            axes.plot(xs, ys, color=colour, linestyle=dashes, marker="o", markersize=3.5, label=_plain(label))
        axes.set(title=name, xlabel=x, ylabel=y)
        axes.set_xticks(sorted({point[0] for some in points.values() for point in some}))
        axes.legend(loc="best")

    return _svg(name, (1.4 * _HALF, 3.6), draw)


def slice_bars(result: EvalResult, metric: str) -> str:
    """The first retriever's mean of `metric` slice by slice with 95 % intervals; "" where there are no slices.

    Of a slice with many values the largest are drawn; documents are left out.
    """
    bars: list[tuple[str, int, float, float, float] | str] = []
    for name, values in result.row.by_slice().items():
        if name == "document":
            continue
        scored = {
            value: [record.metrics[metric] for record in records if metric in record.metrics]
            for value, records in values.items()
        }
        largest = sorted(filter(scored.get, scored), key=lambda value: -len(scored[value]))[:_MOST_VALUES]
        if largest:
            bars.append(name)
            for value in largest:
                mean = sum(scored[value]) / len(scored[value])
                bars.append((value, len(scored[value]), mean, *interval(scored[value])))
    if not bars:
        return ""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for y, bar in enumerate(bars):
            if isinstance(bar, str):
                continue
            _, _, mean, low, high = bar
            axes.barh(y, mean, height=0.62, color=_COLOURS[0], alpha=0.75)
            axes.plot((low, high), (y, y), color="#111827", linewidth=1.3, solid_capstyle="butt")
        labels = [_plain(bar) if isinstance(bar, str) else f"{_plain(bar[0])} ({bar[1]})" for bar in bars]
        axes.set_yticks(range(len(bars)), labels)
        for label, bar in zip(axes.get_yticklabels(), bars, strict=True):
            label.set_fontweight("bold" if isinstance(bar, str) else "normal")
        overall = result.row.means()[metric]
        axes.axvline(overall, color=_COLOURS[1], linewidth=1.2, linestyle=(0, (4, 2)), label=f"all: {overall:.3f}")
        axes.set(title=metric, xlim=(0, 1.02), ylim=(len(bars) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)
        _legend_above(axes)

    return _svg(f"slices {metric}", (_HALF, 0.6 + 0.24 * len(bars)), draw)


def latency(result: EvalResult) -> str:
    """How long the first retriever's searches took, with median and 95th percentile; "" where none was made."""
    import numpy as np

    seconds = np.array([record.seconds for record in result.row.records if record.document_id])
    milliseconds = np.maximum(1000 * seconds, 0.01)
    if not len(milliseconds):
        return ""
    low, high = np.log10(milliseconds.min()), np.log10(milliseconds.max())
    bins = np.logspace(low - 0.05, high + 0.05, min(30, 5 + len(milliseconds) // 4)).tolist()

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        axes = figure.subplots()
        axes.hist(milliseconds, bins=bins, color=_COLOURS[0], alpha=0.75)
        for quantile, name, colour in ((50, "median", _COLOURS[1]), (95, "95 %", "#111827")):
            value = float(np.percentile(milliseconds, quantile))
            axes.axvline(value, color=colour, linewidth=1.2, linestyle=(0, (4, 2)), label=f"{name} {_short(value)} ms")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(title="Search time", xlabel="milliseconds", ylabel="questions")
        axes.grid(axis="x", visible=False)
        _legend_above(axes)

    return _svg("latency", (_HALF, 2.8), draw)


def differences(comparison: Comparison, names: Sequence[str]) -> str:
    """First minus second with 95 % intervals for the metrics `names` that both have: questions and documents drawn."""
    shown = [name for name in names if name in comparison.metrics]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=_GREY, linewidth=1)
        labels = ["questions drawn", "documents drawn"]
        for y, name in enumerate(shown):
            one = comparison.metrics[name]
            for offset, difference, colour in (
                (-0.14, one.difference, _COLOURS[0]),
                (0.14, one.by_document, _COLOURS[1]),
            ):
                if difference is None:
                    continue
                label = labels.pop(0) if labels and y == 0 else None
                axes.plot((difference.low, difference.high), [y + offset] * 2, color=colour, linewidth=1.8)
                axes.plot(difference.mean, y + offset, "o", color=colour, markersize=5, label=label)
        axes.set_yticks(range(len(shown)), shown)
        axes.set(title="first - second", ylim=(len(shown) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)
        _legend_above(axes)

    return _svg("differences", (1.4 * _HALF, 0.7 + 0.34 * len(shown)), draw)


def slice_differences(comparison: Comparison, metric: str) -> str:
    """First minus second in `metric` slice by slice, with 95 % intervals; "" where no slice has it."""
    lines: list[tuple[str, float, float, float] | str] = []
    for name, values in comparison.by.items():
        compared = [(value, metrics[metric]) for value, metrics in values.items() if metric in metrics]
        compared = sorted(compared, key=lambda pair: -pair[1].questions)[:_MOST_VALUES]
        if compared:
            lines.append(name)
            for value, one in compared:
                difference = one.difference
                label = f"{_plain(value)} ({one.questions})"
                lines.append((label, difference.mean, difference.low, difference.high))
    if not lines:
        return ""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvline(0, color=_GREY, linewidth=1)
        for y, line in enumerate(lines):
            if not isinstance(line, str):
                _, mean, low, high = line
                axes.plot((low, high), (y, y), color=_COLOURS[0], linewidth=1.8)
                axes.plot(mean, y, "o", color=_COLOURS[0], markersize=5)
        axes.set_yticks(range(len(lines)), [_plain(line) if isinstance(line, str) else line[0] for line in lines])
        for label, line in zip(axes.get_yticklabels(), lines, strict=True):
            label.set_fontweight("bold" if isinstance(line, str) else "normal")
        axes.set(title=f"{metric}: first - second", ylim=(len(lines) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)

    return _svg(f"slice differences {metric}", (_HALF, 0.6 + 0.24 * len(lines)), draw)


def _curve(axes: Axes, row: RetrieverRow, score: _Score, number: int) -> None:
    """The curve of row `number`; lines differ in colour and dashes, for one may lie on another."""
    ks = range(1, _DEEPEST + 1)
    values = [_values(row, score, k) for k in ks]
    if not values[0]:
        return
    colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
    if number == 0:
        low, high = zip(*map(interval, values), strict=True)
        axes.fill_between(ks, low, high, color=colour, alpha=0.12, linewidth=0)
    means = [sum(some) / len(some) for some in values]
    label = _plain(row.retriever)
    axes.plot(ks, means, color=colour, linestyle=dashes, marker="o", markersize=3.5, linewidth=1.6, label=label)


def _values(row: RetrieverRow, score: _Score, k: int) -> list[float]:
    return [value for record in row.records if (value := score(record, k)) is not None]


def _page_hit(record: QuestionRecord, k: int) -> float | None:
    return page_hit(record.ranking.pages, record.gold.pages, k) if record.gold.pages else None


def _element_recall(record: QuestionRecord, k: int) -> float | None:
    if not record.gold.boxes or record.ranking.elements is None:
        return None
    return element_recall(record.ranking.elements, record.gold.boxes, k)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _legend_above(axes: Axes) -> None:
    """In the line of the title, where no figure is."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0, handlelength=1.6, columnspacing=1)


def _plain(text: str) -> str:
    return shortened(" ".join(without_control(text).split()), 36)


def _svg(name: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """An <svg> element of `size` inches; `name` keeps the ids inside it apart from those of other plots."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):  # type: ignore[dict-item]  # any rc key is a str
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    written = text.getvalue()
    return written[written.index("<svg") :]
