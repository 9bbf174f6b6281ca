from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from svrag.generation.quote import QuoteGenerator
from svrag.library.store import Library
from tests.app.conftest import HOSTILE
from tests.app.test_markup import Reader
from tests.app.test_streaming import Writer
from tests.documents_made import write_paper

gr = pytest.importorskip("gradio", reason="the web app is not installed")

from svrag.app.web import ALL_DOCUMENTS, Shown, WebApp  # noqa: E402  # after the check for Gradio
from svrag.generation.answer import Generator  # noqa: E402


class Session:
    """What Gradio knows of who asks."""

    session_hash = "one"


def app(folder: Path, generator: Generator | None = None) -> WebApp:
    return WebApp(folder, "lexical", generator or QuoteGenerator(), 5)


def ask(web: WebApp, question: str, document: str = ALL_DOCUMENTS, k: int = 5) -> list[Any]:
    return list(web.answer(question, document, k, Session()))  # type: ignore[arg-type]


def clicked(action: str, value: object) -> Any:
    return gr.EventData(None, {"action": action, "value": str(value)})


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, title: seen.append(message))
    return seen


def test_a_question_ends_with_an_answer_its_evidence_and_the_page(library_folder: Path) -> None:
    web = app(library_folder)
    shown = ask(web, "How long was the kiln fired?")
    answer, cards, evidence = shown[-1]
    assert "nine hours" in Reader(answer).words
    assert cards.count('class="sv-card"') == len(evidence) == 5
    assert cards.count("data:image/webp") == 5
    assert web._stops == {}

    sheet, viewer, place = web.open(evidence, clicked("open", 0))
    assert "kiln.pdf" in sheet
    assert "sv-chosen" in sheet
    assert viewer.visible
    assert place == Shown(0, evidence[0].element.page)
    other = 3 - place.page
    sheet, _, place = web.turn(evidence, place, clicked("turn", other))
    assert f"page {other} of 2" in sheet
    assert "sv-chosen" not in sheet
    sheet, viewer, place = web.turn(evidence, place, clicked("close", ""))
    assert (sheet, viewer.visible, place) == ("", False, None)


def test_only_the_chosen_document_is_asked(library_folder: Path) -> None:
    with Library.open(library_folder) as library:
        turned = library.find("turned.pdf").id
    *_, (_, _, evidence) = ask(app(library_folder), "How long was the kiln or the lantern fired?", turned, k=2)
    assert {one.document_name for one in evidence} == {"turned.pdf"}


def test_markup_in_documents_and_names_stays_text(library_folder: Path) -> None:
    web = app(library_folder)
    listing, choice = web.documents(None)
    answer, cards, _ = ask(web, "How much cobalt does the glaze hold?")[-1]
    assert "<script>window.attacked = 1</script>" in HOSTILE
    for page in (listing, answer, cards):
        tags = {tag for tag, _ in Reader(page).tags}
        assert not tags & {"script", "b", "iframe"}
    assert "<script>window.attacked = 1</script>" in Reader(answer).words
    assert all("onerror" not in attributes for _, attributes in Reader(cards).tags)
    assert "hostile & <b>bold<b>.pdf" in [name for name, _ in choice.choices]


@pytest.mark.parametrize(("question", "line"), [("?!", "no words"), ("", "no words")])
def test_a_question_that_cannot_be_asked_is_one_line(
    library_folder: Path, warnings: list[str], question: str, line: str
) -> None:
    answer, _, _ = ask(app(library_folder), question)[-1]
    assert line in Reader(answer).words
    assert len(warnings) == 1
    assert line in warnings[0]


def test_an_empty_library_says_what_to_do(tmp_path: Path, warnings: list[str]) -> None:
    Library.open(tmp_path / "library").close()
    web = app(tmp_path / "library")
    assert "No documents yet" in web.documents(None)[0]
    answer, _, _ = ask(web, "How long?")[-1]
    assert "add a document first" in Reader(answer).words
    assert "no library" in app(tmp_path / "nowhere").documents(None)[0]


def test_what_has_gone_cannot_be_opened(library_folder: Path, tmp_path: Path) -> None:
    web = app(library_folder)
    *_, (_, _, evidence) = ask(web, "How long was the kiln fired?")
    assert web.open(evidence, clicked("open", 99))[2] is None
    assert "no page 77" in Reader(web.turn(evidence, Shown(0, 1), clicked("turn", 77))[0]).words
    Library.open(tmp_path / "empty").close()
    assert "unknown document" in Reader(app(tmp_path / "empty").open(evidence, clicked("open", 0))[0]).words


def test_adding_and_removing(tmp_path: Path) -> None:
    Library.open(tmp_path / "library").close()
    web = app(tmp_path / "library")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first = write_paper(tmp_path / "a" / "kiln.pdf")
    second = write_paper(tmp_path / "b" / "kiln.pdf", pages=2)
    lines = Reader(web.add([str(first), str(second)], "")).words
    assert "added: 1 page" in lines
    assert "added: 2 pages" in lines
    listing, choice = web.documents(None)
    assert listing.count("data-action") == 2
    names = [name for name, _ in choice.choices]
    assert len(set(names)) == 3, "documents of the same name can be told apart"
    kept, gone = (value for _, value in choice.choices[1:])
    assert web.documents(kept)[1].value == kept
    assert "was removed" in web.remove(clicked("remove", gone))
    assert web.documents(kept)[1].value == kept
    assert web.documents(gone)[1].value == ALL_DOCUMENTS
    assert "unknown document" in web.remove(clicked("remove", gone))


def test_stop_and_the_end_of_the_program_end_an_answer(library_folder: Path) -> None:
    for stop in (lambda web: web.stop(Session()), lambda web: web.end()):
        writer = Writer("Nine ", "hours.")
        web = app(library_folder, writer)
        writer.may_write.release()
        answers = []
        for answer, _, _ in web.answer("How long was the kiln fired?", ALL_DOCUMENTS, 3, Session()):  # type: ignore[arg-type]
            answers.append(str(answer))
            if "Nine" in answers[-1] and not writer.stopped.is_set():
                stop(web)
                threading.Timer(0.05, writer.may_write.release).start()
        assert writer.stopped.is_set()
        assert "Nine" in answers[-1]
        assert "hours" not in answers[-1]


def test_the_end_of_the_program_ends_adding(tmp_path: Path) -> None:
    web = app(tmp_path / "library")
    web.end()
    assert "the app was ended" in web.add([str(write_paper(tmp_path / "kiln.pdf"))], "")


def test_the_page_reports_nothing_and_offers_no_interface(library_folder: Path) -> None:
    page = app(library_folder).blocks()
    assert page.analytics_enabled is False
    assert page.get_api_info()["named_endpoints"] == {}
    assert page.get_api_info()["unnamed_endpoints"] == {}
