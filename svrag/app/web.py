"""What the page does when something is added, asked, clicked or removed. How it is laid out: layout.py.

Each request opens the library of whoever sends it for itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from svrag.app import desk, export, markup, states
from svrag.app.choices import Choices
from svrag.app.desk import Desk
from svrag.app.exchange import Conversation
from svrag.app.jobs import Jobs
from svrag.app.listing import documents_html, scope_html
from svrag.app.models import Loader, Needed, answering, finding, without_paths
from svrag.app.shelf import Shelf, examples
from svrag.app.viewer import InView, Viewer
from svrag.errors import SvragError
from svrag.generation.answer import Generator
from svrag.library.store import Library
from svrag.settings import DEFAULT_ENCODER, Settings

_EMPTY = Conversation()


@dataclass(frozen=True)
class WebApp:
    """What the page does. Methods that end in a tuple give the values of their event's outputs.

    Attributes:
        folder: of the library, for whoever `folder_of` does not give another one.
        settings: those the server was started with; None for those named here and defaults.
        free: whether any retriever and generator may be typed at the page.
        accounts: whether readers have signed in, and can sign out.
    """

    folder: Path
    retriever: str
    generator: Generator
    k: int
    encoder: str = DEFAULT_ENCODER
    jobs: Jobs = field(default_factory=Jobs)
    loader: Loader = field(default_factory=Loader)
    settings: Settings | None = None
    free: bool = False
    accounts: bool = False
    folder_of: Callable[[gr.Request], Path] | None = None

    @functools.cached_property
    def desk(self) -> Desk:
        return Desk(self.encoder)

    @functools.cached_property
    def shelf(self) -> Shelf:
        return Shelf(self.jobs)

    @functools.cached_property
    def viewer(self) -> Viewer:
        return Viewer()

    @functools.cached_property
    def choices(self) -> Choices:
        known = Settings(retriever=self.retriever, generator=self.generator.name, k=self.k, encoder=self.encoder)
        return Choices(self.settings or known, self.generator, self.free)

    def end(self) -> tuple[str, ...]:
        """Cut short whatever is read or answered: the program is about to end. The names of the files left unread."""
        self.desk.end()
        return self.jobs.end()

    # The library -----------------------------------------------------------------------------------------------------

    def documents(self, chosen: frozenset[str], words: str, request: gr.Request) -> tuple[str, str, frozenset[str]]:
        """The list of documents with these words, which of all are asked, and those of `chosen` that are still there."""
        try:
            listed = self.shelf.listed(self._folder(request))
        except SvragError as error:
            return markup.failure(str(error)), "", frozenset()
        kept = chosen & {one.document.id for one in listed}
        return documents_html(listed, kept, words), scope_html(len(kept), len(listed)), kept

    def find(self, chosen: frozenset[str], words: str, request: gr.Request) -> str:
        """The list of documents with these words; who is asked stays as it is."""
        return self.documents(chosen, words, request)[0]

    def add(
        self, files: list[str] | None, password: str, watched: tuple[str, ...], request: gr.Request
    ) -> tuple[Any, str, tuple[str, ...], str, gr.Timer]:
        """Hand uploaded files over; the box for files and the password are empty again."""
        folder = self._folder(request)
        if files:
            try:
                watched = (*watched, self.shelf.add(folder, [Path(file) for file in files], password).id)
            except SvragError as error:
                gr.Warning(markup.escaped(str(error)), title="Nothing was added")
        html, _ = self.shelf.progress_html(folder, watched)
        return gr.File(value=None), "", watched, html, gr.Timer(active=True)

    def progress(
        self,
        watched: tuple[str, ...],
        chosen: frozenset[str],
        words: str,
        conversation: Conversation,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """How far files are; the list and the welcome when one is done."""
        html, running = self.shelf.progress_html(self._folder(request), watched)
        listing, scope, _ = self.documents(chosen, words, request)
        welcome = gr.skip() if conversation.exchanges else self._welcome(request)
        return html, listing, scope, welcome, gr.Timer(active=running)

    def cancel(self, event: gr.EventData, request: gr.Request) -> None:
        self.shelf.cancel(self._folder(request), str(event.value))

    def save(self, event: gr.EventData, request: gr.Request) -> str:
        return self.shelf.save(self._folder(request), str(event.value), str(event.name), str(event.tags))

    def reread(self, event: gr.EventData, request: gr.Request) -> str:
        return self.shelf.reread(self._folder(request), str(event.value))

    def remove(self, event: gr.EventData, request: gr.Request) -> str:
        return self.shelf.remove(self._folder(request), str(event.value))

    def choose(
        self, chosen: frozenset[str], words: str, request: gr.Request, event: gr.EventData
    ) -> tuple[Any, str, frozenset[str]]:
        """Which documents the next question goes to: of those that are shown the checked ones, and others as before; or
        all again.
        """
        if event.action == "choose":
            chosen = (chosen - set(str(event.shown).split())) | set(str(event.value).split())
        else:
            chosen = frozenset()
        return self.documents(chosen, words, request)

    # Questions -------------------------------------------------------------------------------------------------------

    def answer(
        self,
        question: str,
        conversation: Conversation,
        chosen: frozenset[str],
        retriever: str,
        generator: str,
        k: float,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """The conversation as the answer comes."""
        folder = self._folder(request)
        try:
            self.choices.check_retriever(folder, retriever)
        except SvragError as error:
            gr.Warning(markup.escaped(str(error)), title="No answer")
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip(), conversation
            return
        steps = self.desk.ask(
            folder,
            str(request.session_hash),
            conversation,
            question,
            documents=sorted(chosen),
            retriever=retriever,
            generator=lambda: self.choices.generator(generator),
            k=int(k),
        )
        for step in steps:
            yield _outputs(step)

    def stop(self, request: gr.Request) -> None:
        """End the answer that this session is waiting for; what is written so far stays."""
        self.desk.stop(str(request.session_hash))

    def focus(self, conversation: Conversation, event: gr.EventData) -> tuple[Any, ...]:
        """Spread out the evidence of the exchange that was clicked."""
        return _outputs(desk.shown(conversation.focused(int(event.value)), ()))

    def anew(self, request: gr.Request) -> tuple[Any, ...]:
        """Begin another conversation."""
        return "", self._welcome(request), "", "", _EMPTY

    def load(self, conversation: Conversation, request: gr.Request) -> tuple[Any, ...]:
        """The page as it is opened: the conversation, the choices, and whether something is being read."""
        folder = self._folder(request)
        _, running = self.shelf.progress_html(folder, ())
        try:
            names = self.choices.retrievers(folder)
        except SvragError:
            names = [self.retriever]
        return self._welcome(request), gr.Dropdown(choices=names), gr.Timer(active=running)

    def status(self, retriever: str, generator: str, asking: bool, request: gr.Request) -> tuple[str, str, gr.Timer]:
        """How it stands with the models of the settings, those alone that are on their way, and whether to look again."""
        try:
            models = self._models(retriever, generator)
            said = self.choices.status(self._folder(request), retriever)
        except SvragError as error:
            return markup.failure(str(error)), "", gr.Timer(active=False)
        moving = states.under_way_html(models)
        line = f'<p class="sv-subdued">{markup.escaped(without_paths(said))}</p>'
        return states.models_html(models) + line, moving if asking else "", gr.Timer(active=asking or bool(moving))

    def load_models(self, retriever: str, generator: str, request: gr.Request) -> gr.Timer:
        """Begin to load what the settings name."""
        try:
            self.choices.check_retriever(self._folder(request), retriever)
            self.loader.start(retriever, self.encoder, self.choices.generator(generator))
        except SvragError as error:
            gr.Warning(markup.escaped(str(error)), title="This cannot be loaded")
        return gr.Timer(active=True)

    def _models(self, retriever: str, generator: str) -> list[Needed]:
        return [*finding(retriever, self.encoder), *answering(generator)]

    def markdown(self, conversation: Conversation) -> str:
        """The conversation as a file, which the page saves."""
        return export.file_html("answers.md", "text/markdown", export.to_markdown(conversation).encode())

    def pdf(self, conversation: Conversation) -> str:
        return export.file_html("answers.pdf", "application/pdf", export.to_pdf(conversation))

    def _welcome(self, request: gr.Request) -> str:
        try:
            folder = self._folder(request)
            return desk.shown(_EMPTY, examples(folder), len(self.shelf.listed(folder))).current or ""
        except SvragError as error:
            return markup.failure(str(error))

    # Pages -----------------------------------------------------------------------------------------------------------

    def view(
        self, conversation: Conversation, shown: InView | None, retriever: str, request: gr.Request,
        event: gr.EventData,
    ) -> tuple[Any, Any, InView | None]:  # fmt: skip
        """The page viewer after something was clicked, in it or elsewhere."""
        try:
            with Library.open(self._folder(request), create=False) as library:
                after = self.viewer.after(library, conversation, shown, str(event.action), str(event.value))
                if after is None:
                    return "", gr.Column(visible=False), None
                return self.viewer.html(library, conversation, after, retriever), gr.Column(visible=True), after
        except SvragError as error:  # what is in view stays as it is
            gr.Warning(markup.escaped(str(error)), title="This cannot be shown")
            return gr.skip(), gr.skip(), shown

    def _folder(self, request: gr.Request) -> Path:
        return self.folder_of(request) if self.folder_of else self.folder


def _outputs(step: desk.Shown) -> tuple[Any, ...]:
    parts = (step.before, step.current, step.cards, step.after)
    return (*(gr.skip() if part is None else part for part in parts), step.conversation)
