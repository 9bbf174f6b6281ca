"""What a question brought: hits and pages, the answer with what it rests on, and what a model looked at."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from svrag.console.plain import out, plain, print_table
from svrag.documents.model import Box
from svrag.text import shortened, without_control

if TYPE_CHECKING:
    from svrag.generation.answer import Answer
    from svrag.search.explain import Explanation
    from svrag.search.result import SearchResult


def search_json(result: SearchResult) -> dict[str, object]:
    """The object that `svrag search --json` prints; its keys are stable."""
    return {
        "question": result.question,
        "retriever": result.retriever,
        "seconds": round(result.seconds, 4),
        "hits": [
            {
                "rank": hit.rank,
                "element_id": hit.element.id,
                "document": hit.document_name,
                "page": hit.element.page,
                "type": hit.element.type,
                "label": hit.element.label,
                "bbox": _bbox(hit.element.box),
                "text": hit.element.text,
                "score": round(hit.score, 4),
                "reasons": list(hit.reasons),
            }
            for hit in result.hits
        ],
        "pages": [
            {"rank": page.rank, "document": page.document_name, "page": page.page, "score": round(page.score, 4)}
            for page in result.pages
        ],
    }


def print_search(result: SearchResult) -> None:
    """The hits as a table, then the best pages."""
    if not result.hits:
        out().print(plain("nothing found: no document shares a word with the question"))
        return
    print_table(
        ("", "score", "document", "page", "type", "label", "text"),
        [
            (
                str(hit.rank),
                f"{hit.score:.2f}",
                shortened(hit.document_name, 28),
                str(hit.element.page),
                hit.element.type,
                hit.element.label,
                shortened(hit.element.caption or hit.element.text, 300),
            )
            for hit in result.hits
        ],
        right=(0, 1, 3),
    )
    console = out()
    pages = ", ".join(str(page.page) for page in result.pages[:10])
    names = {page.document_id for page in result.pages[:10]}
    if len(names) == 1:
        console.print(plain(f"pages {pages}"))
    else:
        console.print(plain("pages " + ", ".join(f"{page.document_name}:{page.page}" for page in result.pages[:10])))


def explanation_json(explained: Explanation) -> dict[str, object]:
    """The object that `svrag explain --json` prints; its keys are stable."""
    return {
        "question": explained.question,
        "document": explained.document_name,
        "page": explained.page,
        "model": explained.model,
        "score": round(explained.score, 4),
        "tokens": [
            {
                "word": word,
                "similarity": round(float(similarity), 4),
                "box": None if sees is None else [round(value, 4) for value in sees],
            }
            for word, similarity, sees in zip(explained.words, explained.similarities, explained.places(), strict=True)
        ],
    }


def print_explanation(explained: Explanation, written: Path) -> None:
    """The score, and each word of the question with its best similarity."""
    asked = explained.asked()
    print_table(
        ("best", "word"), [(f"{explained.similarities[i]:.2f}", explained.words[i]) for i in asked], right=(0,)
    )
    about = f"{explained.document_name}, page {explained.page}: score {explained.score:.3f} ({explained.model})"
    out().print(plain(f"{about}, drawn in {written}"))


def answer_json(result: SearchResult, answer: Answer, parse_seconds: float) -> dict[str, object]:
    """The object that `svrag ask --json` prints; its keys are stable."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "short": answer.short,
        "answerable": answer.answerable,
        "citations": [
            {
                "n": citation.n,
                "element_id": citation.element.id,
                "document": citation.document_name,
                "page": citation.element.page,
                "type": citation.element.type,
                "label": citation.element.label,
                "bbox": _bbox(citation.element.box),
                "text": citation.element.text,
                "quote": citation.quote,
                "score": round(citation.score, 4),
            }
            for citation in answer.citations
        ],
        "retriever": result.retriever,
        "generator": answer.generator,
        "unsupported": list(answer.unsupported),
        "removed_citations": answer.removed_citations,
        "notes": list(answer.notes),
        "seconds": {
            "parse": round(parse_seconds, 3),
            "retrieve": round(result.seconds, 4),
            "generate": round(answer.seconds, 4),
        },
    }


@dataclass
class AnswerStream:
    """Prints an answer as it is written, when a person is watching."""

    live: bool
    written: bool = False

    def write(self, token: str) -> None:
        if self.live and sys.stdout.isatty():
            sys.stdout.write(without_control(token))
            sys.stdout.flush()
            self.written = True

    def close(self) -> None:
        if self.written:
            sys.stdout.write("\n")


def print_answer(answer: Answer, *, streamed: bool) -> None:
    """The answer, then what it rests on: document, page, type, box in points, and the words."""
    console = out()
    if not streamed:
        console.print(Text(without_control(answer.text), style="bold" if answer.answerable else ""))
    for note in answer.notes:
        console.print(Text("note: ", style="yellow") + plain(note))
    if answer.citations:
        console.print()
    for citation in answer.citations:
        element = citation.element
        where = f"{citation.document_name}, page {element.page}, {element.label or element.type.replace('_', ' ')}"
        box = ", ".join(f"{value:.0f}" for value in element.box)
        console.print(Text(f"[{citation.n}] ", style="cyan") + plain(where) + Text(f"  box {box}", style="dim"))
        console.print(Text("    ") + plain(citation.quote or element.caption or element.text, 240))


def _bbox(box: Box) -> list[float]:
    return [round(value, 2) for value in box]
