"""Tiny models of every family, each written and loaded once, without a network."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.loading import load_multivector
from tests.retrievers.multivector.tiny import FAMILIES


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of the tiny checkpoint of a family."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = FAMILIES[family](tmp_path_factory.mktemp(family))
        return made[family]

    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tiny_folder: Callable[[str], Path]) -> Callable[[str], MultiVectorEncoder]:
    """The encoder of a family's tiny checkpoint."""
    made: dict[str, MultiVectorEncoder] = {}

    def encoder(family: str) -> MultiVectorEncoder:
        if family not in made:
            made[family] = load_multivector(str(tiny_folder(family)))
        return made[family]

    return encoder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries to reach another machine fails the test."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
