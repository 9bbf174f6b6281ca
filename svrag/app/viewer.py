"""The page viewer: which page is in view, how it is shown, and what each of its buttons does."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from svrag.app.exchange import Conversation
from svrag.app.looking import heat_address, words_of
from svrag.app.neighbours import neighbourhood
from svrag.app.pictures import drawn_from, elements_on, page_view
from svrag.app.sheet import WHOLE, Looked, Panel, graph_html, page_html, text_html
from svrag.documents.model import Element
from svrag.errors import InputError, SvragError
from svrag.search.explain import Explanation, explain, picture_model

if TYPE_CHECKING:
    from svrag.library.store import Library

_KEPT = 8  # explanations, of a few megabytes each


@dataclass(frozen=True, slots=True)
class InView:
    """What is in view.

    Attributes:
        element: id of the chosen element; "" for none.
        turn, index: the piece of evidence it was opened for, both from 0; -1 for none.
        everything: all elements have boxes.
        look: see `sheet.Looked.shown`.
    """

    document: str
    page: int
    element: str = ""
    turn: int = -1
    index: int = -1
    everything: bool = False
    panel: Panel = ""
    look: str = ""


@dataclass(frozen=True)
class Viewer:
    """Shows pages; keeps what models looked at for a while, since they take long."""

    _explained: OrderedDict[tuple[str, ...], Explanation] = field(default_factory=OrderedDict)
    _can_look: dict[str, bool] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def after(
        self, library: Library, conversation: Conversation, shown: InView | None, action: str, value: str
    ) -> InView | None:
        """What is in view after `action`; None when it is closed.

        Raises:
            InputError: the value names nothing.
        """
        if action in ("open", "connections"):
            turn, index = _two(value)
            opened = _evidence(conversation, shown, turn, index)
            return replace(opened, panel="graph") if action == "connections" else opened
        if action == "view":
            return InView(value, 1)
        if shown is None or action == "close":
            return None
        if action == "turn":
            return replace(shown, page=_one(value), look="")
        if action == "piece":
            return _evidence(conversation, shown, shown.turn, _one(value))
        if action == "everything":
            return replace(shown, everything=value == "1")
        if action == "text":
            return replace(shown, panel="text" if value == "1" else "")
        if action == "graph":
            return replace(shown, panel="graph" if value == "1" else "")
        if action == "element":
            element = _element(library, value)
            if element is None:
                raise InputError("that element is not in the library any more: ask again")
            look = shown.look if element.page == shown.page else ""
            return replace(shown, document=element.document_id, element=element.id, page=element.page, look=look)
        if action == "look":
            return replace(shown, look=value)
        raise InputError(f"the page cannot {action!r}: reload it")

    def html(self, library: Library, conversation: Conversation, shown: InView, retriever: str) -> str:
        """The viewer for `shown`.

        Raises:
            SvragError: there is no such page, its file cannot be drawn, a model cannot be used.
        """
        exchange = conversation.exchanges[shown.turn] if 0 <= shown.turn < len(conversation.exchanges) else None
        evidence = exchange.evidence if exchange else ()
        chosen = _element(library, shown.element)
        view = page_view(library, shown.document, shown.page, evidence, chosen, everything=shown.everything)
        looked = None
        if exchange is not None and self._looks(retriever):
            looked = Looked()
            if shown.look:
                question = exchange.result.question if exchange.result else exchange.question
                explanation = self._explanation(library, question, shown, retriever)
                words = words_of(explanation)
                number = _one(shown.look) if shown.look != WHOLE else None
                word = words[number] if number is not None and 0 <= number < len(words) else None
                view = replace(view, picture=heat_address(explanation, word))
                looked = Looked(tuple(one.text for one in words), shown.look)
        side = ""
        if shown.panel == "text":
            side = text_html(elements_on(library, shown.document, shown.page), shown.element)
        elif shown.panel == "graph":
            node = chosen is not None and chosen.type != "page"
            side = graph_html(neighbourhood(library, chosen) if node and chosen else None)
        return page_html(
            view,
            place=(shown.index, len(evidence)) if evidence and shown.index >= 0 else None,
            everything=shown.everything,
            looked=looked,
            panel=shown.panel,
            side=side,
        )

    def _looks(self, retriever: str) -> bool:
        """Whether a model of the retriever can say what it looked at; found out once, since models may be loaded."""
        if retriever not in self._can_look:
            try:
                picture_model(retriever)
            except SvragError:
                self._can_look[retriever] = False
            else:
                self._can_look[retriever] = True
        return self._can_look[retriever]

    def _explanation(self, library: Library, question: str, shown: InView, retriever: str) -> Explanation:
        key = str(library.folder), shown.document, str(shown.page), question, retriever
        with self._lock:
            known = self._explained.get(key)
        if known is None:
            with drawn_from(library.stored(shown.document)):
                known = explain(library, question, shown.document, shown.page, picture_model(retriever))
            with self._lock:
                self._explained[key] = known
                while len(self._explained) > _KEPT:
                    self._explained.popitem(last=False)
        return known


def _evidence(conversation: Conversation, shown: InView | None, turn: int, index: int) -> InView:
    one = conversation.evidence(turn, index)
    if one is None:
        raise InputError("that piece of evidence is not here any more: ask again")
    element = one.element
    opened = InView(element.document_id, element.page, element.id, turn, index)
    return opened if shown is None else replace(opened, everything=shown.everything, panel=shown.panel)


def _element(library: Library, element_id: str) -> Element | None:
    return next(iter(library.elements([element_id])), None) if element_id else None


def _one(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InputError(f"{value!r} is no number: reload the page") from None


def _two(value: str) -> tuple[int, int]:
    first, _, second = value.partition(":")
    return _one(first), _one(second)
