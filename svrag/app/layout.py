"""The page as it is laid out: its parts, and which method of `WebApp` answers when one is clicked, typed into or sent."""

from __future__ import annotations

from typing import Any

import gradio as gr

from svrag.app import style
from svrag.app.exchange import Conversation
from svrag.app.web import WebApp
from svrag.documents.files import SUFFIXES

_MOST_EVIDENCE = 20
_QUESTIONS_AT_ONCE = 4
_KEEP_UPLOADS_SECONDS = 3600
_LOOK_SECONDS = 0.7  # between looks at jobs that run


def page_of(web: WebApp) -> gr.Blocks:
    """The page with its events; serve it with `style.CSS` and `style.theme()`."""
    cache = (_KEEP_UPLOADS_SECONDS, _KEEP_UPLOADS_SECONDS)
    with gr.Blocks(title="svrag", analytics_enabled=False, fill_width=True, delete_cache=cache) as page:
        conversation = gr.State(Conversation())
        chosen = gr.State(frozenset())
        watched = gr.State(())
        shown = gr.State(None)
        asking = gr.State(False)
        timer = gr.Timer(_LOOK_SECONDS, active=False)
        models_timer = gr.Timer(_LOOK_SECONDS, active=False)
        _html(style.header(accounts=web.accounts), clicks=style.ON_HEADER, elem_id="sv-header")
        with gr.Row(elem_id="sv-layout"):
            with gr.Column(elem_id="sv-library"):
                upload = gr.File(
                    label="Add documents",
                    show_label=False,
                    file_count="multiple",
                    file_types=sorted(SUFFIXES),
                    height=132,
                    elem_id="sv-upload",
                )
                notices = _html("", elem_id="sv-notices")
                progress = _html("", clicks=style.ON_CLICK, elem_id="sv-progress")
                words = gr.Textbox(
                    label="Find a document",
                    placeholder="Find a document",
                    show_label=False,
                    container=False,
                    elem_id="sv-filter",
                )
                listing = _html("", clicks=style.ON_LIBRARY, elem_id="sv-listing")
                with gr.Accordion("Settings", open=False, elem_id="sv-settings"):
                    retriever = gr.Dropdown(
                        [web.retriever],
                        value=web.retriever,
                        label="Find with",
                        info="Words, a model, or several with commas between them.",
                        allow_custom_value=web.free,
                    )
                    generator = gr.Dropdown(
                        web.choices.generators(),
                        value=web.choices.settings.generator,
                        label="Answer with",
                        info="quote copies the best sentences; no model is needed.",
                        allow_custom_value=web.free,
                    )
                    k = gr.Slider(1, max(_MOST_EVIDENCE, web.k), web.k, step=1, label="Pieces of evidence", buttons=[])
                    status = _html("", clicks=style.ON_CLICK, elem_id="sv-status")
                with gr.Accordion("Encrypted files", open=False):
                    password = gr.Textbox(label="Password", type="password", info="Type it before you add the file.")
            with gr.Column(elem_id="sv-desk"):
                with gr.Column(elem_id="sv-talk"):
                    before = _html("", clicks=style.ON_CLICK, elem_id="sv-before")
                    current = _html("", clicks=style.ON_ANSWER, elem_id="sv-current")
                    moving = _html("", elem_id="sv-moving")
                    cards = _html("", clicks=style.ON_CLICK, elem_id="sv-cards")
                    after = _html("", clicks=style.ON_CLICK, elem_id="sv-after")
                with gr.Column(elem_id="sv-composer"):
                    with gr.Row(elem_id="sv-ask"):
                        question = gr.Textbox(
                            label="Question",
                            show_label=False,
                            container=False,
                            placeholder="Ask your documents…",
                            max_lines=5,
                            max_length=4000,
                            autofocus=True,
                        )
                        ask = gr.Button("Ask", variant="primary", size="md")
                        stop = gr.Button("Stop", variant="stop", size="md", visible=False)
                    with gr.Row(elem_id="sv-below"):
                        scope = _html("", clicks=style.ON_CLICK, elem_id="sv-scope")
                        with gr.Row(elem_id="sv-keep", visible=False) as keep:
                            anew = gr.Button("New conversation", size="sm")
                            markdown = gr.Button("Save as Markdown", size="sm")
                            pdf = gr.Button("Save as PDF", size="sm")
                    saved = _html("", clicks=style.ON_SAVE, elem_id="sv-saved")
            with gr.Column(elem_id="sv-viewer", visible=False) as view:
                sheet = _html("", clicks=style.ON_PAGE)

        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        # What is done at once stays out of the queue, whose stream closes after each event: a click meanwhile would
        # wait for a reply that never comes.
        at_once: dict[str, Any] = {**quiet, "queue": False}
        library, list_outputs = [chosen, words], [listing, scope, chosen]
        words.change(web.find, library, listing, trigger_mode="always_last", **at_once)
        looked, seen = [retriever, generator, asking], [status, moving, models_timer]
        talk = [before, current, cards, after, conversation]
        page.load(web.documents, library, list_outputs, **at_once).then(
            web.load, conversation, [current, retriever, timer], **at_once
        ).then(web.status, looked, seen, **at_once)
        page.unload(web.stop)
        gr.on([retriever.change, generator.change, models_timer.tick], web.status, looked, seen, **at_once)
        status.click(web.load_models, [retriever, generator], models_timer, **at_once).then(
            web.status, looked, seen, **at_once
        )

        upload.upload(web.add, [upload, password, watched], [upload, password, watched, progress, timer], **at_once)
        timer.tick(
            web.progress,
            [watched, chosen, words, conversation],
            [progress, listing, scope, current, timer],
            **at_once,
        )
        progress.stop(web.cancel, None, None, **at_once)
        for event, work, settings in (
            (listing.edit, web.save, at_once),
            (listing.apply, web.reread, quiet),
            (listing.delete, web.remove, at_once),
        ):
            event(work, None, notices, **settings).then(web.documents, library, list_outputs, **at_once)
        for place in (listing, scope):
            place.select(web.choose, library, list_outputs, trigger_mode="always_last", **at_once)

        asked = [question, conversation, chosen, retriever, generator, k]
        while_busy = [ask, stop, view, shown, keep, asking, models_timer]
        # Documents may have gone meanwhile: what is asked is what the page then says is asked.
        gr.on([question.submit, ask.click], _busy, None, while_busy, **at_once).then(
            web.documents, library, list_outputs, **at_once
        ).then(web.answer, asked, talk, concurrency_limit=_QUESTIONS_AT_ONCE, **quiet).then(
            _ready, conversation, [question, ask, stop, keep, asking], **at_once
        ).then(web.status, looked, seen, **at_once)
        stop.click(web.stop, None, None, **at_once)
        current.select(_example, None, question, **at_once)
        anew.click(web.anew, None, talk, **at_once).then(
            lambda: (gr.Column(visible=False), None, gr.Row(visible=False)), None, [view, shown, keep], **at_once
        )
        markdown.click(web.markdown, conversation, saved, **at_once)
        pdf.click(web.pdf, conversation, saved, **quiet)

        for place in (before, after):
            place.select(web.focus, conversation, talk, **at_once)
        for place in (before, current, cards, after, listing, sheet):
            place.click(web.view, [conversation, shown, retriever], [sheet, view, shown], **at_once)
    built: gr.Blocks = page
    return built


def _example(event: gr.EventData) -> str:
    return str(event.value)


def _busy() -> tuple[Any, ...]:
    """While an answer is made: no second question, a way to stop, no page of the last answer; looks at its models."""
    ask, stop = gr.Button(visible=False), gr.Button(visible=True)
    return ask, stop, gr.Column(visible=False), None, gr.Row(visible=False), True, gr.Timer(active=True)


def _ready(conversation: Conversation) -> tuple[Any, ...]:
    failed = bool(conversation.exchanges and conversation.exchanges[-1].failure)
    return (
        gr.skip() if failed else "",  # what could not be asked can be asked again
        gr.Button(visible=True),
        gr.Button(visible=False),
        gr.Row(visible=bool(conversation.exchanges)),
        False,
    )


def _html(value: str, *, clicks: str | None = None, elem_id: str | None = None) -> gr.HTML:
    return gr.HTML(value, js_on_load=clicks, elem_id=elem_id, apply_default_css=False)
