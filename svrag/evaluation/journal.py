"""Records kept on disk while a run is going, so that one that was stopped goes on where it was.

A journal is a file of JSON lines: first what the run depends on, then one line for each question and retriever. A line
that a killed run left half written is dropped. A journal of a run that depends on anything else is refused.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from svrag.errors import InputError
from svrag.evaluation.result import QuestionRecord
from svrag.evaluation.result_json import record_from_json, record_json

_HEADER = "svrag_eval"
_BEGIN = b'{"svrag_eval": '


@dataclass
class Journal:
    """What was measured before, by retriever and question; what is measured now is added. Open with `open_journal`."""

    _records: dict[tuple[str, str], QuestionRecord] = field(default_factory=dict)
    _file: IO[bytes] | None = None

    def get(self, retriever: str, question_id: str) -> QuestionRecord | None:
        return self._records.get((retriever, question_id))

    def put(self, retriever: str, record: QuestionRecord) -> None:
        """Keep `record`; it is in the file when this returns.

        Raises:
            InputError: the file cannot be written.
        """
        if self._file is None:
            return
        try:
            self._file.write(_line({"retriever": retriever, **record_json(record)}))
            self._file.flush()
        except OSError as error:
            raise InputError(f"cannot write {self._file.name}: {error.strerror}") from None


@contextlib.contextmanager
def open_journal(path: Path | None, depends_on: Mapping[str, object]) -> Iterator[Journal]:
    """The journal in `path`, begun when it is not there; without a path one that keeps nothing.

    Args:
        depends_on: what must be the same for its records to be taken over.

    Raises:
        InputError: `path` is something else, the journal of another run, or cannot be written.
    """
    if path is None:
        yield Journal()
        return
    header: dict[str, Any] = json.loads(json.dumps({_HEADER: depends_on}))
    try:
        file = path.open("a+b")
    except OSError as error:
        raise InputError(f"cannot write {path} for resuming: {error.strerror}") from None
    with file:
        file.seek(0)
        whole = file.read()
        if whole and not whole.startswith(_BEGIN):
            raise InputError(f"{path} is not a journal of `svrag eval --resume`: name another file")
        lines = whole.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            file.truncate(len(whole) - len(lines.pop()))
        if lines:
            _check(path, lines[0], header[_HEADER])
            yield Journal(dict(_read(path, lines[1:])), file)
        else:
            file.write(_line(header))
            yield Journal({}, file)


def _check(path: Path, line: bytes, wanted: Mapping[str, Any]) -> None:
    try:
        found: Mapping[str, Any] = json.loads(line)[_HEADER]
        differs = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is not a journal of `svrag eval --resume`: name another file") from None
    if differs:
        was, now = (_short(settings.get(differs[0])) for settings in (found, wanted))
        raise InputError(
            f"{path} is of another run ({differs[0]} was {was}, now {now}): name another file, or remove it to begin again"
        )


def _read(path: Path, lines: list[bytes]) -> Iterator[tuple[tuple[str, str], QuestionRecord]]:
    for number, line in enumerate(lines, start=2):
        try:
            data = json.loads(line)
            record = record_from_json(data)
            yield (data["retriever"], record.question.id), record
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path}: line {number} is broken: remove the file to begin again") from None


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data).encode() + b"\n"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
