"""HTML of the app: documents, answers, evidence, pages. Pure functions from data to text.

Every word that comes from a document, a file name, a model or a user is escaped here, so that none of it is ever
markup. What can be clicked carries `data-action` and `data-value`; style.py has the script that reports them.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from svrag.app.evidence import Evidence
from svrag.app.pictures import Mark, PageView
from svrag.app.uploads import Notice
from svrag.generation.answer import Answer
from svrag.generation.citations import find_citations
from svrag.library.store import StoredDocument
from svrag.search.result import SearchResult
from svrag.text import shortened, without_control

NO_DOCUMENTS = "No documents yet. Add a PDF or an image to begin."
NO_QUESTION = "Ask something: the answer appears here, below it the figures, tables and paragraphs it rests on."

_LONGEST_TEXT = 420  # characters on a card


def escaped(text: str) -> str:
    """`text` as HTML that shows exactly it, control characters left out; safe in attributes too."""
    return html.escape(without_control(text), quote=True)


def empty(sentence: str) -> str:
    """What stands where there is nothing to show yet."""
    return f'<p class="sv-empty">{escaped(sentence)}</p>'


def failure(message: str) -> str:
    return f'<p class="sv-failure" role="alert">{escaped(message)}</p>'


# Documents -----------------------------------------------------------------------------------------------------------


def documents_html(documents: Sequence[StoredDocument]) -> str:
    """The list of documents, each with a button that removes it."""
    if not documents:
        return empty(NO_DOCUMENTS)
    return f'<ul class="sv-documents">{"".join(map(_document, documents))}</ul>'


def _document(document: StoredDocument) -> str:
    name = escaped(document.name)
    title = f'<span class="sv-subdued">{escaped(document.title)}</span>' if document.title else ""
    pages = "1 page" if document.pages == 1 else f"{document.pages} pages"
    return (
        f'<li><div class="sv-document"><span class="sv-name" title="{name}">{name}</span>{title}'
        f'<span class="sv-subdued">{pages}</span></div>'
        f'<button type="button" class="sv-remove" data-action="remove" data-value="{escaped(document.id)}" '
        f'data-confirm="Remove {name} from the library?" aria-label="Remove {name}" title="Remove">×</button></li>'
    )


def notices_html(notices: Sequence[Notice]) -> str:
    """One line for each; nothing for none."""
    lines = [
        f'<li class="{"sv-failed" if notice.failed else ""}">'
        f"{f'<b>{escaped(notice.name)}</b> ' if notice.name else ''}{escaped(notice.text)}</li>"
        for notice in notices
    ]
    return f'<ul class="sv-notices" role="status">{"".join(lines)}</ul>' if lines else ""


# Answers -------------------------------------------------------------------------------------------------------------


def searching_html() -> str:
    return '<p class="sv-empty sv-working" role="status">Looking for evidence…</p>'


def writing_html(text: str) -> str:
    """An answer while it is written: its citations are not checked yet, so they are plain text."""
    return f'<div class="sv-answer sv-working">{escaped(text)}</div>'


def answer_html(result: SearchResult, answer: Answer, evidence: Sequence[Evidence]) -> str:
    """The answer with a button for each citation, what a reader should know, and how long it took."""
    places = {one.number: i for i, one in enumerate(evidence) if one.number is not None}
    kind = "sv-answer" if answer.answerable else "sv-answer sv-not-found"
    notes = "".join(f'<p class="sv-note">{escaped(note)}</p>' for note in answer.notes)
    return (
        f'<div class="{kind}">{_cited(answer.text, places)}</div>{notes}'
        f'<p class="sv-subdued">found in {result.seconds:.2f} s ({escaped(result.retriever)}), '
        f"answered in {answer.seconds:.2f} s ({escaped(answer.generator)})</p>"
    )


def _cited(text: str, places: Mapping[int, int]) -> str:
    pieces, last = [], 0
    for start, end, numbers in find_citations(text):
        pieces.append(escaped(text[last:start]))
        pieces += [
            f'<button type="button" class="sv-cite" data-action="open" data-value="{places[n]}" '
            f'title="Show the evidence on its page">{n}</button>'
            if n in places
            else f"[{n}]"
            for n in numbers
        ]
        last = end
    lines = ("".join(pieces) + escaped(text[last:])).split("\n")
    return "".join(f"<p>{line}</p>" for line in lines if line.strip())


# Evidence ------------------------------------------------------------------------------------------------------------


def cards_html(evidence: Sequence[Evidence], pictures: Mapping[str, str]) -> str:
    """A card for each piece of evidence; a click on it opens its page.

    Args:
        pictures: data: addresses by element id.
    """
    cited = [i for i, one in enumerate(evidence) if one.number is not None]
    others = [i for i, one in enumerate(evidence) if one.number is None]
    groups = (("Evidence", cited), ("Also found" if cited else "Closest passages", others))
    return "".join(
        f'<h3 class="sv-heading">{heading}</h3><div class="sv-cards">'
        f"{''.join(_card(i, evidence[i], pictures.get(evidence[i].element.id)) for i in indices)}</div>"
        for heading, indices in groups
        if indices
    )


def _card(index: int, one: Evidence, picture: str | None) -> str:
    element = one.element
    text = shortened(" ".join(one.text.split()), _LONGEST_TEXT)
    kind = element.type.replace("_", " ")
    name = element.label or kind
    number = f'<span class="sv-number">{one.number}</span>' if one.number is not None else ""
    names = [] if element.type == "page" else [name] if kind in name.lower() else [name, kind]
    tags = [f"page {element.page}", *names, f"score {one.score:.2f}"]
    image = (
        f'<img src="{escaped(picture)}" alt="{escaped(name)} on page {element.page}" loading="lazy">'
        if picture
        else '<span class="sv-subdued">no picture: the file cannot be drawn</span>'
    )
    reasons = f'<span class="sv-subdued">{escaped(" · ".join(one.reasons))}</span>' if one.reasons else ""
    return (
        f'<article class="sv-card" data-action="open" data-value="{index}">'
        f'<header>{number}<span class="sv-name">{escaped(one.document_name)}</span>'
        f'<button type="button" class="sv-open" data-action="open" data-value="{index}">Open page</button></header>'
        f'<div class="sv-tags">{"".join(f"<span>{escaped(tag)}</span>" for tag in tags)}</div>'
        f'<div class="sv-crop">{image}</div><blockquote>{escaped(text)}</blockquote>{reasons}</article>'
    )


# Pages ---------------------------------------------------------------------------------------------------------------


def page_html(view: PageView) -> str:
    """A page with its boxes, buttons for the pages beside it, and one for what a model looked at if that is known."""
    paper = "sv-paper sv-looked" if view.looked else "sv-paper"
    own_name = f", printed {escaped(view.label)}" if view.label else ""

    def turn(target: int, name: str, sign: str) -> str:
        disabled = "" if 1 <= target <= view.pages else " disabled"
        return (
            f'<button type="button" data-action="turn" data-value="{target}" aria-label="{name}" '
            f'title="{name}"{disabled}>{sign}</button>'
        )

    return (
        f'<div class="sv-page"><header><div class="sv-where"><span class="sv-name">{escaped(view.document_name)}</span>'
        f'<span class="sv-subdued">page {view.number} of {view.pages}{own_name}</span></div>'
        f"{turn(view.number - 1, 'Previous page', '‹')}{turn(view.number + 1, 'Next page', '›')}"
        '<button type="button" data-action="close" data-value="" aria-label="Close" title="Close">×</button></header>'
        f'{_look(view.looked)}<div class="sv-sheet" tabindex="0"><div class="{paper}">'
        f'<img src="{escaped(view.picture)}" alt="Page {view.number} of {escaped(view.document_name)}">'
        f"{''.join(map(_mark, view.marks))}</div></div></div>"
    )


def _look(looked: bool | None) -> str:
    if looked is None:
        return ""
    pressed, value = ("true", "0") if looked else ("false", "1")
    return (
        f'<div class="sv-look"><button type="button" data-action="look" data-value="{value}" aria-pressed="{pressed}" '
        'data-busy="Looking…">What the model looked at</button></div>'
    )


def _mark(mark: Mark) -> str:
    number = f"<span>{mark.number}</span>" if mark.number is not None else ""
    kind = "sv-mark sv-chosen" if mark.chosen else "sv-mark"
    place = f"left:{mark.left:.3f}%;top:{mark.top:.3f}%;width:{mark.width:.3f}%;height:{mark.height:.3f}%"
    return f'<div class="{kind}" style="{place}">{number}</div>'
