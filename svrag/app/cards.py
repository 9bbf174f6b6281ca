"""HTML of evidence cards: the cut-out or the table, what it is, where it stands, why it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from svrag.app.evidence import Evidence
from svrag.app.markup import button, escaped
from svrag.app.pictures import CardPicture, Mark, name_of
from svrag.documents.model import Table
from svrag.text import shortened

_LONGEST_TEXT = 420  # characters on a card


def cards_html(turn: int, evidence: Sequence[Evidence], pictures: Mapping[str, CardPicture]) -> str:
    """A card for each piece of evidence of exchange `turn`; a click on it opens its page.

    Args:
        pictures: by element id.
    """
    cited = [i for i, one in enumerate(evidence) if one.number is not None]
    others = [i for i, one in enumerate(evidence) if one.number is None]
    groups = (("Evidence", cited), ("Also found" if cited else "Closest passages", others))
    return "".join(
        f'<h3 class="sv-heading">{heading}</h3><div class="sv-cards">'
        f"{''.join(_card(f'{turn}:{i}', evidence[i], pictures.get(evidence[i].element.id)) for i in indices)}</div>"
        for heading, indices in groups
        if indices
    )


def table_html(table: Table) -> str:
    """A table as a table; its cells are text that can be selected."""
    head = "".join(_row("th", row) for row in table.rows[: table.header_rows])
    body = "".join(_row("td", row) for row in table.rows[table.header_rows :])
    return f'<div class="sv-table" tabindex="0"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def mark_html(mark: Mark) -> str:
    """A box over a page's picture; one that has an element's id can be clicked."""
    place = f"left:{mark.left:.3f}%;top:{mark.top:.3f}%;width:{mark.width:.3f}%;height:{mark.height:.3f}%"
    if mark.element_id:
        return button("element", mark.element_id, "", name=mark.name, kind="sv-mark sv-other", more=f'style="{place}"')
    number = f"<span>{mark.number}</span>" if mark.number is not None else ""
    kind = "sv-mark sv-chosen" if mark.chosen else "sv-mark"
    return f'<div class="{kind}" style="{place}">{number}</div>'


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escaped(cell)}</{tag}>' for cell in cells)}</tr>"


def _card(value: str, one: Evidence, pictures: CardPicture | None) -> str:
    element = one.element
    text = shortened(" ".join(one.text.split()), _LONGEST_TEXT)
    kind = element.type.replace("_", " ")
    name = name_of(element)
    number = f'<span class="sv-number">{one.number}</span>' if one.number is not None else ""
    names = [] if element.type == "page" else [name] if kind in name.lower() else [name, kind]
    tags = [f"page {element.page}", *names, f"score {one.score:.2f}"]
    path = " › ".join(element.section_path)
    where = f'<span class="sv-path" title="{escaped(path)}">{escaped(path)}</span>' if path else ""
    reasons = f'<span class="sv-why"><b>Why found</b> {escaped(" · ".join(one.reasons))}</span>' if one.reasons else ""
    said = " ".join(element.caption.split())
    caption = (
        f'<p class="sv-caption-line">{escaped(shortened(said, _LONGEST_TEXT))}</p>'
        if said and said not in text
        else ""
    )
    table = element.table if element.type == "table" else None
    tools = (
        '<button type="button" class="sv-link" data-local="swap" data-other="Show as table">Show picture</button>'
        '<button type="button" class="sv-link" data-local="csv">Copy as CSV</button>'
        if table
        else ""
    )
    return (
        f'<article class="sv-card{" sv-has-table" if table else ""}" data-action="open" data-value="{value}">'
        f'<header>{number}<span class="sv-name" title="{escaped(one.document_name)}">{escaped(one.document_name)}</span>'
        f"{button('open', value, 'Open page', kind='sv-link')}</header>"
        f'<div class="sv-tags">{"".join(f"<span>{escaped(tag)}</span>" for tag in tags)}</div>{where}'
        f'<div class="sv-shown">{_pictures(name, element.page, pictures)}{table_html(table) if table else ""}</div>'
        f"{caption}<blockquote>{escaped(text)}</blockquote>{reasons}"
        f"<footer>{tools}{button('connections', value, 'Connections', kind='sv-link')}</footer></article>"
    )


def _pictures(name: str, page: int, pictures: CardPicture | None) -> str:
    if pictures is None:
        return '<span class="sv-subdued">no picture: the file cannot be drawn</span>'
    return (
        f'<div class="sv-crop"><img src="{escaped(pictures.crop)}" alt="{escaped(name)} on page {page}" loading="lazy">'
        f'</div><div class="sv-thumb" aria-hidden="true"><img src="{escaped(pictures.page)}" alt="" loading="lazy">'
        f"{''.join(map(mark_html, pictures.marks))}</div>"
    )
