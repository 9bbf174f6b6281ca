"""What is wrong with a recipe, as one line: the path of the key, what it must be and what it is.

Knows pydantic's errors and the schema's classes; nothing of files.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from svrag.text import shortened
from svrag.training.config import Recipe

_LONGEST = 60  # characters of a wrong value


def explained(error: ValidationError, raw: Mapping[str, Any]) -> str:
    """The first mistake in `raw`, and how many more there are.

    Args:
        raw: what was checked against `Recipe`.
    """
    mistakes: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        mistakes.setdefault(tuple(_path(one["loc"], raw)), []).append(one)
    # Where a value may be of several types, what is wrong inside the one that was meant says more than that the other
    # was not; and a key that is misspelt says more than that the right one is missing.
    telling = [
        path for path in mistakes if not any(path != other and path == other[: len(path)] for other in mistakes)
    ]
    telling.sort(key=lambda path: mistakes[path][0]["type"] != "extra_forbidden")
    more = f" (and {len(telling) - 1} more)" if len(telling) > 1 else ""
    return _line(list(telling[0]), mistakes[telling[0]], raw) + more


def _line(path: list[str], errors: list[ErrorDetails], raw: Mapping[str, Any]) -> str:
    """Of one key; there are several errors where its value may be of several types."""
    error = errors[0]
    key, kind, context = ".".join(path), error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key {key}{_instead(path, raw)}"
    if kind == "value_error":  # of _misfit, which names the keys itself
        return str(context["error"])
    if kind == "missing":
        return f"{key} is missing"
    if kind == "union_tag_not_found":
        return f"{key}.kind is missing: it must be one of {_kinds(path, raw)}"
    if kind == "union_tag_invalid":
        return f"{key}.kind must be one of {_kinds(path, raw)}, not {context['tag']!r}"
    value = "nothing" if error["input"] is None else shortened(repr(error["input"]), _LONGEST)
    wanted = " or ".join(dict.fromkeys(_wanted(one["type"], one.get("ctx", {}), one["msg"]) for one in errors))
    return f"{key} must be {wanted}, not {value}"


def _wanted(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What pydantic asked for, in words."""
    if kind in ("literal_error", "enum"):
        return "one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind.startswith("int"):
        return "a whole number"
    if kind in ("float_type", "float_parsing", "finite_number"):
        return "a number"
    if kind.startswith("bool"):
        return "true or false"
    if kind.startswith("path"):
        return "a path"
    if kind.startswith("string"):
        return "text"
    if kind.startswith("tuple"):
        return "a list"
    if kind.startswith("model") or kind == "dict_type":
        return "keys and values"
    bounds = {
        "greater_than": ("gt", "more than"),
        "greater_than_equal": ("ge", "at least"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in bounds:
        name, words = bounds[kind]
        return f"{words} {context[name]:g}"
    return message[:1].lower() + message[1:]


def _path(location: tuple[int | str, ...], raw: Mapping[str, Any]) -> list[str]:
    """The keys as the user wrote them: pydantic's path also has the kind of a part, and the type it tried."""
    path: list[str] = []
    value: Any = raw
    tag: object = None
    for part in location:
        if tag is not None and part == tag:
            tag = None
        elif isinstance(value, Mapping):
            path.append(str(part))
            value = value.get(part)
            tag = value.get("kind") if isinstance(value, Mapping) else None
        elif isinstance(value, list | tuple) and isinstance(part, int):
            path.append(str(part))
            value = value[part]
    return path


def _instead(path: list[str], raw: Mapping[str, Any]) -> str:
    """What was meant by an unknown key: a like one of its part, the same one of another part, or what there is."""
    fields = _model_at(path[:-1], raw).model_fields
    like = difflib.get_close_matches(path[-1], fields, n=1)
    if like:
        return f": did you mean {'.'.join([*path[:-1], like[0]])}?"
    elsewhere = [
        f"{name}.{path[-1]}"
        for name, field in Recipe.model_fields.items()
        for model in _models(field.annotation)
        if path[-1] in model.model_fields
    ]
    if elsewhere:
        return f": did you mean {elsewhere[0]}?"
    return f"; known are {', '.join(fields)}"


def _kinds(path: list[str], raw: Mapping[str, Any]) -> str:
    field = _model_at(path[:-1], raw).model_fields[path[-1]]
    kinds = (get_args(model.model_fields["kind"].annotation) for model in _models(field.annotation))
    return ", ".join(kind for of_one in kinds for kind in of_one)


def _model_at(path: list[str], raw: Mapping[str, Any]) -> type[BaseModel]:
    """The class of the part under this path, chosen by its `kind` where there are several."""
    model: type[BaseModel] = Recipe
    value: Any = raw
    for name in path:
        if isinstance(value, list | tuple):  # of parts of one class
            value = value[int(name)]
            continue
        value = value[name]
        models = _models(model.model_fields[name].annotation)
        model = next((one for one in models if _is_kind(one, value)), models[0])
    return model


def _is_kind(model: type[BaseModel], value: Mapping[str, Any]) -> bool:
    return "kind" in model.model_fields and value.get("kind") in get_args(model.model_fields["kind"].annotation)


def _models(annotation: object) -> list[type[BaseModel]]:
    """The classes of parts among what an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
