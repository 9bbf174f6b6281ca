from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from svrag.app.serve import serve
from svrag.errors import InputError, LibraryError
from svrag.generation.answer import Generator
from svrag.generation.quote import QuoteGenerator
from svrag.settings import Settings


@contextmanager
def never() -> Iterator[Generator]:
    raise AssertionError("a model was started for nothing")
    yield


def settings(library: Path, *, host: str = "127.0.0.1", port: int = 0) -> Settings:
    return Settings(library=str(library), host=host, port=port)


def test_gradio_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys\nimport svrag.app, svrag.app.serve, svrag.app.markup, svrag.app.streaming, svrag.app.style\n"
        "import svrag.app.access, svrag.app.jobs, svrag.app.limits, svrag.app.warm\n"
        "heavy = ('gradio', 'fastapi', 'uvicorn', 'starlette', 'mcp')\n"
        "raise SystemExit(str([name for name in heavy if name in sys.modules] or ''))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""


@pytest.mark.parametrize("missing", ["gradio", "uvicorn"])
def test_without_the_extra_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for name in ("svrag.app.server", "svrag.app.web", "svrag.app.style"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(InputError, match=r'needs .*: pip install "svrag\[server\]"'):
        serve(settings(tmp_path / "x"), never())
    assert not (tmp_path / "x").exists()


def test_trouble_is_told_before_anything_listens(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the web app is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is in use: choose another one with --port"):
            serve(settings(tmp_path / "x", port=port), never())
    with pytest.raises(InputError, match="cannot listen on no-such-host"):
        serve(settings(tmp_path / "x", host="no-such-host.invalid"), never(), insecure=True)
    (tmp_path / "file").write_text("no library")
    with pytest.raises(LibraryError):
        serve(settings(tmp_path / "file"), never())


def test_what_was_not_read_at_the_end_is_named_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gradio", reason="the web app is not installed")
    from svrag.app import server
    from svrag.app.jobs import Jobs

    monkeypatch.setattr(Jobs, "end", lambda jobs: ("a.pdf", "b.pdf"))
    monkeypatch.setattr(server, "run", lambda app, listener, *, on_end, trusted_proxies: on_end())
    serve(settings(tmp_path / "library"), nullcontext(QuoteGenerator()))
    said = capsys.readouterr().err
    assert said == "svrag: stopped before these were read: a.pdf, b.pdf: add them again\n"


def test_others_are_not_let_in_unasked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make accounts first"):
        serve(settings(tmp_path / "x", host="0.0.0.0"), never())
    assert not (tmp_path / "x").exists()
