"""The chat model behind a server: what is sent, what comes back, and what each refusal means."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from svrag.errors import InputError, ServerError
from svrag.generation.chat import ServerChat
from svrag.generation.model import ChatRequest, Message, Picture, Refused, Text
from svrag.retrievers.servers import retry_after
from tests.generation.fake_server import FakeServer, Respond, error
from tests.loopback import served
from tests.patience import PATIENCE

KEY = "sk-secret-123456"
PNG = b"\x89PNG\r\n\x1a\nnot looked at"
ASK = ChatRequest(
    (Message("system", (Text("Be short."),)), Message("user", (Text("One."), Text("Two?")))), max_tokens=9
)
SEE = ChatRequest((Message("user", (Text("What is"), Picture(PNG), Picture(PNG), Text("this?"))),))
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}


def chat(server: FakeServer, model: str = "tiny", key: str = "", timeout: float = 5.0) -> ServerChat:
    return ServerChat(server.base_url, model, key, timeout=timeout, retry_seconds=0.01)


def test_what_is_sent_and_what_comes_back(server: FakeServer) -> None:
    server.responses = [Respond(("Yes", ", two."))]
    seen: list[str] = []
    with chat(server, key=KEY) as model:
        reply = model.chat(ASK, on_token=seen.append)
    assert (reply.text, reply.finish, reply.stopped, seen) == ("Yes, two.", "stop", False, ["Yes", ", two."])
    assert server.authorizations == [f"Bearer {KEY}"]
    assert server.paths == ["/v1/chat/completions"]
    assert server.requests[0] == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "One.\nTwo?"}],
        "temperature": 0,
        "max_tokens": 9,
        "stream": True,
    }


def test_pictures_keep_their_place_among_words(server: FakeServer) -> None:
    with chat(server) as model:
        model.chat(SEE)
    kinds = [part["type"] for part in server.requests[0]["messages"][0]["content"]]
    assert kinds == ["text", "image_url", "image_url", "text"]
    assert server.images()[0] == "data:image/png;base64,iVBORw0KGgpub3QgbG9va2VkIGF0"


def test_no_key_sends_no_authorization(server: FakeServer) -> None:
    with chat(server) as model:
        model.chat(ASK)
    assert server.authorizations == [None]


@pytest.mark.parametrize(
    ("listed", "tokens", "structured"),
    [
        ([{"id": "tiny", "owned_by": "vllm", "max_model_len": 2048}], 2048, True),
        ([{"id": "other", "owned_by": "vllm", "max_model_len": 2048}], None, False),
        ([{"id": "tiny", "owned_by": "library", "max_model_len": "many"}], None, False),
        (["tiny"], None, False),
        (None, None, False),
        (  # an adapter that vLLM serves: its length is that of its base
            [
                {"id": "base", "owned_by": "vllm", "max_model_len": 512, "parent": None},
                {"id": "tiny", "owned_by": "vllm", "max_model_len": None, "parent": "base"},
            ],
            512,
            True,
        ),
    ],
)
def test_limits_are_what_the_server_lists(
    server: FakeServer, listed: list[str | dict[str, object]] | None, tokens: int | None, structured: bool
) -> None:
    server.models = listed
    with chat(server) as model:
        limits = [model.limits(), model.limits()]
    assert limits[0] == limits[1]
    assert (limits[0].tokens, limits[0].pictures, limits[0].structured) == (tokens, None, structured)
    assert server.paths == ["/v1/models"]  # once


def test_vllm_counts_tokens_and_others_are_not_asked(server: FakeServer) -> None:
    server.tokens = 42
    with chat(server) as model:
        assert model.count(ASK) is None
        assert server.requests == []
    server.models = [{"id": "tiny", "owned_by": "vllm"}]
    with chat(server) as model:
        assert model.count(ASK) == 42
        assert server.paths[-1] == "/tokenize"
        assert [message["role"] for message in server.requests[-1]["messages"]] == ["system", "user"]
        server.tokens = None
        assert model.count(ASK) is None


def test_a_schema_goes_along_and_its_refusal_is_told_as_such(server: FakeServer) -> None:
    asked = ChatRequest(ASK.messages, schema=SCHEMA)
    server.responses = [
        Respond(('{"answer": "two"}',)),
        error(422, "Unsupported fields in the request: {'response_format'}"),
    ]
    with chat(server) as model:
        assert json.loads(model.chat(asked).text) == {"answer": "two"}
        assert server.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA
        with pytest.raises(Refused) as caught:
            model.chat(asked)
    assert caught.value.what == "schema"


@pytest.mark.parametrize(
    ("status", "message", "what", "most"),
    [
        (400, "This model's maximum context length is 512 tokens. However, you requested 900 tokens.", "length", 512),
        (
            400,
            "The prompt (900 tokens, images included) is longer than the maximum model length of 512.",
            "length",
            512,
        ),
        (400, "the request exceeds the available context size", "length", None),
        (500, "input is too long: 700 of 512", "length", None),
        (413, "", "pictures", None),
        (400, "At most 1 image(s) may be provided in one prompt.", "pictures", 1),
        (400, "tiny is no multimodal model", "pictures", None),
        (500, "image input is not supported", "pictures", None),
        (422, "content must be a string", "pictures", None),
    ],
)
def test_refusals_that_a_smaller_request_answers(
    server: FakeServer, status: int, message: str, what: str, most: int | None
) -> None:
    server.responses = [error(status, message)]
    seen: list[str] = []
    with chat(server) as model, pytest.raises(Refused) as caught:
        model.chat(SEE, on_token=seen.append)
    assert (caught.value.what, caught.value.most, seen) == (what, most, [])
    assert message in str(caught.value)


def test_without_pictures_the_bytes_were_too_many_and_pictures_are_no_reason(server: FakeServer) -> None:
    server.responses = [error(413, ""), error(400, "tiny is no multimodal model")]
    with chat(server) as model:
        with pytest.raises(Refused) as caught:
            model.chat(ASK)
        assert caught.value.what == "length"
        with pytest.raises(ServerError, match="no multimodal"):
            model.chat(ASK)


def test_a_parameter_with_another_name_is_sent_so_and_one_not_taken_is_left_out(server: FakeServer) -> None:
    server.responses = [
        error(400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
        error(400, "Unsupported value: 'temperature' does not support 0 with this model."),
        Respond(("Yes.",)),
    ]
    with chat(server) as model:
        assert model.chat(ASK).text == "Yes."
        assert model.chat(ASK).text == "Yes."
    assert len(server.requests) == 4  # the second time it knows
    for request in server.requests[2:]:
        assert request["max_completion_tokens"] == 9
        assert not {"max_tokens", "temperature"} & set(request)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_busy_server_is_tried_again(server: FakeServer, status: int) -> None:
    server.responses = [error(status, "busy", Retry_After="0"), error(status, "busy"), Respond(("Yes.",))]
    with chat(server) as model:
        assert model.chat(ASK).text == "Yes."
    assert len(server.requests) == 3


def test_retry_after_is_honoured(server: FakeServer) -> None:
    server.responses = [error(429, "slow down", Retry_After="0.2"), Respond(("Yes.",))]
    started = time.monotonic()
    with chat(server) as model:
        model.chat(ASK)
    assert time.monotonic() - started >= 0.2


def test_a_server_that_asks_to_wait_too_long_is_an_error(server: FakeServer) -> None:
    server.responses = [error(429, "slow down", Retry_After="3600")]
    with chat(server) as model, pytest.raises(ServerError, match="3600 s"):
        model.chat(ASK)
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
        (Respond(raw=b'data: {"error": "out of memory"}\n\n'), "out of memory"),
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
    with chat(server, key=KEY) as model, pytest.raises(ServerError) as caught:
        model.chat(ASK)
    line = str(caught.value)
    assert message in line
    assert "\n" not in line
    assert KEY not in line
    assert server.base_url.split("//")[1] in line


def test_an_address_that_is_no_api(server: FakeServer) -> None:
    server.responses, server.models = [error(404, "Not Found")], None
    with chat(server) as model:
        model.limits()
        with pytest.raises(ServerError, match="should end in /v1"):
            model.chat(ASK)


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        for name in ("tiny", ""):
            with (
                ServerChat(address, name) as model,
                pytest.raises(ServerError, match=r"no server answers at .*SVRAG_OPENAI_BASE_URL"),
            ):
                model.chat(ASK)


def test_a_silent_server_times_out(server: FakeServer) -> None:
    server.responses = [Respond(("Yes",), delay=5)]
    with chat(server, timeout=0.2) as model, pytest.raises(ServerError, match=r"sent nothing for 0\.2 s"):
        model.chat(ASK)


@pytest.mark.parametrize(
    ("respond", "finish"),
    [
        (Respond(("Nine hours", " and"), finish="length"), "length"),
        (Respond(("Nine hours", " and"), finish=None), ""),
        (Respond(("Nine hours", " and"), hang_up=True), ""),
        (Respond(("Nine hours", " and"), finish="content_filter"), "content_filter"),
    ],
)
def test_what_came_before_a_break_is_kept(server: FakeServer, respond: Respond, finish: str) -> None:
    server.responses = [respond]
    with chat(server) as model:
        reply = model.chat(ASK)
    assert (reply.text, reply.finish, reply.stopped) == ("Nine hours and", finish, False)


def test_a_server_that_gives_no_reason_for_ending_broke_nothing_off(server: FakeServer) -> None:
    event = b'data: {"choices": [{"delta": {"content": "Yes."}}]}\n\ndata: [DONE]\n\n'
    server.responses = [Respond(raw=event)]
    with chat(server) as model:
        assert model.chat(ASK).finish == "done"


def test_a_server_that_does_not_stream(server: FakeServer) -> None:
    server.responses = [Respond(body={"choices": [{"message": {"content": "Nine."}, "finish_reason": "stop"}]})]
    seen: list[str] = []
    with chat(server) as model:
        reply = model.chat(ASK, on_token=seen.append)
    assert (reply.text, reply.finish, seen) == ("Nine.", "stop", ["Nine."])


def test_a_connection_that_ends_before_the_response_is_tried_again_once() -> None:
    """Servers close idle connections, sometimes just as the next request comes."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if len(asked) in (1, 3, 4):
                return  # says nothing, and closes
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"choices": [{"message": {"content": "Yes."}}]}')

    with served(Handler) as address, ServerChat(f"{address}/v1", "tiny") as model:
        assert model.chat(ASK).text == "Yes."
        assert len(asked) == 2
        with pytest.raises(ServerError, match="broke off the connection"):
            model.chat(ASK)
        assert len(asked) == 4


def test_line_separators_inside_json_cut_nothing(server: FakeServer) -> None:
    server.responses = [Respond(("one\u2028two\u0085three",))]
    with chat(server) as model:
        assert model.chat(ASK).text == "one\u2028two\u0085three"


def test_events_cut_anywhere_by_the_network(server: FakeServer) -> None:
    event = json.dumps(
        {"choices": [{"delta": {"content": "neun Körbe"}, "finish_reason": "stop"}]}, ensure_ascii=False
    )
    server.responses = [Respond(raw=f": hello\r\nevent: x\r\ndata:{event}\r\n\r\ndata: [DONE]".encode())]
    with chat(server) as model:
        assert model.chat(ASK).text == "neun Körbe"


@pytest.mark.parametrize(
    "pieces", [("<thi", "nk>Let me see", "</think>", "\n\nNine ", "hours"), ("  <", "think>\n</think>Nine hours")]
)
def test_thoughts_are_neither_shown_nor_kept(server: FakeServer, pieces: tuple[str, ...]) -> None:
    server.responses = [Respond(pieces)]
    seen: list[str] = []
    with chat(server) as model:
        assert model.chat(ASK, on_token=seen.append).text == "".join(seen) == "Nine hours"


def test_stopping_keeps_the_text_so_far_and_closes_the_connection(server: FakeServer) -> None:
    server.responses = [Respond(("word ",) * 200_000)]
    seen: list[str] = []
    with chat(server) as model:
        reply = model.chat(ASK, on_token=seen.append, should_stop=lambda: len(seen) >= 3)
        assert (reply.text, reply.stopped) == ("word word word ", True)
        assert server.client_gone.wait(PATIENCE)
    assert server.sent_pieces < 200_000


def test_stopping_before_the_first_word_closes_the_connection(server: FakeServer) -> None:
    """A model reads for long before it writes; nobody should wait for that, nor should it go on."""
    server.responses = [Respond(("Yes",), delay=300), Respond(("Yes",))]
    stop = threading.Event()
    with chat(server, timeout=60) as model:
        threading.Timer(0.2, stop.set).start()
        reply = model.chat(ASK, should_stop=stop.is_set)
        assert (reply.text, reply.stopped) == ("", True)
        assert server.client_gone.wait(PATIENCE)
        assert model.chat(ASK, should_stop=lambda: False).text == "Yes"  # the next one connects anew


def test_stopping_while_waiting_for_a_busy_server(server: FakeServer) -> None:
    server.responses = [error(503, "busy", Retry_After="15")]
    with chat(server) as model:
        reply = model.chat(ASK, should_stop=lambda: bool(server.requests))
    assert (reply.text, reply.stopped) == ("", True)


def test_an_endless_answer_is_cut(server: FakeServer) -> None:
    server.responses = [Respond(("la " * 1000,) * 100)]
    with chat(server) as model:
        reply = model.chat(ASK)
    assert len(reply.text) < 60_000
    assert reply.finish == "length"


def test_the_only_model_is_taken(server: FakeServer) -> None:
    with chat(server, model="") as model:
        model.chat(ASK)
        assert model.name == "tiny"
    assert server.requests[0]["model"] == "tiny"


def test_several_models_must_be_chosen_from(server: FakeServer) -> None:
    server.models = ["big", "small"]
    with chat(server, model="") as model, pytest.raises(ServerError, match=r"big, small.*SVRAG_OPENAI_MODEL"):
        model.chat(ASK)


def test_an_address_or_key_that_cannot_be_used(server: FakeServer) -> None:
    for address in ("", "localhost:8000", "ftp://x/v1", "file:///etc/passwd", "http://", "http://host:99999/v1"):
        with pytest.raises(InputError, match="must begin with http"):
            ServerChat(address, "tiny")
    for key in ("two\nlines", "schlüssel"):
        with pytest.raises(InputError, match="API key") as caught:
            chat(server, key=key)
        assert key not in str(caught.value)


def test_a_password_in_the_address_is_not_shown(server: FakeServer) -> None:
    server.responses = [error(503, "loading")]
    address = server.base_url.replace("//", "//user:hush@")
    with ServerChat(address, "tiny", retry_seconds=0.01) as model, pytest.raises(ServerError) as caught:
        model.chat(ASK)
    assert "hush" not in str(caught.value)
