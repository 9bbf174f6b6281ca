"""HTML of the page viewer: the page with boxes, and beside it its text or the neighbourhood of what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from svrag.app.cards import mark_html
from svrag.app.markup import button, empty, escaped
from svrag.app.neighbours import Neighbourhood
from svrag.app.pictures import PageView, name_of
from svrag.documents.model import Element
from svrag.text import shortened

Panel = Literal["", "text", "graph"]
WHOLE = "whole"
"""The value of the heat-map of the whole question."""

_SIDE, _MIDDLE, _GAP, _HIGH, _STEP = 178, 156, 36, 46, 58  # of the drawing
_LETTER = 7.2  # as wide as a letter of its names may be


@dataclass(frozen=True, slots=True)
class Looked:
    """What a model can show of the question it was asked.

    Attributes:
        words: of the question, once they are known.
        shown: `WHOLE`, the number of a word, or "" when the page is shown as it is.
    """

    words: tuple[str, ...] = ()
    shown: str = ""


def page_html(
    view: PageView,
    *,
    place: tuple[int, int] | None = None,
    everything: bool = False,
    looked: Looked | None = None,
    panel: Panel = "",
    side: str = "",
) -> str:
    """A page with its boxes and all buttons.

    Args:
        place: which piece of the evidence is shown, from 0, and how many there are; None without evidence.
        everything: all elements of the page have boxes.
        looked: None where no model can say what it looked at.
        panel, side: what stands beside the page, and its HTML.
    """
    own_name = f", numbered {escaped(view.label)}" if view.label else ""
    beside = f'<aside class="sv-side" tabindex="0">{side}</aside>' if panel else ""
    paper = "sv-paper sv-looked" if looked and looked.shown else "sv-paper"
    return (
        f'<div class="sv-page"><header><div class="sv-where"><span class="sv-name">{escaped(view.document_name)}</span>'
        f'<span class="sv-subdued">page <input type="number" data-turn min="1" max="{view.pages}" value="{view.number}" '
        f'aria-label="Page"> of {view.pages}{own_name}</span></div>'
        f"{_turn(view, view.number - 1, 'Previous page', '‹')}{_turn(view, view.number + 1, 'Next page', '›')}"
        '<button type="button" data-local="expand" title="Wide view" aria-label="Wide view">⤢</button>'
        f"{button('close', '', '×', name='Close')}</header>"
        f'<div class="sv-tools">{_evidence(place)}'
        '<span class="sv-group"><button type="button" data-local="zoom-out" aria-label="Smaller" title="Smaller">−</button>'
        '<button type="button" data-local="zoom-in" aria-label="Larger" title="Larger">+</button></span>'
        f"{_toggle('everything', everything, 'All elements')}{_toggle('text', panel == 'text', 'Text')}"
        f"{_toggle('graph', panel == 'graph', 'Connections')}</div>{_look(looked)}"
        f'<div class="sv-body"><div class="sv-sheet" tabindex="0"><div class="{paper}">'
        f'<img src="{escaped(view.picture)}" alt="Page {view.number} of {escaped(view.document_name)}">'
        f"{''.join(map(mark_html, view.marks))}</div></div>"
        f"{beside}</div></div>"
    )


def text_html(elements: Sequence[Element], chosen: str) -> str:
    """The words of a page in reading order, to be selected and copied."""
    if not elements:
        return empty("No text was found on this page.")
    return "".join(
        f'<div class="sv-words sv-{element.type}{" sv-here" if element.id == chosen else ""}">'
        f"{button('element', element.id, '◎', name=f'Show {name_of(element)} on the page', kind='sv-link')}"
        f"<p>{escaped(element.text or element.caption or name_of(element))}</p></div>"
        for element in elements
    )


def graph_html(around: Neighbourhood | None) -> str:
    """The neighbourhood of an element as a drawing whose nodes can be clicked."""
    if around is None:
        return empty("Choose an element first: turn on “All elements” and click one.")
    rows = max(len(around.before), len(around.after), 1)
    height = rows * _STEP + 20
    centre = height / 2
    middle = _SIDE + _GAP if around.before else 2.0
    wide = middle + _MIDDLE + (_GAP + _SIDE if around.after else 2)
    lines, nodes = [], [_node(around.element, "", middle, centre - _HIGH / 2, _MIDDLE, "sv-node sv-centre")]
    for neighbours, x, end, start in (
        (around.before, 2.0, 2.0 + _SIDE, middle),
        (around.after, middle + _MIDDLE + _GAP - 2, middle + _MIDDLE + _GAP - 2, middle + _MIDDLE),
    ):
        top = centre - len(neighbours) * _STEP / 2
        for i, one in enumerate(neighbours):
            y = top + i * _STEP + _STEP / 2
            half = (start + end) / 2
            line = f"M{start:.0f} {centre:.0f}C{half:.0f} {centre:.0f} {half:.0f} {y:.0f} {end:.0f} {y:.0f}"
            lines.append(f'<path d="{line}"/>')
            kind = f"sv-node sv-of-{one.element.type}"
            nodes.append(_node(one.element, one.relation, x, y - _HIGH / 2, _SIDE, kind))
    left_out = sum(around.more)
    note = f'<p class="sv-subdued">and {left_out} more</p>' if left_out else ""
    none = "" if around.before or around.after else empty("Nothing is connected with it.")
    return (
        f'<svg class="sv-graph" viewBox="0 0 {wide:.0f} {height:.0f}" role="group" aria-label="What it is connected with">'
        f"{''.join(lines)}{''.join(nodes)}</svg>{note}{none}"
    )


def _node(element: Element, relation: str, x: float, y: float, width: float, kind: str) -> str:
    name = f"{name_of(element)}, page {element.page}"
    words = " ".join((element.caption or element.text).split())
    head = (f"{relation}: {element.label}" if element.label else relation) if relation else name_of(element)
    letters = int(width / _LETTER)
    return (
        f'<g class="{kind}" data-action="element" data-value="{escaped(element.id)}" tabindex="0" role="button" '
        f'aria-label="{escaped(f"{relation} {name}".strip())}"><title>{escaped(shortened(words, 300) or name)}</title>'
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HIGH}" rx="7"/>'
        f'<text x="{x + 9:.0f}" y="{y + 18:.0f}" class="sv-node-name">{escaped(shortened(head, letters))}</text>'
        f'<text x="{x + 9:.0f}" y="{y + 35:.0f}">{escaped(shortened(f"p. {element.page} {words}", letters))}</text></g>'
    )


def _turn(view: PageView, target: int, name: str, sign: str) -> str:
    disabled = "" if 1 <= target <= view.pages else "disabled"
    return button("turn", target, sign, name=name, more=disabled)


def _evidence(place: tuple[int, int] | None) -> str:
    if place is None:
        return ""
    index, count = place
    before, after = ("" if possible else "disabled" for possible in (index > 0, index + 1 < count))
    return (
        f'<span class="sv-group">{button("piece", index - 1, "↑", name="Previous evidence", more=before)}'
        f"<span>evidence {index + 1} of {count}</span>"
        f"{button('piece', index + 1, '↓', name='Next evidence', more=after)}</span>"
    )


def _toggle(action: str, on: bool, name: str) -> str:
    return button(action, "0" if on else "1", escaped(name), more=f'aria-pressed="{str(on).lower()}"')


def _look(looked: Looked | None) -> str:
    if looked is None:
        return ""
    on = looked.shown == WHOLE
    chips = [
        button(
            "look",
            "" if on else WHOLE,
            "What the model looked at",
            more=f'aria-pressed="{str(on).lower()}" data-busy="Looking…"',
        )
    ]
    for number, word in enumerate(looked.words):
        on = looked.shown == str(number)
        chips.append(button("look", "" if on else number, escaped(word), more=f'aria-pressed="{str(on).lower()}"'))
    return f'<div class="sv-look">{"".join(chips)}</div>'
