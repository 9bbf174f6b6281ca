from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from svrag.errors import InputError, ServerError
from svrag.generation.answer import NOT_FOUND
from svrag.generation.chat import ServerChat
from svrag.generation.generator import ModelGenerator
from tests.documents_made import write_paper
from tests.generation.evidence import BOWLS, CHART, KILN, LOSSES, POTTERY, element, hits
from tests.generation.fake_server import FakeServer, Respond, error
from tests.patience import PATIENCE

KEY = "sk-secret-123456"
QUESTION = "How heavy is a bowl?"
JPEG = "data:image/jpeg;base64,/9j/"


def generator(
    server: FakeServer | str, *, pictures: int = 6, model: str = "tiny", api_key: str = "", timeout: float = 5.0
) -> ModelGenerator:
    address = server if isinstance(server, str) else server.base_url
    opened = partial(ServerChat, address, model, api_key, timeout=timeout, retry_seconds=0.01)
    return ModelGenerator(opened, "openai", pictures=pictures)


def test_streams_and_checks_citations(server: FakeServer) -> None:
    server.responses = [Respond(("318 ", "grams [2]", ". As the", " moon [9] says."))]
    seen: list[str] = []
    answer = generator(server, api_key=KEY).answer(QUESTION, hits(*POTTERY), sources={}, on_token=seen.append)
    assert seen == ["318 ", "grams [2]", ". As the", " moon [9] says."]
    assert answer.text == "318 grams [2]. As the moon says."
    assert answer.answerable
    assert answer.removed_citations == 1
    assert [c.n for c in answer.citations] == [2]
    assert answer.citations[0].element == BOWLS
    assert "318 grams" in answer.citations[0].quote
    assert answer.citations[0].quote in BOWLS.text
    assert server.authorizations == [f"Bearer {KEY}"]
    request = server.requests[0]
    assert request["model"] == "tiny"
    assert request["stream"] is True
    assert QUESTION in server.user_text()
    assert "318 grams" in server.user_text()


def test_unanswerable_is_a_result(server: FakeServer) -> None:
    for said in (
        NOT_FOUND,
        f"**{NOT_FOUND}**",
        "not found in the documents",
        f"{NOT_FOUND} The evidence is about bowls.",
    ):
        server.responses = [Respond((said,))]
        answer = generator(server).answer(QUESTION, hits(*POTTERY), sources={})
        assert not answer.answerable
        assert answer.citations == ()


def test_an_answer_without_citations_lists_all_evidence(server: FakeServer) -> None:
    server.responses = [Respond(("318 grams.",))]
    answer = generator(server).answer(QUESTION, hits(*POTTERY), sources={})
    assert [c.n for c in answer.citations] == [1, 2, 3, 4]
    assert any("cites nothing" in note for note in answer.notes)


def test_without_evidence_the_server_is_not_asked(server: FakeServer) -> None:
    answer = generator(server).answer(QUESTION, [], sources={})
    assert (answer.text, answer.answerable, server.requests) == (NOT_FOUND, False, [])


def test_pictures_of_figures_and_tables_go_along(server: FakeServer, tmp_path: Path) -> None:
    paper = write_paper(tmp_path / "paper.pdf")
    answer = generator(server, pictures=1).answer(QUESTION, hits(KILN, LOSSES, CHART), sources={"d0": paper})
    assert len(server.images()) == 1
    assert server.images()[0].startswith(JPEG)
    assert "Picture of evidence 2" in server.user_text()
    assert answer.notes == ("the answer cites nothing; all evidence it was given is listed",)


def test_no_pictures_when_told_so(server: FakeServer, tmp_path: Path) -> None:
    paper = write_paper(tmp_path / "paper.pdf")
    generator(server, pictures=0).answer(QUESTION, hits(CHART), sources={"d0": paper})
    assert isinstance(server.requests[0]["messages"][1]["content"], str)


def test_a_missing_file_is_a_note(server: FakeServer, tmp_path: Path) -> None:
    answer = generator(server).answer(QUESTION, hits(CHART), sources={"d0": tmp_path / "gone.pdf"})
    assert any(note.startswith("no picture of Figure 3") for note in answer.notes)


@pytest.mark.parametrize(
    ("status", "message"),
    [(400, "tiny is no multimodal model"), (500, "image input is not supported"), (422, "content must be a string")],
)
def test_a_text_only_model_is_asked_again_with_text(
    server: FakeServer, tmp_path: Path, status: int, message: str
) -> None:
    paper = write_paper(tmp_path / "paper.pdf")
    tries = 3 if status == 500 else 1
    server.responses = [*[error(status, message)] * tries, Respond(("318 grams [1].",))]
    answer = generator(server).answer(QUESTION, hits(CHART), sources={"d0": paper})
    assert answer.text == "318 grams [1]."
    assert any("takes no pictures" in note for note in answer.notes)
    assert server.images() == []


def test_an_image_limit_is_kept_to(server: FakeServer, tmp_path: Path) -> None:
    paper = write_paper(tmp_path / "paper.pdf")
    refusal = error(400, "At most 1 image(s) may be provided in one prompt.")
    server.responses = [refusal, Respond(("318 grams [1].",))]
    answer = generator(server).answer(QUESTION, hits(LOSSES, CHART), sources={"d0": paper})
    assert [len(server.images(i)) for i in (0, 1)] == [2, 1]
    assert any("only 1 picture" in note for note in answer.notes)


def test_too_long_a_context_shrinks_the_evidence(server: FakeServer) -> None:
    refusal = error(400, "This model's maximum context length is 512 tokens. However, you requested 900 tokens.")
    server.responses = [refusal, refusal, refusal, Respond(("Nine hours [1], says [2].",))]
    answer = generator(server).answer(QUESTION, hits(*POTTERY), sources={})
    assert [server.user_text(i).count("</evidence>") for i in range(4)] == [4, 2, 1, 1]
    assert answer.text == "Nine hours [1], says."
    assert answer.removed_citations == 1
    assert any("1 of 4 pieces" in note for note in answer.notes)


def test_a_context_that_never_fits_is_an_error(server: FakeServer) -> None:
    server.responses = [error(400, "the request exceeds the available context size")]
    with pytest.raises(ServerError, match="context size"):
        generator(server).answer(QUESTION, hits(*POTTERY), sources={})
    assert len(server.requests) < 12


def test_a_parameter_the_model_will_not_take_is_left_out(server: FakeServer) -> None:
    refusal = error(400, "Unsupported parameter: 'max_tokens' is not supported with this model.")
    server.responses = [refusal, Respond(("Yes [1].",))]
    assert generator(server).answer(QUESTION, hits(KILN), sources={}).text == "Yes [1]."
    assert "max_tokens" not in server.requests[1]
    assert server.requests[1]["temperature"] == 0


@pytest.mark.parametrize(
    ("respond", "note"),
    [
        (Respond(("Nine hours [1]", " and"), finish="length"), "cut: it reached"),
        (Respond(("Nine hours [1]", " and"), finish=None), "broke off"),
        (Respond(("Nine hours [1]", " and"), hang_up=True), "broke off"),
        (Respond(("Nine hours [1]", " and"), finish="content_filter"), "content filter"),
    ],
)
def test_what_came_before_a_break_is_kept_with_a_note(server: FakeServer, respond: Respond, note: str) -> None:
    server.responses = [respond]
    answer = generator(server).answer(QUESTION, hits(KILN), sources={})
    assert answer.text == "Nine hours [1] and"
    assert any(note in line for line in answer.notes)


@pytest.mark.parametrize(
    "pieces",
    [
        ("<thi", "nk>Let me see [7]", "</think>", "\n\nNine ", "hours [1]"),
        (
            "  <",
            "think>\n</think>Nine hours [1]",
        ),
    ],
)
def test_thoughts_are_neither_shown_nor_counted(server: FakeServer, pieces: tuple[str, ...]) -> None:
    server.responses = [Respond(pieces)]
    seen: list[str] = []
    answer = generator(server).answer(QUESTION, hits(KILN), sources={}, on_token=seen.append)
    assert answer.text == "".join(seen) == "Nine hours [1]"
    assert answer.removed_citations == 0


def test_stopping_keeps_the_text_so_far_and_ends_the_stream(server: FakeServer) -> None:
    server.responses = [Respond(("word ",) * 200_000)]
    seen: list[str] = []
    answer = generator(server).answer(
        QUESTION, hits(KILN), sources={}, on_token=seen.append, should_stop=lambda: len(seen) >= 3
    )
    assert answer.text == "word word word"
    assert any("stopped" in note for note in answer.notes)
    assert server.client_gone.wait(PATIENCE)
    assert server.sent_pieces < 200_000


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8000",
        "ftp://x/v1",
        "file:///etc/passwd",
        "http://",
        "http://[bad",
        "http://a b/v1",
        "http://..",
        f"http://{'a' * 64}/v1",
        "http://localhost:99999/v1",
        "http://local\nhost/v1",
    ],
)
def test_only_http_addresses(address: str) -> None:
    with pytest.raises(InputError, match="http"):
        ServerChat(address)


def test_the_key_appears_nowhere(server: FakeServer) -> None:
    assert KEY not in repr(generator(server, api_key=KEY))
    with pytest.raises(InputError) as caught:
        generator(server, api_key=KEY + "\u00e9").answer(QUESTION, hits(KILN), sources={})
    assert KEY not in str(caught.value)


def test_an_empty_question(server: FakeServer) -> None:
    with pytest.raises(InputError):
        generator(server).answer("  ", hits(KILN), sources={})
    assert server.requests == []


def test_numbers_stay_those_of_the_evidence(server: FakeServer) -> None:
    server.responses = [Respond(("Eleven [3], nine hours [1].",))]
    shuffled = hits(*POTTERY)
    answer = generator(server).answer(QUESTION, shuffled, sources={})
    assert [c.n for c in answer.citations] == [1, 3]
    assert all(c.element is shuffled[c.n - 1].element for c in answer.citations)
    assert answer.generator == "openai"


def test_text_that_is_no_unicode_is_sent_all_the_same(server: FakeServer) -> None:
    broken = element("Nine \ud83d hours\x00", section_path=("a\udcff",))
    generator(server).answer("How \udc80 long?", hits(broken), sources={})
    assert "Nine   hours" in server.user_text()
