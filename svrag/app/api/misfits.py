"""What does not fit in a request, in plain words: one line that repeats nothing of it but the names of its fields."""

from __future__ import annotations

from typing import Any

from pydantic import StringConstraints
from pydantic_core import ErrorDetails

from svrag.app.api.schemas import DocumentId, ElementId, JobId

AS_JSON = "send the body as JSON, with the header Content-Type: application/json"
_AS_FORM = "send it in a form, as curl -F files=@paper.pdf does"
_OBJECT = "must be an object in braces"
_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is not known here: leave it out",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long: {max_length} characters at most",
    "string_unicode": "must be text in Unicode",
    "list_type": "must be a list",
    "too_short": "must not be empty",
    "too_long": "has too many entries: {max_length} at most",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
}


def _pattern(kind: Any) -> str | None:
    (constraints,) = kind.__metadata__
    assert isinstance(constraints, StringConstraints)
    return str(constraints.pattern)


_IDS = {
    _pattern(DocumentId): "must be an id of the list of documents",
    _pattern(ElementId): "must be an id of the elements of a document",
    _pattern(JobId): "must be an id of the list of jobs",
}


def plain(error: ErrorDetails, place: tuple[int | str, ...]) -> str:
    """An error of pydantic's list in plain words; `place` leads to what does not fit."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "json_invalid":
        return f"the body is not JSON: look at its character {int(place[0]) + 1}"
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".") or "the body"
    if kind == "string_pattern_mismatch" and context["pattern"] in _IDS:
        return f"{where} {_IDS[context['pattern']]}"
    if place[:1] == ("files",) and kind in ("missing", "value_error"):
        return f"{where} {_SAID['missing'] if kind == 'missing' else 'must be a file'}: {_AS_FORM}"
    if kind == "missing" and not place:
        return f"the body is missing: {AS_JSON}"
    if kind in _SAID:
        return f"{where} {_SAID[kind].format(**context)}"
    return f"{where}: {' '.join(str(error['msg']).split())}"
