"""The HTML of a report: one page with its style, tables, plots and pictures inside. Words are escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from svrag.evaluation.tables import TextTable
from svrag.evaluation.worst import Mark, PageView, WorstQuestion
from svrag.text import shortened, without_control

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1060px; padding: 28px 24px 64px; background: #fff; color: #1f2937;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 40px 0 12px; padding-top: 14px; border-top: 1px solid #e5e7eb; }
.lead { color: #6b7280; margin: 4px 0 0; }
.scroll { overflow-x: auto; margin: 0 0 18px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #f3f4f6; }
th { font-weight: 600; border-bottom: 1px solid #d1d5db; white-space: nowrap; }
td.figure, th.figure { text-align: right; white-space: nowrap; padding: 4px 0 4px 18px; }
td.group { font-weight: 600; padding-top: 10px; }
td.words { overflow-wrap: anywhere; max-width: 520px; }
.plots { display: flex; flex-wrap: wrap; gap: 18px 28px; align-items: flex-start; margin: 0 0 18px; }
.plots svg { max-width: 100%; height: auto; }
.question { margin: 0 0 26px; padding: 14px 16px; border: 1px solid #e5e7eb; border-radius: 10px; }
.question p { margin: 0; overflow-wrap: anywhere; }
.asked { font-weight: 600; }
.told { color: #4b5563; font-size: 13.5px; }
.told b { color: #0072B2; }
.pages { display: flex; flex-wrap: wrap; gap: 16px; margin: 12px 0 0; }
figure { margin: 0; flex: 0 1 300px; min-width: 200px; }
figcaption { font-size: 12.5px; color: #4b5563; margin: 0 0 4px; }
.sheet { position: relative; border: 1px solid #d1d5db; line-height: 0; overflow: hidden; }
.sheet img { width: 100%; height: auto; }
.sheet pre { margin: 0; padding: 8px; max-height: 260px; overflow: auto; white-space: pre-wrap;
  font-family: inherit; font-size: 12px; line-height: 1.45; }
.mark { position: absolute; border: 2px solid #E69F00; border-radius: 2px; line-height: 1; }
.mark i { position: absolute; left: -2px; bottom: 100%; padding: 1px 3px; background: #E69F00; color: #111;
  font: normal 600 10px/1.1 system-ui, sans-serif; }
.mark.gold { border: 2.5px solid #0072B2; background: rgba(0, 114, 178, 0.12); }
.key span { display: inline-block; width: 12px; height: 12px; margin: 0 4px 0 12px; vertical-align: -1px; }
ul { padding-left: 20px; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report: tables, plots (SVG, "" for none), lines of text; `extra` is HTML for report.html alone."""

    title: str
    tables: Sequence[TextTable]
    plots: Sequence[str] = ()
    lines: Sequence[str] = ()
    extra: str = ""


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole page; sections with nothing in them are left out."""
    body = "\n".join(filter(None, map(_section, sections)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{words(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{words(title)}</h1>\n<p class="lead">{words(lead)}</p>\n{body}\n</body>\n</html>\n'
    )


def worst_html(questions: Sequence[WorstQuestion]) -> str:
    """The questions with their pages; "" when there are none."""
    if not questions:
        return ""
    key = (
        '<p class="told key">Lowest reciprocal rank first.'
        '<span style="background:#0072B2"></span>gold evidence'
        '<span style="background:#E69F00"></span>found, with its rank among the elements</p>'
    )
    return key + "\n".join(map(_question, questions))


def words(text: str, width: int = 600) -> str:
    """`text` without control characters, cut to `width` characters, as HTML that shows it as it is."""
    return escape(shortened(" ".join(without_control(text).split()), width))


def _section(section: Section) -> str:
    plots = "".join(section.plots)
    parts = [
        f'<div class="plots">{plots}</div>' if plots else "",
        *(_table(table) for table in section.tables if table.rows),
        section.extra,
        "<ul>" + "".join(f"<li>{words(line)}</li>" for line in section.lines) + "</ul>" if section.lines else "",
    ]
    content = "\n".join(filter(None, parts))
    return f"<h2>{words(section.title)}</h2>\n{content}" if content else ""


def _table(table: TextTable) -> str:
    figures = [_are_figures(column) for column in zip(*table.rows, strict=True)]
    head = "".join(
        f"<th{_class('figure' if f else '')}>{words(c)}</th>" for c, f in zip(table.header, figures, strict=True)
    )
    rows = []
    for row in table.rows:
        if len(row) > 1 and not any(row[1:]):
            rows.append(f'<tr><td class="group" colspan="{len(row)}">{words(row[0])}</td></tr>')
            continue
        cells = zip(row, figures, strict=True)
        rows.append(
            "<tr>" + "".join(f"<td{_class('figure' if f else 'words')}>{words(c)}</td>" for c, f in cells) + "</tr>"
        )
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _are_figures(column: Sequence[str]) -> bool:
    """Whether a column is to stand flush right: every cell is a number, an interval, a p, or nothing."""
    return all(not cell.strip("+-0123456789. to<") for cell in column)


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _question(one: WorstQuestion) -> str:
    question, record = one.record.question, one.record
    found = ", ".join(
        f"<b>{page}</b>" if page in record.gold.pages else str(page) for page in record.ranking.pages[:10]
    )
    gold = ", ".join(map(str, sorted(record.gold.pages)))
    told = [
        f"{words(question.document)} · gold pages {gold} · pages found {found or 'none'}",
        f"Answer: {words(question.answer, 300)}" if question.answer else "",
        f"Said: {words(record.answer, 300)}" if record.answer is not None else "",
    ]
    lines = "".join(f'<p class="told">{line}</p>' for line in told if line)
    views = "".join(map(_view, one.views))
    return (
        f'<div class="question"><p class="asked">{words(question.question)}</p>{lines}'
        + (f'<div class="pages">{views}</div>' if views else "")
        + "</div>"
    )


def _view(view: PageView) -> str:
    rank = f"rank {view.rank}" if view.rank is not None else "not found"
    caption = f"page {view.page} · {'gold, ' if view.gold else ''}{rank}"
    if view.picture:
        marks = "".join(map(_mark, view.marks))
        sheet = f'<img src="{escape(view.picture)}" alt="{caption}" loading="lazy">{marks}'
    else:
        sheet = f"<pre>{escape(shortened(without_control(view.text), 700))}</pre>"
    return f'<figure><figcaption>{caption}</figcaption><div class="sheet">{sheet}</div></figure>'


def _mark(mark: Mark) -> str:
    place = f"left:{mark.left:.2f}%;top:{mark.top:.2f}%;width:{mark.width:.2f}%;height:{mark.height:.2f}%"
    if mark.rank is None:
        return f'<div class="mark gold" style="{place}"></div>'
    return f'<div class="mark" style="{place}"><i>{mark.rank}</i></div>'
