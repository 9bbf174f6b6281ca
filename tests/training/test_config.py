"""The schema: what it refuses by itself, and that docs/training.md has each of its keys with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from svrag.training.config import Adapter, LossPart, Optimisation, PairData, Recipe, RetrieverModel
from svrag.training.recipes import names

DOCS = Path(__file__).parents[2] / "docs" / "training.md"


def parts(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for argument in get_args(annotation) for part in parts(argument)]


def keys(part: type[BaseModel], path: str = "", kind: str = "") -> Iterator[tuple[str, str, FieldInfo]]:
    """Each key with its kind of model or data and its field."""
    for name, field in part.model_fields.items():
        inner = parts(field.annotation)
        if name == "kind":
            continue
        if name == "held_out":  # as train
            yield path + name, kind, field
            continue
        if not inner or type(None) in get_args(field.annotation):
            yield path + name, kind, field
        for one in inner:
            of = one.model_fields["kind"].annotation if "kind" in one.model_fields else None
            yield from keys(one, f"{path}{name}.", get_args(of)[0] if of else kind)


def documented() -> dict[tuple[str, str], str]:
    """Default of each key and kind, as the table says."""
    found = {}
    for line in DOCS.read_text().splitlines():
        if match := re.match(r"\| `([a-z_.]+)` \| ([a-z, ]*?) ?\| (?:`(.*?)`)? ?\|", line):
            for kind in match[2].split(", "):
                found[match[1], kind] = match[3] or ""
    return found


def test_the_table_has_every_key_with_its_default() -> None:
    table = documented()
    expected = {(key, kind): field for key, kind, field in keys(Recipe)}
    kinds = {(key, kind) for key, kind in table if key.endswith(".kind")}
    assert set(table) - kinds == set(expected)
    for (key, kind), field in expected.items():
        if field.is_required() or isinstance(field.default, BaseModel):
            assert table[key, kind] == "", key
            continue
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        said = yaml.safe_load(table[key, kind])
        assert said == default or float(said) == pytest.approx(default, abs=1e-4), key


def test_the_docs_name_every_recipe_and_loss() -> None:
    text = DOCS.read_text()
    for name in (*names(), *get_args(LossPart.model_fields["name"].annotation)):
        assert f"`{name}`" in text, name


def test_recipes_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Adapter().rank = 3


@pytest.mark.parametrize(
    ("part", "values"),
    [
        (Optimisation, {"batch": 0}),
        (Optimisation, {"batch": "4"}),
        (Optimisation, {"batch": 4.0}),
        (Optimisation, {"rate": 0}),
        (Optimisation, {"rate": "1e-4"}),
        (Optimisation, {"checkpointing": "yes"}),
        (Optimisation, {"warmup": -1}),
        (Adapter, {"dropout": 1.1}),
        (Adapter, {"rnak": 8}),
        (LossPart, {"name": "infonce", "coverage": -0.1}),
        (LossPart, {"name": "infonce", "temperature": float("nan")}),
        (RetrieverModel, {"name": ""}),
        (RetrieverModel, {"name": "x", "facets": ["depht"]}),
        (PairData, {"kind": "pairs", "path": 3}),
    ],
)
def test_values_that_are_refused(part: type[BaseModel], values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        part.model_validate(values)


def test_whole_numbers_are_numbers() -> None:
    assert Optimisation(rate=1, clip=2).rate == 1.0
