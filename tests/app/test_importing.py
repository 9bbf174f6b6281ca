from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys, pathlib
written = []
write = pathlib.Path.write_text
pathlib.Path.write_text = lambda self, *a, **k: (written.append(self), write(self, *a, **k))[1]
from svrag.app.importing import import_gradio
before = list(sys.meta_path)
import_gradio()
assert sys.meta_path == before
assert "mcp" not in sys.modules
import ast, gradio, gradio.component_meta as meta
parse, parsed = ast.parse, []
ast.parse = lambda *a, **k: (parsed.append(1), parse(*a, **k))[1]
class Own(gradio.Textbox):
    EVENTS = []
assert not parsed, "no stub is made"
assert not written, written
assert gradio.Textbox(value="words").value == "words"
import_gradio()
try:
    import mcp
except ModuleNotFoundError as error:
    assert "None in sys.modules" not in str(error), error
"""


def test_gradio_works_and_wrote_nothing() -> None:
    pytest.importorskip("gradio", reason="the web app is not installed")
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
