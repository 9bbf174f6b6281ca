from __future__ import annotations

import base64
import threading
import time
import unicodedata
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from svrag.app.exchange import Conversation
from svrag.app.export import to_markdown, to_pdf
from svrag.generation.quote import QuoteGenerator
from svrag.library.store import Library
from tests.app.conftest import HOSTILE
from tests.app.test_markup import Reader
from tests.app.test_streaming import Writer
from tests.documents_made import write_paper

gr = pytest.importorskip("gradio", reason="the web app is not installed")

from svrag.app.layout import page_of  # noqa: E402
from svrag.app.viewer import InView  # noqa: E402  # after the check for Gradio
from svrag.app.web import WebApp  # noqa: E402
from svrag.generation.answer import Generator  # noqa: E402

NOBODY: frozenset[str] = frozenset()


class Session:
    """What Gradio knows of who asks."""

    session_hash = "one"


REQUEST: Any = Session()


def app(folder: Path, generator: Generator | None = None) -> WebApp:
    return WebApp(folder, "lexical", generator or QuoteGenerator(), 5)


def ask(
    web: WebApp, question: str, talk: Conversation | None = None, documents: frozenset[str] = NOBODY, k: int = 5
) -> tuple[str, str, str, str, Conversation]:
    """The conversation as the page shows it at the end."""
    parts: list[Any] = ["", "", "", ""]
    retriever, generator = web.retriever, web.generator.name
    for step in web.answer(question, talk or Conversation(), documents, retriever, generator, k, REQUEST):
        *changed, talk = step
        parts = [new if isinstance(new, str) else old for old, new in zip(parts, changed, strict=True)]
    return (*parts, talk)  # type: ignore[return-value]


def clicked(action: str, value: object, **words: str) -> Any:
    return gr.EventData(None, {"action": action, "value": str(value), **words})


def view(web: WebApp, talk: Conversation, shown: InView | None, action: str, value: object) -> tuple[str, Any, InView]:
    return web.view(talk, shown, web.retriever, REQUEST, clicked(action, value))  # type: ignore[return-value]


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, title: seen.append(message))
    return seen


def test_a_question_ends_with_an_answer_its_evidence_and_the_page(library_folder: Path) -> None:
    web = app(library_folder)
    _, answer, cards, _, talk = ask(web, "How long was the kiln fired?")
    evidence = talk.exchanges[0].evidence
    assert "nine hours" in Reader(answer).words
    assert cards.count('<article class="sv-card') == len(evidence) == 5
    assert cards.count("data:image/webp") == 10, "a cut-out and a small page each"
    assert web.desk._stops == {}

    sheet, column, shown = view(web, talk, None, "open", "0:0")
    assert "kiln.pdf" in sheet
    assert "sv-chosen" in sheet
    assert column.visible
    assert shown == InView(evidence[0].element.document_id, evidence[0].element.page, evidence[0].element.id, 0, 0)
    other = 3 - shown.page
    sheet, _, turned = view(web, talk, shown, "turn", other)
    assert f'value="{other}" aria-label="Page"> of 2' in sheet
    assert "sv-chosen" not in sheet
    sheet, _, shown = view(web, talk, turned, "piece", 1)
    assert shown.index == 1
    assert shown.page == evidence[1].element.page
    sheet, _, shown = view(web, talk, shown, "everything", 1)
    assert "sv-other" in sheet
    sheet, _, shown = view(web, talk, shown, "text", 1)
    assert "Firing the kiln" in Reader(sheet).words
    sheet, _, shown = view(web, talk, shown, "graph", 1)
    nodes = [a for tag, a in Reader(sheet).tags if tag == "g"]
    assert nodes[0]["data-value"] == evidence[1].element.id
    assert len(nodes) > 1
    sheet, _, shown = view(web, talk, shown, "element", nodes[1]["data-value"])
    assert shown.element == nodes[1]["data-value"]
    assert next(a for tag, a in Reader(sheet).tags if tag == "g")["data-value"] == shown.element
    assert view(web, talk, shown, "close", "")[0] == ""


def test_a_follow_up_rests_on_what_was_said_and_older_evidence_can_be_spread_out(library_folder: Path) -> None:
    web = app(library_folder)
    *_, talk = ask(web, "How long was the kiln fired?")
    before, current, _, after, talk = ask(web, "And at how many degrees was it fired?", talk)
    assert "How long was the kiln fired?" in Reader(before).words
    assert "1240" in Reader(current).words
    assert after == ""
    assert [one.question for one in talk.history()] == [one.question for one in talk.exchanges]
    before, current, cards, after, talk = web.focus(talk, clicked("focus", 0))
    assert (before, talk.focus) == ("", 0)
    assert "nine hours" in Reader(current).words
    assert 'data-value="0:0"' in cards
    assert "degrees" in Reader(after).words
    assert "kiln.pdf" in view(web, talk, None, "open", "1:0")[0]
    assert web.anew(REQUEST)[-1] == Conversation()


def test_only_the_chosen_documents_are_asked(library_folder: Path) -> None:
    web = app(library_folder)
    with Library.open(library_folder) as library:
        turned = library.find("turned.pdf").id
    with Library.open(library_folder) as library:
        kiln = library.find("kiln.pdf").id
    _, _, chosen = web.choose(frozenset({kiln}), "", REQUEST, clicked("choose", turned, shown=turned))
    assert chosen == {kiln, turned}, "what is not shown stays as it was"
    _, scope, chosen = web.choose(chosen, "", REQUEST, clicked("choose", turned, shown=f"{kiln} {turned}"))
    assert chosen == {turned}
    assert "1 of 3 documents" in Reader(scope).words
    *_, talk = ask(web, "How long was the kiln or the lantern fired?", documents=chosen, k=2)
    assert {one.document_name for one in talk.exchanges[0].evidence} == {"turned.pdf"}
    listing, scope, chosen = web.choose(chosen, "", REQUEST, clicked("all", ""))
    assert chosen == NOBODY
    assert "checked" not in listing
    assert "all 3 documents" in Reader(scope).words
    assert web.documents(frozenset({turned, "feedfeedfeed"}), "", REQUEST)[2] == {turned}


def test_markup_in_documents_and_names_stays_text(library_folder: Path) -> None:
    web = app(library_folder)
    listing, _, _ = web.documents(NOBODY, "", REQUEST)
    _, answer, cards, _, talk = ask(web, "How much cobalt does the glaze hold?")
    sheet, _, _ = view(web, talk, InView(talk.exchanges[0].evidence[0].element.document_id, 1), "text", 1)
    assert "<script>window.attacked = 1</script>" in HOSTILE
    for page in (listing, answer, cards, sheet):
        shown = Reader(page)
        assert not {tag for tag, _ in shown.tags} & {"script", "iframe"}
        assert all("onerror" not in attributes for _, attributes in shown.tags)
    assert "<script>window.attacked = 1</script>" in Reader(answer).words
    assert "<script>window.attacked = 1</script>" in Reader(sheet).words
    assert "hostile & <b>bold<b>.pdf" in Reader(listing).words
    assert "<script>" not in to_markdown(talk)


@pytest.mark.parametrize("question", ["?!", ""])
def test_a_question_that_cannot_be_asked_is_one_line(library_folder: Path, question: str) -> None:
    _, answer, _, _, talk = ask(app(library_folder), question)
    assert "no words" in Reader(answer).words
    assert talk.history() == ()


def test_names_that_may_not_be_used_are_refused(library_folder: Path, warnings: list[str]) -> None:
    web = app(library_folder)
    (step,) = web.answer("How long?", Conversation(), NOBODY, "/etc", "quote", 3, REQUEST)
    assert step[-1] == Conversation()
    assert "cannot be used here" in warnings[0]
    *_, last = web.answer("How long?", Conversation(), NOBODY, "lexical", "openai:x", 3, REQUEST)
    assert "cannot be used here" in last[-1].exchanges[0].failure
    assert web.choices.retrievers(library_folder) == ["lexical"]
    assert "no model is needed" in web.status("lexical", "quote", False, REQUEST)[0]
    assert "at the next question" in web.status("lexical,made/model", "quote", False, REQUEST)[0]


def test_an_empty_library_says_what_to_do(tmp_path: Path) -> None:
    Library.open(tmp_path / "library").close()
    web = app(tmp_path / "library")
    assert "No documents yet" in web.documents(NOBODY, "", REQUEST)[0]
    assert "Drop PDFs" in web.load(Conversation(), REQUEST)[0]
    assert "add a document first" in Reader(ask(web, "How long?")[1]).words
    assert "no library" in app(tmp_path / "nowhere").documents(NOBODY, "", REQUEST)[0]


def test_what_has_gone_cannot_be_opened(library_folder: Path, tmp_path: Path, warnings: list[str]) -> None:
    web = app(library_folder)
    *_, talk = ask(web, "How long was the kiln fired?")
    _, _, shown = view(web, talk, None, "open", "0:0")
    for action, value in (("open", "0:99"), ("open", "nonsense"), ("turn", "77"), ("element", "x"), ("dance", "")):
        sheet, _, after = view(web, talk, shown, action, value)
        assert after == shown, "the page stays as it is"
        assert not isinstance(sheet, str)
    assert len(warnings) == 5
    assert "no page 77" in warnings[2]
    Library.open(tmp_path / "empty").close()
    sheet, column, after = view(app(tmp_path / "empty"), talk, None, "open", "0:0")
    assert (isinstance(sheet, str), getattr(column, "visible", None), after) == (False, None, None), (
        "no empty pane opens"
    )
    assert "unknown document" in warnings[-1]


def progress_until_done(web: WebApp, watched: tuple[str, ...]) -> str:
    while True:  # the limit of a test ends what never comes
        html, _, _, _, timer = web.progress(watched, NOBODY, "", Conversation(), REQUEST)
        if not timer.active:
            return Reader(html).words
        time.sleep(0.05)


def test_adding_editing_and_removing(tmp_path: Path) -> None:
    Library.open(tmp_path / "library").close()
    web = app(tmp_path / "library")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first = write_paper(tmp_path / "a" / "kiln.pdf")
    second = write_paper(tmp_path / "b" / "kiln.pdf", pages=2)
    wrong = tmp_path / "notes.docx"
    wrong.write_bytes(b"PK")
    files, password, watched, _, timer = web.add([str(first), str(second), str(wrong)], "secret", (), REQUEST)
    assert (files.value, password, timer.active) == (None, "", True)
    lines = progress_until_done(web, watched)
    for words in ("added: 1 page", "added: 2 pages", "is not a"):
        assert words in lines
    assert not first.exists(), "uploads are gone when they are read"
    listing, scope, _ = web.documents(NOBODY, "", REQUEST)
    kept, gone = Reader(listing).actions("remove")
    assert "all 2 documents" in Reader(scope).words

    said = web.save(clicked("save", kept, name="Kilns of the north", tags="2024, to read"), REQUEST)
    assert "was saved" in said
    listing, _, _ = web.documents(NOBODY, "", REQUEST)
    assert "Kilns of the north" in Reader(listing).words
    assert "to read" in Reader(listing).words
    assert "needs a name" in web.save(clicked("save", kept, name=" ", tags=""), REQUEST)
    assert "was read again" in web.reread(clicked("reread", kept), REQUEST)
    assert "Kilns of the north" in Reader(web.documents(NOBODY, "", REQUEST)[0]).words
    assert "was removed" in web.remove(clicked("remove", gone), REQUEST)
    assert Reader(web.documents(frozenset({str(gone)}), "", REQUEST)[0]).actions("remove") == [kept]
    assert "unknown document" in web.remove(clicked("remove", gone), REQUEST)


def test_stop_and_the_end_of_the_program_end_an_answer(library_folder: Path) -> None:
    for stop in (lambda web: web.stop(REQUEST), lambda web: web.end()):
        writer = Writer("Nine ", "hours.")
        web = app(library_folder, writer)
        writer.may_write.release()
        answers = []
        for step in web.answer(
            "How long was the kiln fired?", Conversation(), NOBODY, "lexical", "writer", 3, REQUEST
        ):
            answers.append(step[1])
            if "Nine" in str(step[1]) and not writer.stopped.is_set():
                stop(web)
                threading.Timer(0.05, writer.may_write.release).start()
        assert writer.stopped.is_set()
        assert "Nine" in answers[-1]
        assert "hours" not in answers[-1]


def test_a_conversation_is_saved_with_its_evidence(library_folder: Path) -> None:
    web = app(library_folder)
    *_, talk = ask(web, "How long was the kiln fired?")
    *_, talk = ask(web, "How much cobalt does the glaze hold?", talk)
    text = to_markdown(talk)
    for words in ("## How long was the kiln fired?", "nine hours", "kiln.pdf › page 1", "> ", "&lt;script>"):
        assert words in text
    (file,) = (a for tag, a in Reader(web.markdown(talk)).tags)
    assert (file["data-file"], file["data-kind"]) == ("answers.md", "text/markdown")
    assert base64.b64decode(Reader(web.markdown(talk)).words).decode() == text
    with pymupdf.open(stream=to_pdf(talk), filetype="pdf") as document:
        said = "\n".join(page.get_text() for page in document)
        pictures = sum(len(page.get_images()) for page in document)
    for words in ("How long was the kiln fired?", "nine hours", "kiln.pdf", "page 1", "<script>window.attacked"):
        assert words in unicodedata.normalize("NFKC", " ".join(said.split()))
    assert pictures >= 2
    assert "Questions and evidence" in to_markdown(Conversation())
    assert base64.b64decode(Reader(web.pdf(Conversation())).words).startswith(b"%PDF")


def test_each_user_has_a_library_of_their_own(library_folder: Path, tmp_path: Path) -> None:
    Library.open(tmp_path / "hers").close()
    web = WebApp(
        library_folder, "lexical", QuoteGenerator(), 5, folder_of=lambda request: tmp_path / str(request.session_hash)
    )
    her = Session()
    her.session_hash = "hers"
    assert "No documents yet" in web.documents(NOBODY, "", her)[0]  # type: ignore[arg-type]
    steps = list(web.answer("How long?", Conversation(), NOBODY, "lexical", "quote", 3, her))  # type: ignore[arg-type]
    assert "the library is empty" in steps[-1][1]


def test_the_page_reports_nothing_and_offers_no_interface(library_folder: Path) -> None:
    page = page_of(app(library_folder))
    assert page.analytics_enabled is False
    assert page.get_api_info()["named_endpoints"] == {}
    assert page.get_api_info()["unnamed_endpoints"] == {}
