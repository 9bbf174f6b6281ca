"""Reading a page image with the tesseract program: lines of text with their boxes. Knows nothing of layout.

150 dots per inch: 300 costs 1.7 times as much and reads no better.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import shutil
import subprocess
from collections.abc import Sequence

from svrag.documents.blocks import Line, Word
from svrag.documents.model import Box

DPI = 150
_SECONDS = 120.0  # by the clock: a page takes one or two, and more when other programs keep the cores busy
_LEAST_CONFIDENCE = 30.0
_WIDE_GAP = 2.0  # heights of a word: what stands further apart are columns, not words of one line


class OcrError(Exception):
    """Tesseract is not installed or could not read the page."""


def available() -> bool:
    return shutil.which("tesseract") is not None


def read_lines(png: bytes, dpi: int = DPI) -> list[Line]:
    """The lines tesseract finds in `png`, top to bottom by its own blocks; boxes in points of the image.

    Raises:
        OcrError: tesseract is missing, failed, or took longer than its limit.
    """
    command = ["tesseract", "stdin", "stdout", "-l", "+".join(_languages()), "--psm", "3", "--dpi", str(dpi), "tsv"]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # one core a worker
    try:
        done = subprocess.run(command, input=png, capture_output=True, timeout=_SECONDS, env=environment, check=True)
    except FileNotFoundError:
        raise OcrError("tesseract is not installed") from None
    except subprocess.TimeoutExpired:
        raise OcrError(f"tesseract took longer than {_SECONDS:.0f} s") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise OcrError(f"tesseract failed: {said[-1] if said else error.returncode}") from None
    return _lines(done.stdout.decode("utf-8", errors="replace"), 72.0 / dpi)


@functools.cache
def _languages() -> tuple[str, ...]:
    """English and the Latin-script languages installed beside it, at most three: each costs time."""
    listed = subprocess.run(
        ["tesseract", "--list-langs"], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    installed = listed.stdout.split()
    wanted = [name for name in ("eng", "deu", "fra", "spa", "ita", "por", "nld") if name in installed]
    return tuple(wanted[:3]) or tuple(name for name in installed if len(name) == 3 and name != "osd")[:1] or ("eng",)


def _lines(tsv: str, scale: float) -> list[Line]:
    """Words of one line share block, paragraph and line number; tesseract reads across columns, we do not."""
    lines: dict[tuple[str, str, str], list[Word]] = {}
    for row in csv.DictReader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row.get("text") or "").strip()
        if row["level"] != "5" or not text or float(row["conf"]) < _LEAST_CONFIDENCE:
            continue
        x, y, w, h = (float(row[name]) * scale for name in ("left", "top", "width", "height"))
        line = lines.setdefault((row["block_num"], row["par_num"], row["line_num"]), [])
        line.append(Word(text, Box(x, y, x + w, y + h)))
    return [
        Line(" ".join(word.text for word in words), box := _around(words), _size(words, box), words=tuple(words))
        for line in lines.values()
        for words in _split(line)
        if any(character.isalnum() for word in words for character in word.text)
    ]


def _split(line: Sequence[Word]) -> list[list[Word]]:
    """The line's words, cut where a gap is wide."""
    gap = _WIDE_GAP * _middling_height(line)
    parts: list[list[Word]] = [[]]
    for word in line:
        if parts[-1] and word.box.x0 - parts[-1][-1].box.x1 > gap:
            parts.append([])
        parts[-1].append(word)
    return parts


def _around(words: Sequence[Word]) -> Box:
    return Box.around(word.box for word in words)


def _middling_height(words: Sequence[Word]) -> float:
    heights = sorted(word.box.height for word in words)
    return heights[len(heights) // 2]


def _size(words: Sequence[Word], line: Box) -> float:
    """Font size from the height of a middling word: a stray tall box must not make a heading."""
    return max(4.0, min(_middling_height(words) * 1.25, line.height * 1.2))
