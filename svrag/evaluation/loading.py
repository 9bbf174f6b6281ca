"""What the loaders of benchmarks share: finding files, reading JSON, and saying in one line what is wrong with either."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from svrag.errors import InputError


def first_of(folder: Path | None, names: Sequence[str], how_to_get: str) -> Path:
    """The first of the files `names` that is in the benchmark's folder.

    Args:
        how_to_get: what to download and where it goes, with "DIR" for the folder.

    Raises:
        InputError: no folder was named, or none of the files is there.
    """
    if folder is None:
        raise InputError(f"name the folder of the benchmark with --data DIR; {how_to_get}")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"no {' or '.join(names)} in {folder}; {in_folder(how_to_get, folder)}")


def in_folder(how_to_get: str, folder: Path) -> str:
    return how_to_get.replace("DIR", str(folder))


def parsed(path: Path) -> Any:
    """The JSON in a file.

    Raises:
        InputError: not valid JSON.
    """
    return _parsed(str(path), path.read_bytes())


def parsed_questions(path: Path) -> list[Any]:
    """The questions in a file that is one JSON list of them.

    Raises:
        InputError: not valid JSON, no list, or an empty one.
    """
    rows = parsed(path)
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path} is not a list of questions")
    return rows


def parsed_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The JSON on each line, with the line's number from 1 on; empty lines are passed over.

    Raises:
        InputError: a line is not valid JSON.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, _parsed(f"{path} line {number}", line)


def _parsed(place: str, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{place} is not valid JSON: {error}") from None


@contextlib.contextmanager
def in_layout(place: str, layout: str) -> Iterator[None]:
    """Turns what goes wrong while a record is taken apart into one line that names the place."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise InputError(f"{place} is not in {layout}'s layout ({error!r})") from None


def pages_slice(pages: Sequence[int]) -> tuple[tuple[str, str], ...]:
    """Whether the evidence is on one page or on several; nothing where there are no pages."""
    if not pages:
        return ()
    return (("evidence_pages", "one page" if len(pages) == 1 else "several pages"),)
