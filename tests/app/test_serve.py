from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from svrag.app.serve import serve
from svrag.errors import InputError, LibraryError
from svrag.generation.quote import QuoteGenerator


def test_gradio_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys\nimport svrag.app, svrag.app.serve, svrag.app.markup, svrag.app.streaming, svrag.app.style\n"
        "raise SystemExit(str([name for name in ('gradio', 'fastapi', 'uvicorn') if name in sys.modules] or ''))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""


@pytest.mark.parametrize("missing", ["gradio", "uvicorn"])
def test_without_the_extra_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for name in ("svrag.app.server", "svrag.app.web"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(InputError, match=r'needs .*: pip install "svrag\[server\]"'):
        serve(tmp_path / "x", host="127.0.0.1", port=0, retriever="lexical", generator=QuoteGenerator())
    assert not (tmp_path / "x").exists()


def test_trouble_is_told_before_anything_listens(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the web app is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is in use: choose another one with --port"):
            serve(tmp_path / "x", host="127.0.0.1", port=port, retriever="lexical", generator=QuoteGenerator())
    with pytest.raises(InputError, match="cannot listen on no-such-host"):
        serve(tmp_path / "x", host="no-such-host.invalid", port=0, retriever="lexical", generator=QuoteGenerator())
    (tmp_path / "file").write_text("no library")
    with pytest.raises(LibraryError):
        serve(tmp_path / "file", host="127.0.0.1", port=0, retriever="lexical", generator=QuoteGenerator())
