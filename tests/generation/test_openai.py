from __future__ import annotations

import json
import socket
import time
from functools import partial
from pathlib import Path

import pytest

from svrag.errors import InputError, ServerError
from svrag.generation.answer import NOT_FOUND
from svrag.generation.chat import ServerChat
from svrag.generation.generator import ModelGenerator
from svrag.retrievers.servers import retry_after
from tests.documents_made import write_paper
from tests.generation.evidence import BOWLS, CHART, KILN, LOSSES, POTTERY, element, hits
from tests.generation.fake_server import FakeServer, Respond, error

KEY = "sk-secret-123456"
QUESTION = "How heavy is a bowl?"
PNG = "data:image/png;base64,iVBORw0KGgo"


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


def test_no_key_sends_no_authorization(server: FakeServer) -> None:
    generator(server).answer(QUESTION, hits(KILN), sources={})
    assert server.authorizations == [None]


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
    assert server.images()[0].startswith(PNG)
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


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_tried_again(server: FakeServer, status: int) -> None:
    server.responses = [error(status, "busy", Retry_After="0"), error(status, "busy"), Respond(("Yes [1].",))]
    assert generator(server).answer(QUESTION, hits(KILN), sources={}).text == "Yes [1]."
    assert len(server.requests) == 3


def test_retry_after_is_honoured(server: FakeServer) -> None:
    server.responses = [error(429, "slow down", Retry_After="0.2"), Respond(("Yes [1].",))]
    started = time.monotonic()
    generator(server).answer(QUESTION, hits(KILN), sources={})
    assert time.monotonic() - started >= 0.2


def test_a_server_that_asks_to_wait_too_long_is_an_error(server: FakeServer) -> None:
    server.responses = [error(429, "slow down", Retry_After="3600")]
    with pytest.raises(ServerError, match="3600 s"):
        generator(server).answer(QUESTION, hits(KILN), sources={})
    assert len(server.requests) == 1


def test_retry_after_as_a_date_or_nonsense() -> None:
    assert retry_after("Wed, 21 Oct 2099 07:28:00 GMT") > 3600
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") == retry_after("") == retry_after("-5") == 0


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (error(401, f"Incorrect API key provided: {KEY}"), "refuses the key"),
        (error(403, "no"), "refuses the key"),
        (error(404, "The model `tiny` does not exist."), "offers big, small"),
        (error(400, "tiny is not a valid model ID; the model is unknown"), "offers big, small"),
        (error(429, "slow down"), "over its limit"),
        (error(503, "loading"), "failed (503)"),
        (error(400, f"bad {KEY} thing"), "bad *** thing"),
        (Respond(status=400, body=b"<html>no</html>"), "refuses the request (400): <html>no</html>"),
        (Respond(status=302, body=b"", headers={"Location": "http://example.invalid"}), "(302)"),
        (Respond(raw=b"data: {broken\n\n"), "no answer"),
        (Respond(raw=b"data: [1]\n\n"), "no answer"),
        (Respond(raw=b'data: {"choices": [{"delta": 7}]}\n\n'), "no answer"),
        (Respond(raw=b'data: {"error": {"message": "out of memory", "code": "x"}}\n\n'), "out of memory"),
        (Respond(body=b"not json"), "no answer"),
        (Respond(body={"choices": []}), "answered nothing"),
        (Respond(()), "answered nothing"),
        (Respond(("  \n",)), "answered nothing"),
        (Respond(("<think>hm, hm",), finish="length"), "thinking"),
        (Respond((), hang_up=True), "broke off"),
    ],
)
def test_each_failure_is_one_clear_line(server: FakeServer, respond: Respond, message: str) -> None:
    server.responses = [respond]
    server.models = ["small", "big"]
    with pytest.raises(ServerError) as caught:
        generator(server, api_key=KEY).answer(QUESTION, hits(KILN), sources={})
    line = str(caught.value)
    assert message in line
    assert "\n" not in line
    assert KEY not in line
    assert server.base_url.split("//")[1] in line


def test_an_address_that_is_no_api(server: FakeServer) -> None:
    server.responses, server.models = [error(404, "Not Found")], None
    with pytest.raises(ServerError, match="should end in /v1"):
        generator(server).answer(QUESTION, hits(KILN), sources={})


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ServerError, match=r"no server answers at .*SVRAG_OPENAI_BASE_URL"):
            generator(address).answer(QUESTION, hits(KILN), sources={})


def test_a_silent_server_times_out(server: FakeServer) -> None:
    server.responses = [Respond(("Yes",), delay=5)]
    with pytest.raises(ServerError, match=r"sent nothing for 0\.2 s"):
        generator(server, timeout=0.2).answer(QUESTION, hits(KILN), sources={})


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


def test_a_server_that_does_not_stream(server: FakeServer) -> None:
    body = {"choices": [{"message": {"content": "Nine hours [1]."}, "finish_reason": "stop"}]}
    server.responses = [Respond(body=body)]
    seen: list[str] = []
    answer = generator(server).answer(QUESTION, hits(KILN), sources={}, on_token=seen.append)
    assert answer.text == "".join(seen) == "Nine hours [1]."
    assert answer.notes == ()


def test_line_separators_inside_json_cut_nothing(server: FakeServer) -> None:
    server.responses = [Respond(("one\u2028two\u0085three [1]",))]
    assert generator(server).answer(QUESTION, hits(KILN), sources={}).text == "one\u2028two\u0085three [1]"


def test_events_cut_anywhere_by_the_network(server: FakeServer) -> None:
    choice = {"delta": {"content": "neun Körbe [1]"}, "finish_reason": "stop"}
    event = json.dumps({"choices": [choice]}, ensure_ascii=False)
    server.responses = [Respond(raw=f": hello\r\nevent: x\r\ndata:{event}\r\n\r\ndata: [DONE]".encode())]
    assert generator(server).answer(QUESTION, hits(KILN), sources={}).text == "neun Körbe [1]"


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
    assert server.client_gone.wait(5)
    assert server.sent_pieces < 200_000


def test_stopping_while_waiting_for_a_busy_server(server: FakeServer) -> None:
    server.responses = [error(503, "busy", Retry_After="15")]
    answer = generator(server).answer(QUESTION, hits(KILN), sources={}, should_stop=lambda: True)
    assert answer.text == ""
    assert not answer.answerable
    assert any("stopped" in note for note in answer.notes)


def test_an_endless_answer_is_cut(server: FakeServer) -> None:
    server.responses = [Respond(("la " * 1000,) * 100)]
    answer = generator(server).answer(QUESTION, hits(KILN), sources={})
    assert len(answer.text) < 60_000
    assert any("cut" in note for note in answer.notes)


def test_the_only_model_is_taken(server: FakeServer) -> None:
    generator(server, model="").answer(QUESTION, hits(KILN), sources={})
    assert server.requests[0]["model"] == "tiny"


def test_several_models_must_be_chosen_from(server: FakeServer) -> None:
    server.models = ["big", "small"]
    with pytest.raises(ServerError, match=r"big, small.*SVRAG_OPENAI_MODEL"):
        generator(server, model="").answer(QUESTION, hits(KILN), sources={})


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


def test_a_password_in_the_address_is_not_shown() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://user:hidden-word@127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ServerError) as caught:
            generator(address).answer(QUESTION, hits(KILN), sources={})
    assert "hidden-word" not in str(caught.value)


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


def test_a_server_that_gives_no_reason_for_ending_broke_nothing_off(server: FakeServer) -> None:
    event = json.dumps({"choices": [{"delta": {"content": "Nine hours [1]"}}]})
    server.responses = [Respond(raw=f"data: {event}\n\ndata: [DONE]\n\n".encode())]
    assert generator(server).answer(QUESTION, hits(KILN), sources={}).notes == ()


def test_text_that_is_no_unicode_is_sent_all_the_same(server: FakeServer) -> None:
    broken = element("Nine \ud83d hours\x00", section_path=("a\udcff",))
    generator(server).answer("How \udc80 long?", hits(broken), sources={})
    assert "Nine   hours" in server.user_text()
