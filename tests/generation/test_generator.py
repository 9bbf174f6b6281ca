from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from svrag.errors import InputError, ServerError
from svrag.generation.answer import NOT_FOUND
from svrag.generation.background import Background
from svrag.generation.context import LARGE_SIDE, SMALL_SIDE
from svrag.generation.conversation import Turn
from svrag.generation.model import ChatRequest, Limits, Refused, Reply, Text
from svrag.generation.prompt import RULES, RULES_OF_FORM
from svrag.search.result import Hit
from tests.documents_made import write_paper
from tests.generation.evidence import BOWLS, CHART, KILN, LOSSES, POTTERY, element, hits
from tests.generation.fake_model import FakeModel, says, too_long

QUESTION = "How heavy is a bowl?"


@pytest.fixture
def paper(tmp_path: Path) -> dict[str, Path]:
    return {"d0": write_paper(tmp_path / "paper.pdf")}


def words(request: ChatRequest) -> int:
    return sum(len(p.text) for m in request.messages for p in m.parts if isinstance(p, Text))


def test_evidence_is_numbered_front_to_back_document_after_document() -> None:
    late, early = element("Late words.", n=1, page=9), element("Early words.", n=7, page=2)
    other = element("Other words.", n=1)
    model = says("Early [1], late [2], other [3].")
    found = hits(late, early, type(other)(**{**_fields(other), "document_id": "d9", "id": "d9.1.1"}))
    answer = model.generator().answer(QUESTION, found, sources={})
    assert [c.element.text for c in answer.citations] == ["Early words.", "Late words.", "Other words."]
    assert [c.score for c in answer.citations] == [found[1].score, found[0].score, found[2].score]
    assert model.text().index("Early") < model.text().index("Late") < model.text().index("Other")


def _fields(one: object) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}  # type: ignore[attr-defined]


def test_nothing_is_shown_twice() -> None:
    caption = element(CHART.caption, "caption", n=5, target_id=CHART.id)
    again = element(KILN.text.replace(" ", "  "), n=6)
    model = says("Yes [1].")
    model.generator().answer(QUESTION, hits(KILN, CHART, caption, KILN, again), sources={})
    assert model.text().count("</evidence>") == 2


def test_a_known_limit_of_pictures_is_kept_without_asking_for_more(paper: dict[str, Path]) -> None:
    model = FakeModel(limit=Limits(pictures=1))
    answer = model.generator().answer(QUESTION, hits(KILN, CHART, LOSSES), sources=paper)
    assert [len(model.pictures(i)) for i in range(len(model.requests))] == [1]
    assert "Picture of evidence 3" in model.text()  # the chart ranks before the table
    assert any("only 1 picture" in note for note in answer.notes)


def test_a_model_that_reads_text_alone_is_sent_text_alone(paper: dict[str, Path]) -> None:
    model = FakeModel(limit=Limits(pictures=0))
    answer = model.generator().answer(QUESTION, hits(KILN, CHART), sources=paper)
    assert model.pictures() == []
    assert any("no pictures" in note for note in answer.notes)
    text_alone = model.generator().answer(QUESTION, hits(KILN, BOWLS), sources=paper)
    assert text_alone.notes == ()


def test_evidence_fits_the_limit_by_the_models_own_count() -> None:
    many = [element(f"Sentence {i} " + "of words " * 60, n=i) for i in range(30)]
    model = FakeModel(limit=Limits(tokens=6000), count_of=words)
    answer = model.generator().answer(QUESTION, hits(*many), sources={})
    (request,) = model.requests
    assert words(request) + request.max_tokens <= 6000
    assert words(request) > 3000  # no more left out than need be
    assert "Sentence 0 " in model.text()
    assert "Sentence 29 " not in model.text()
    assert any(f"{model.text().count('</evidence>')} of 30 pieces" in note for note in answer.notes)


def test_short_evidence_is_not_counted() -> None:
    def count(request: ChatRequest) -> int:
        raise AssertionError("counting may ask a server")

    model = FakeModel(limit=Limits(tokens=32_000), count_of=count)
    assert model.generator().answer(QUESTION, hits(*POTTERY), sources={}).answerable


def test_pictures_get_smaller_before_evidence_is_left_out(paper: dict[str, Path]) -> None:
    model = FakeModel([too_long(), Reply("Yes [1].", "stop")])
    model.generator().answer(QUESTION, hits(KILN, CHART), sources=paper)
    large, small = (Image.open(io.BytesIO(model.pictures(i)[0])).size for i in (0, 1))
    assert max(small) < max(large) <= LARGE_SIDE + 50
    assert max(small) <= SMALL_SIDE + 50  # five points around it
    assert model.text(1).count("</evidence>") == 2


def test_refusals_end(paper: dict[str, Path]) -> None:
    model = FakeModel([too_long()])
    with pytest.raises(ServerError, match=r"fake .* least evidence: the context is full") as caught:
        model.generator().answer(QUESTION, hits(*POTTERY), sources=paper)
    assert "\n" not in str(caught.value)
    assert len(model.requests) < 12
    assert model.opened == 0


def test_a_refusal_of_pictures_says_how_many(paper: dict[str, Path]) -> None:
    model = FakeModel([Refused("pictures", "no more than one", 1), Reply("Yes [1].", "stop")])
    model.generator().answer(QUESTION, hits(CHART, LOSSES), sources=paper)
    assert [len(model.pictures(i)) for i in (0, 1)] == [2, 1]


def form(answerable: bool, *claims: tuple[str, list[int]]) -> str:
    return json.dumps({"answerable": answerable, "claims": [{"text": t, "evidence": e} for t, e in claims]})


STRUCTURED = Limits(structured=True)


def test_a_model_held_to_a_form_cites_each_claim() -> None:
    reply = form(True, ("318 grams.", [2]), ("Before, it was 290 “grams”.", [2, 1]))
    model = FakeModel([Reply(reply, "stop")], STRUCTURED)
    seen: list[str] = []
    answer = model.generator().answer(QUESTION, hits(*POTTERY), sources={}, on_token=seen.append)
    assert answer.text == "318 grams. [2] Before, it was 290 “grams”. [2][1]"
    assert "".join(seen) == answer.text
    assert len(seen) > 5
    assert answer.notes == ()
    assert model.requests[0].messages[0].parts == (Text(RULES_OF_FORM),)
    assert model.requests[0].schema is not None


def test_not_answerable_by_form() -> None:
    answer = FakeModel([Reply(form(False), "stop")], STRUCTURED).generator().answer(QUESTION, hits(KILN), sources={})
    assert (answer.text, answer.answerable, answer.citations) == (NOT_FOUND, False, ())


@pytest.mark.parametrize(
    ("reply", "text", "note"),
    [
        (Reply('{"answerable": true, "claims": [{"text": "318 grams, \\u00e', "length"), "318 grams,", "cut"),
        (Reply('{"answerable": true, "claims": [{"text": "318"', ""), "318", "broke off"),
        (Reply("318 grams [2].", "stop"), "318 grams [2].", "form"),
        (Reply('{"answer": "318"}', "stop"), '{"answer": "318"}', "form"),
    ],
)
def test_broken_forms_keep_their_words_and_say_so(reply: Reply, text: str, note: str) -> None:
    answer = FakeModel([reply], STRUCTURED).generator().answer(QUESTION, hits(*POTTERY), sources={})
    assert answer.text == text
    assert any(note in line for line in answer.notes)


def test_a_model_that_refuses_forms_is_asked_without() -> None:
    model = FakeModel([Refused("schema", "no"), Reply("318 grams [2].", "stop")], STRUCTURED)
    answer = model.generator().answer(QUESTION, hits(*POTTERY), sources={})
    assert [request.schema is None for request in model.requests] == [False, True]
    assert model.requests[1].messages[0].parts == (Text(RULES),)
    assert (answer.text, answer.notes) == ("318 grams [2].", ())


def test_numbers_that_are_not_in_what_is_cited_are_flagged() -> None:
    answer = says("318 grams [2], from 42 bowls [2]. It took 11 hours [1].").generator().answer(
        QUESTION, hits(*POTTERY), sources={}
    )  # fmt: skip
    assert answer.unsupported == ("11",)
    assert any("11" in note for note in answer.notes)


def test_an_empty_reply_is_an_error() -> None:
    with pytest.raises(ServerError, match="answered nothing"):
        says(" \n").generator().answer(QUESTION, hits(KILN), sources={})


def test_a_stopped_reply_is_what_was_written() -> None:
    model = FakeModel([Reply("318 grams", stopped=True)])
    assert model.generator().answer(QUESTION, hits(KILN), sources={}).notes[0].startswith("stopped")


def test_no_evidence_and_no_question() -> None:
    model = says("Yes [1].")
    answer = model.generator().answer(QUESTION, [], sources={})
    assert (answer.text, answer.answerable) == (NOT_FOUND, False)
    with pytest.raises(InputError):
        model.generator().answer(" ", hits(KILN), sources={})
    assert model.requests == []


HISTORY = (Turn("How heavy were the bowls in 2015?", "318 grams [2]"),)


def test_the_model_makes_a_follow_up_stand_alone() -> None:
    model = says('"How heavy were the bowls in 2014?"\n')
    assert model.generator().standalone("And in 2014?", HISTORY) == "How heavy were the bowls in 2014?"
    assert "318 grams" in model.text()
    assert "And in 2014?" in model.text()


@pytest.mark.parametrize("reply", [Reply("", "stop"), Reply("Sure!\nHere it is:", "stop"), too_long()])
def test_what_the_model_fails_to_rewrite_is_carried_over(reply: Reply | Exception) -> None:
    question = FakeModel([reply]).generator().standalone("And in 2014?", HISTORY)
    assert "bowls" in question
    assert question.endswith("And in 2014?")


def test_pages_and_paragraphs_beside_the_hits_are_evidence_and_go_first(paper: dict[str, Path]) -> None:
    page = Hit(1, element("All words of the page.", "page", page=1, id="d0.1"), "paper.pdf", 5.0)
    beside = Background(pages=(page,), related=tuple(hits(KILN)))
    model = says("318 grams [1].")
    answer = model.generator().answer(QUESTION, hits(CHART), sources=paper, background=beside)
    assert model.text().count("</evidence>") == 3
    assert len(model.pictures()) == 2
    assert answer.citations[0].element == page.element  # a whole page comes before what is on it
    model = FakeModel([too_long(), too_long(), Reply("318 grams [1].", "stop")])
    answer = model.generator().answer(QUESTION, hits(CHART), sources=paper, background=beside)
    assert [c.element for c in answer.citations] == [CHART]


def test_names_that_stand_nowhere_are_told_with_a_refusal() -> None:
    beside = Background(absent={"rossi": "Rossi"})
    answer = says(NOT_FOUND).generator().answer(QUESTION, hits(KILN), sources={}, background=beside)
    assert answer.notes == ("nowhere in the documents asked: Rossi",)
    assert says("Yes [1].").generator().answer(QUESTION, hits(KILN), sources={}, background=beside).notes == ()
