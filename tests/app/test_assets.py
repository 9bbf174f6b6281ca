from __future__ import annotations

import pytest

pytest.importorskip("gradio", reason="the web app is not installed")

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from svrag.app.assets import FOLDER, PREFIX, Assets


async def rest(request: Request) -> Response:
    return PlainTextResponse("the rest")


CLIENT = TestClient(Assets(Starlette(routes=[Route("/{path:path}", rest, methods=["GET", "POST"])])))


def test_each_kind_of_file_is_what_gradio_has_packed_or_not_and_may_be_kept() -> None:
    for suffix, kind in ((".js", "text/javascript"), (".css", "text/css")):
        path = max(FOLDER.glob(f"*{suffix}"), key=lambda path: path.stat().st_size)
        for _ in range(2):  # read, then remembered
            packed = CLIENT.get(PREFIX + path.name, headers={"Accept-Encoding": "gzip"})
            plain = CLIENT.get(PREFIX + path.name, headers={"Accept-Encoding": "identity"})
            assert packed.content == plain.content == path.read_bytes()
            assert packed.headers["content-type"].startswith(kind)
            assert "immutable" in packed.headers["cache-control"]
            assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2


@pytest.mark.parametrize(
    "path",
    [
        "/",
        PREFIX,
        PREFIX + "none.js",
        PREFIX + "../index.html",
        PREFIX + "..%2Findex.html",
        PREFIX + "%2Fetc%2Fpasswd",
        "/index.js",
    ],
)
def test_what_is_no_file_of_that_folder_is_left_to_the_rest(path: str) -> None:
    assert CLIENT.get(path).text == "the rest"


def test_a_file_is_only_read() -> None:
    name = next(FOLDER.glob("*.js")).name
    assert CLIENT.post(PREFIX + name).text == "the rest"
