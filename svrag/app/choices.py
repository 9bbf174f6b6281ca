"""What can be set at the page: retriever and generator, and a line on the state of the models they need."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from svrag.errors import InputError
from svrag.generation.answer import Generator
from svrag.generation.select import generator_named
from svrag.library.indexing import indexes_in
from svrag.library.store import Library
from svrag.retrievers.kinds import LEXICAL
from svrag.settings import Settings

QUOTE = "quote"


@dataclass(frozen=True)
class Choices:
    """Names to choose from. A generator is made once, at the first question to it.

    Attributes:
        settings: those the server was started with.
        free: whether other names may be typed: whoever may, can have any model loaded.
    """

    settings: Settings
    given: Generator
    free: bool = False
    _made: dict[str, Generator] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def retrievers(self, folder: Path) -> list[str]:
        """The configured one, words alone, and each model that has an index in the library, alone and with words.

        Raises:
            LibraryError: the library cannot be read.
        """
        with Library.open(folder, create=False) as library:
            models = [index.identity.name for index in indexes_in(library)]
        both = [name for model in models for name in (model, f"{LEXICAL},{model}")]
        return list(dict.fromkeys([self.settings.retriever, LEXICAL, *both]))

    def generators(self) -> list[str]:
        return list(dict.fromkeys([self.settings.generator, QUOTE]))

    def check_retriever(self, folder: Path, name: str) -> str:
        """`name`, when it may be used.

        Raises:
            InputError: it may not.
        """
        if self.free or name in self.retrievers(folder):
            return name
        raise InputError(f"the retriever {name!r} cannot be used here: choose one of the list")

    def generator(self, name: str) -> Generator:
        """
        Raises:
            InputError: unknown, not to be used here, or it cannot be set up.
        """
        if name == self.settings.generator:
            return self.given
        if not self.free and name not in self.generators():
            raise InputError(f"the generator {name!r} cannot be used here: choose one of the list")
        with self._making:
            if name not in self._made:
                self._made[name] = generator_named(replace(self.settings, generator=name))
            return self._made[name]

    def status(self, folder: Path, retriever: str) -> str:
        """One line: whether the retriever's models have read the documents.

        Raises:
            LibraryError: the library cannot be read.
        """
        models = [name for name in retriever.split(",") if name and name != LEXICAL]
        if not models:
            return "Finds by words: no model is needed."
        with Library.open(folder, create=False) as library:
            made = {index.identity.name: index.documents for index in indexes_in(library)}
            documents = len(library.documents())
        lines = []
        for name in models:
            if made.get(name) == documents:
                lines.append(f"{name} has read all documents.")
            elif name in made:
                lines.append(
                    f"{name} has read {made[name]} of {documents} documents; the next question reads the rest."
                )
            else:
                lines.append(f"{name} reads the documents at the next question: that can take long.")
        return " ".join(lines)
