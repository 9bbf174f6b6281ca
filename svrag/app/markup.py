"""HTML of the conversation, and what all HTML of the app is made with. Pure functions from data to text.

Every word that comes from a document, a file name, a model or a user is escaped, so that none of it is ever markup.
What can be clicked carries `data-action` and `data-value`; clicks.js reports them. What carries `data-local` is done in
the browser alone.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from svrag.generation.citations import find_citations
from svrag.text import without_control

if TYPE_CHECKING:
    from svrag.app.exchange import Exchange

NO_QUESTION = "Ask something: the answer appears here, below it the figures, tables and paragraphs it rests on."
_STEPS = (
    ("Add documents", "Drop PDFs or images on the left. They are read on this machine and stay here."),
    ("Ask a question", "In your own words, also about a figure or a table: “What does Table 4 say about costs?”"),
    ("See the evidence", "Click a number in the answer: the page opens with the place boxed."),
)


def escaped(text: str) -> str:
    """`text` as HTML that shows exactly it, control characters left out; safe in attributes too."""
    return html.escape(without_control(text), quote=True)


def empty(sentence: str) -> str:
    """What stands where there is nothing to show yet."""
    return f'<p class="sv-empty">{escaped(sentence)}</p>'


def failure(message: str) -> str:
    return f'<p class="sv-failure" role="alert">{escaped(message)}</p>'


def button(action: str, value: object, inner: str, *, name: str = "", kind: str = "", more: str = "") -> str:
    """A button that reports `action` with `value`. `inner` and `more` (attributes) are HTML already."""
    title = f' title="{escaped(name)}" aria-label="{escaped(name)}"' if name else ""
    styled = f' class="{kind}"' if kind else ""
    return (
        f'<button type="button"{styled} data-action="{action}" '
        f'data-value="{escaped(str(value))}"{title}{f" {more}" if more else ""}>{inner}</button>'
    )


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# The conversation ----------------------------------------------------------------------------------------------------


def welcome_html(documents: int, examples: Sequence[str]) -> str:
    """What stands there before the first question: what to do, and questions to begin with."""
    if not documents:
        steps = "".join(f"<li><b>{escaped(title)}</b><span>{escaped(text)}</span></li>" for title, text in _STEPS)
        return (
            '<section class="sv-welcome"><h2>Ask your documents, see the evidence</h2>'
            f'<ol class="sv-steps">{steps}</ol></section>'
        )
    questions = "".join(
        f"<li>{button('example', question, escaped(question), kind='sv-example')}</li>" for question in examples
    )
    offered = f'<p class="sv-subdued">For example</p><ul class="sv-examples">{questions}</ul>' if questions else ""
    return (
        f'<section class="sv-welcome"><h2>What do you want to know?</h2><p class="sv-subdued">'
        f"{escaped(NO_QUESTION)}</p>{offered}</section>"
    )


def question_html(question: str) -> str:
    return f'<h2 class="sv-question">{escaped(question)}</h2>'


def working_html(question: str, sentence: str) -> str:
    """Before there is a word of an answer: what is being done."""
    return question_html(question) + f'<p class="sv-empty sv-working" role="status">{escaped(sentence)}</p>'


def writing_html(question: str, text: str) -> str:
    """An answer while it is written: its citations are not checked yet, so they are plain text."""
    return question_html(question) + f'<div class="sv-answer sv-working">{escaped(text)}</div>'


def exchange_html(turn: int, exchange: Exchange) -> str:
    """A question and its answer, in which each citation is a button, what a reader should know, how long it took."""
    head = question_html(exchange.question)
    if exchange.failure:
        return head + failure(exchange.failure)
    answer, result = exchange.answer, exchange.result
    if answer is None or result is None:
        return head
    kind = "sv-answer" if answer.answerable else "sv-answer sv-not-found"
    notes = "".join(f'<p class="sv-note">{escaped(note)}</p>' for note in answer.notes)
    return (
        f'{head}<div class="{kind}" aria-live="polite">{_cited(turn, exchange)}</div>{notes}'
        f'<p class="sv-subdued sv-took">found in {result.seconds:.2f} s ({escaped(result.retriever)}), '
        f"answered in {answer.seconds:.2f} s ({escaped(answer.generator)})"
        '<button type="button" data-local="copy" class="sv-link">Copy answer</button></p>'
    )


def compact_html(exchanges: Sequence[Exchange], first: int) -> str:
    """Exchanges from number `first` on, without their evidence, which a button spreads out."""
    return "".join(
        f'<article class="sv-exchange">{exchange_html(turn, exchange)}'
        + (
            button("focus", turn, f"Show evidence ({len(exchange.evidence)})", kind="sv-link")
            if exchange.evidence
            else ""
        )
        + "</article>"
        for turn, exchange in enumerate(exchanges, start=first)
    )


def _cited(turn: int, exchange: Exchange) -> str:
    assert exchange.answer is not None
    places = {one.number: i for i, one in enumerate(exchange.evidence) if one.number is not None}
    text = exchange.answer.text
    pieces, last = [], 0
    for start, end, numbers in find_citations(text):
        pieces.append(escaped(text[last:start]))
        pieces += [
            button("open", f"{turn}:{places[n]}", str(n), name=f"Show evidence {n} on its page", kind="sv-cite")
            if n in places
            else f"[{n}]"
            for n in numbers
        ]
        last = end
    lines = ("".join(pieces) + escaped(text[last:])).split("\n")
    return "".join(f"<p>{line}</p>" for line in lines if line.strip())
