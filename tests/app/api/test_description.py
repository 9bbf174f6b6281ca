"""Requests made from the interface's own description: every reply is one that it announces, and none is a defect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the web app is not installed")
pytest.importorskip("schemathesis", reason="it is not installed")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.app.api.guarded import Guarded, guarded

_EXAMPLES = 8


@pytest.fixture(scope="module")
def server(library_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("described"), library_folder) as server:
        yield server


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_reply_is_as_described(server: Guarded, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_asgi("/api/openapi.json", server.app, headers=server.anna)
    operations = [result.ok() for result in described.get_all_operations()]
    assert len(operations) >= 18
    for operation in operations:
        with contextlib.suppress(Unsatisfiable):  # nothing in it can be wrong
            _check(operation, mode, server)


def _check(operation: Any, mode: GenerationMode, server: Guarded) -> None:
    left_out = [positive_data_acceptance]  # "?!" is a text, and no question
    if operation.path == "/api/documents" and operation.method == "post":
        left_out.append(negative_data_rejection)  # a form knows no types: true is a file of four bytes

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        case.call_and_validate(headers=server.anna, excluded_checks=left_out)

    check()
