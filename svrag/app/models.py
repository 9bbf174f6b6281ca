"""The models that a choice of retriever and generator needs, how it stands with each, and loading them ahead of questions.

How it stands is what their loaders tell (`svrag.retrievers.loads`). Nothing told here says where the server keeps files.
"""

from __future__ import annotations

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from svrag.app.uploads import without_folders
from svrag.errors import SvragError
from svrag.generation import sv_rag, vllm
from svrag.generation.answer import Generator
from svrag.generation.generator import ModelGenerator
from svrag.retrievers.kinds import LEXICAL
from svrag.retrievers.loads import Load, load_of, loading
from svrag.search.encoding import load, loaded_as
from svrag.search.engine import retrievers_named

_log = logging.getLogger(__name__)
_FOLDERS = re.compile(r"(?<![\w/.~-])~?/(?!/)(?:[^\s/:,;'\"]+/)+")  # of a path from the root on


@dataclass(frozen=True, slots=True)
class Needed:
    """A model that the settings name.

    Attributes:
        role: whether it finds or answers.
        key: what its loader calls it; "" of one that only a server elsewhere knows.
    """

    role: Literal["finds", "answers"]
    name: str
    key: str

    def load(self) -> Load:
        """How it stands with it, its error without folders of this machine."""
        now = load_of(self.key)
        return replace(now, error=without_paths(without_folders(now.error, [Path(self.key)])))


def finding(retriever: str, encoder: str) -> list[Needed]:
    """The models of `retriever`, several with commas between them.

    Raises:
        InputError: one is unknown.
    """
    return [
        Needed("finds", without_paths(encoder if name == "dense" else name), loaded_as(name, encoder=encoder))
        for name in retrievers_named(retriever)
        if name != LEXICAL
    ]


def answering(generator: str) -> list[Needed]:
    """The model of the generator of this name, if it is one."""
    kind, _, model = generator.partition(":")
    match kind:
        case "transformers":
            key = generator
        case "vllm":
            key = f"vllm:{vllm.parts_of(model)[0]}"
        case "sv-rag":
            key = loaded_as(sv_rag.parts_of(model)[0], encoder="")
        case "openai" | "vllm-server":
            key = ""
        case _:
            return []
    return [Needed("answers", without_paths(generator), key)]


def without_paths(message: str) -> str:
    """`message` with the last part of each path from the root on in place of the whole."""
    return _FOLDERS.sub("", message)


class Loader:
    """Loads models one after another in a thread of its own; what goes wrong is told as the state of the model."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="svrag-load")
        self._asked: set[tuple[str, str, str]] = set()
        self._lock = threading.Lock()

    def start(self, retriever: str, encoder: str, generator: Generator) -> None:
        """Load what is not loaded; nothing more where the same is asked for already."""
        asked = (retriever, encoder, generator.name)
        with self._lock:
            if asked in self._asked:
                return
            self._asked.add(asked)
        self._executor.submit(self._work, asked, generator)

    def close(self) -> None:
        """Begin nothing more; what is being loaded is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _work(self, asked: tuple[str, str, str], generator: Generator) -> None:
        retriever, encoder, _ = asked
        try:
            for name in retrievers_named(retriever):
                with suppress(SvragError):
                    load([name], encoder=encoder)
            for needed in answering(generator.name):
                if needed.key and isinstance(generator, ModelGenerator):
                    with suppress(SvragError), loading(needed.key), generator.model() as model:
                        model.limits()
        except Exception:
            _log.exception("loading models")
        finally:
            with self._lock:
                self._asked.discard(asked)
