"""The page: its parts, and what happens when something is added, asked, clicked or removed.

Nothing is decided here that the command line does not do the same way. Each request opens the library for itself.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from svrag.app import markup, style
from svrag.app.evidence import Evidence, cited_first, found
from svrag.app.pictures import crops, looked_at, page_view
from svrag.app.streaming import Finished, Found, Piece, ask_in_steps
from svrag.app.uploads import Notice, add_uploads
from svrag.documents.files import SUFFIXES
from svrag.errors import LibraryError, SvragError
from svrag.generation.answer import Generator
from svrag.library.ingest import AddEvent
from svrag.library.store import Library, StoredDocument
from svrag.search.explain import picture_model
from svrag.settings import DEFAULT_ENCODER

ALL_DOCUMENTS = ""
_MOST_EVIDENCE = 20
_QUESTIONS_AT_ONCE = 4
_KEEP_UPLOADS_SECONDS = 3600
_PROGRESS = gr.Progress()


@dataclass(frozen=True, slots=True)
class Shown:
    """The page in view: `chosen` is the index of the evidence it was opened for; `looked`, what the model looked at."""

    chosen: int
    page: int
    looked: bool = False


@dataclass(frozen=True)
class WebApp:
    """What the page does, for one library. Methods that end in a tuple give the values of their event's outputs."""

    folder: Path
    retriever: str
    generator: Generator
    k: int
    encoder: str = DEFAULT_ENCODER
    _stops: dict[str, threading.Event] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Cut short whatever is being read or answered: the program is about to end."""
        self._ended.set()
        for stop in list(self._stops.values()):
            stop.set()

    # Documents -------------------------------------------------------------------------------------------------------

    def documents(self, chosen: str | None) -> tuple[str, gr.Dropdown]:
        """The list of documents, and the choice of one to ask, which stays `chosen` while that one is there."""
        try:
            with self._library() as library:
                documents = library.documents()
        except SvragError as error:
            return markup.failure(str(error)), gr.Dropdown()
        choices = [("All documents", ALL_DOCUMENTS), *((_choice(d, documents), d.id) for d in documents)]
        value = chosen if any(document.id == chosen for document in documents) else ALL_DOCUMENTS
        return markup.documents_html(documents), gr.Dropdown(choices=choices, value=value)

    def add(self, files: list[str] | None, password: str, progress: gr.Progress = _PROGRESS) -> str:
        """Add uploaded files; one line on each."""
        paths = [Path(file) for file in files or ()]
        numbers = {path: i for i, path in enumerate(paths, start=1)}

        def show(event: AddEvent) -> None:
            if self._ended.is_set():
                raise LibraryError("the app was ended: add the file again")
            name = f"{event.path.name} ({numbers[event.path]} of {len(paths)})"
            if event.status == "reading" and event.total_pages:
                share = event.done_pages / event.total_pages
                overall = (numbers[event.path] - 1 + share) / len(paths)
                progress(overall, desc=f"{name}: page {event.done_pages} of {event.total_pages}")
            else:
                progress(numbers[event.path] / len(paths), desc=f"{name}: {event.status}")

        progress(0, desc="Opening files")
        return markup.notices_html(add_uploads(self.folder, paths, password=password, on_event=show))

    def remove(self, event: gr.EventData) -> str:
        """Take the document out whose button was clicked; one line on it."""
        try:
            with self._library() as library:
                document = library.find(event.value)
                library.remove(document.id)
        except SvragError as error:
            return markup.notices_html([Notice("", str(error), failed=True)])
        return markup.notices_html([Notice(document.name, "was removed")])

    # Questions -------------------------------------------------------------------------------------------------------

    def answer(
        self, question: str, document_id: str, k: float, request: gr.Request
    ) -> Iterator[tuple[Any, Any, tuple[Evidence, ...]]]:
        """The answer's text, the cards and the evidence behind them, as they come."""
        session = str(request.session_hash)
        stop = self._stops[session] = threading.Event()
        evidence: tuple[Evidence, ...] = ()
        pictures: dict[str, str] = {}
        text = ""
        yield markup.searching_html(), "", ()
        try:
            with self._library() as library:
                if not library.documents():
                    raise SvragError("the library is empty: add a document first")
            steps = ask_in_steps(
                self.folder,
                question,
                k=int(k),
                documents=[document_id] if document_id else None,
                retriever=self.retriever,
                encoder=self.encoder,
                generator=self.generator,
                stop=stop,
            )
            for step in steps:
                match step:
                    case Found(result):
                        evidence = found(result)
                        with self._library() as library:
                            pictures = crops(library, evidence)
                        yield gr.skip(), markup.cards_html(evidence, pictures), evidence
                    case Piece(piece):
                        text += piece
                        yield markup.writing_html(text), gr.skip(), evidence
                    case Finished(result, answer):
                        evidence = cited_first(result, answer)
                        answered = markup.answer_html(result, answer, evidence)
                        yield answered, markup.cards_html(evidence, pictures), evidence
        except SvragError as error:
            gr.Warning(markup.escaped(str(error)), title="No answer")
            yield markup.failure(str(error)), gr.skip(), evidence
        finally:
            stop.set()
            if self._stops.get(session) is stop:
                del self._stops[session]

    def stop(self, request: gr.Request) -> None:
        """End the answer that this session is waiting for; what is written so far stays."""
        if stop := self._stops.get(str(request.session_hash)):
            stop.set()

    # Pages -----------------------------------------------------------------------------------------------------------

    def open(self, evidence: tuple[Evidence, ...], event: gr.EventData) -> tuple[Any, Any, Shown | None]:
        """The page of the card or citation that was clicked."""
        index = int(event.value)
        if not 0 <= index < len(evidence):
            return gr.skip(), gr.skip(), None
        return self._page(evidence, Shown(index, evidence[index].element.page))

    def turn(
        self, evidence: tuple[Evidence, ...], shown: Shown | None, event: gr.EventData
    ) -> tuple[Any, Any, Shown | None]:
        """Another page of the document in view, what the model looked at on this one, or none when it is closed."""
        if event.action == "close" or shown is None or shown.chosen >= len(evidence):
            return "", gr.Column(visible=False), None
        if event.action == "look":
            return self._page(evidence, replace(shown, looked=event.value == "1"))
        return self._page(evidence, Shown(shown.chosen, int(event.value)))

    def _page(self, evidence: tuple[Evidence, ...], shown: Shown) -> tuple[Any, Any, Shown | None]:
        chosen = evidence[shown.chosen]
        try:
            with self._library() as library:
                view = page_view(library, chosen.element.document_id, shown.page, evidence, chosen)
                if self._sees_pages:
                    view = replace(view, looked=False)
                    if shown.looked:
                        encoder = picture_model(self.retriever)
                        view = looked_at(library, view, chosen.element.document_id, chosen.question, encoder)
        except SvragError as error:
            return markup.failure(str(error)), gr.Column(visible=True), None
        return markup.page_html(view), gr.Column(visible=True), shown

    @functools.cached_property
    def _sees_pages(self) -> bool:
        """Whether a model of the retriever can say what it looked at; found out once, since models may be loaded."""
        try:
            picture_model(self.retriever)
        except SvragError:
            return False
        return True

    def _library(self) -> Library:
        return Library.open(self.folder, create=False)

    # The page --------------------------------------------------------------------------------------------------------

    def blocks(self) -> gr.Blocks:
        """The page with its events; serve it with `style.CSS` and `style.theme()`."""
        cache = (_KEEP_UPLOADS_SECONDS, _KEEP_UPLOADS_SECONDS)
        with gr.Blocks(title="svrag", analytics_enabled=False, fill_width=True, delete_cache=cache) as page:
            evidence = gr.State(())
            shown = gr.State(None)
            _html(
                '<h1 class="sv-title">svrag<span>Ask your documents, see the evidence.</span></h1>',
                elem_id="sv-header",
            )
            with gr.Row(elem_id="sv-layout"):
                with gr.Column(elem_id="sv-library"):
                    upload = gr.File(
                        label="Add documents",
                        file_count="multiple",
                        file_types=sorted(SUFFIXES),
                        height=140,
                        elem_id="sv-upload",
                    )
                    notices = _html("", elem_id="sv-notices")
                    listing = _html(markup.empty(markup.NO_DOCUMENTS), clicks=style.ON_CLICK)
                    with gr.Accordion("Encrypted files", open=False):
                        password = gr.Textbox(
                            label="Password", type="password", info="Type it before you add the file."
                        )
                with gr.Column(elem_id="sv-desk"):
                    with gr.Row(elem_id="sv-ask"):
                        question = gr.Textbox(
                            label="Question",
                            placeholder="What does Figure 3 show?",
                            max_lines=4,
                            max_length=4000,
                            autofocus=True,
                        )
                        ask = gr.Button("Ask", variant="primary", size="md")
                        stop = gr.Button("Stop", variant="stop", size="md", visible=False)
                    with gr.Row():
                        document = gr.Dropdown(
                            [("All documents", ALL_DOCUMENTS)], value=ALL_DOCUMENTS, label="Look in"
                        )
                        k = gr.Slider(
                            1, max(_MOST_EVIDENCE, self.k), self.k, step=1, label="Pieces of evidence", buttons=[]
                        )
                    answer = _html(markup.empty(markup.NO_QUESTION), clicks=style.ON_CLICK)
                    cards = _html("", clicks=style.ON_CLICK)
                with gr.Column(elem_id="sv-viewer", visible=False) as viewer:
                    sheet = _html("", clicks=style.ON_PAGE)

            quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
            # What is done at once stays out of the queue, whose stream closes after each event: a click meanwhile would
            # wait for a reply that never comes.
            at_once: dict[str, Any] = {**quiet, "queue": False}
            page.load(self.documents, document, [listing, document], **at_once)
            page.unload(self.stop)

            upload.upload(lambda: gr.File(interactive=False), None, upload, **at_once).then(
                self.add,
                [upload, password],
                notices,
                show_progress="full",
                api_visibility="private",
                concurrency_limit=1,
            ).then(lambda: (gr.File(value=None, interactive=True), ""), None, [upload, password], **at_once).then(
                self.documents, document, [listing, document], **at_once
            )
            listing.click(self.remove, None, notices, **at_once).then(
                self.documents, document, [listing, document], **at_once
            )

            gr.on([question.submit, ask.click], _busy, None, [question, ask, stop, viewer, shown], **at_once).then(
                self.answer,
                [question, document, k],
                [answer, cards, evidence],
                concurrency_limit=_QUESTIONS_AT_ONCE,
                **quiet,
            ).then(_ready, None, [question, ask, stop], **at_once)
            stop.click(self.stop, None, None, **at_once)

            for clicked in (answer, cards):
                clicked.click(self.open, evidence, [sheet, viewer, shown], **at_once)
            sheet.click(self.turn, [evidence, shown], [sheet, viewer, shown], **at_once)
        built: gr.Blocks = page
        return built


def _busy() -> tuple[Any, Any, Any, Any, None]:
    """While an answer is made: no second question, a way to stop, no page of the last answer."""
    return (
        gr.Textbox(interactive=False),
        gr.Button(visible=False),
        gr.Button(visible=True),
        gr.Column(visible=False),
        None,
    )


def _ready() -> tuple[Any, Any, Any]:
    return gr.Textbox(interactive=True), gr.Button(visible=True), gr.Button(visible=False)


def _choice(document: StoredDocument, documents: list[StoredDocument]) -> str:
    """Its name, with the id where two have the same."""
    same = sum(other.name == document.name for other in documents)
    return document.name if same == 1 else f"{document.name} ({document.id})"


def _html(value: str, *, clicks: str | None = None, elem_id: str | None = None) -> gr.HTML:
    return gr.HTML(value, js_on_load=clicks, elem_id=elem_id, apply_default_css=False)
