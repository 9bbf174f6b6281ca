"""What every encoder with one vector per text does, whichever model is behind it.

A question's score for a passage is the product of their vectors. Nothing here loads or runs a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[int, int], None]
"""Told how many texts are done, and how many there are."""


def silent(done: int, total: int) -> None:
    """Nobody is watching."""


class Cutting(Protocol):
    """What says how texts are cut for it, and tells its vectors from others'.

    Attributes:
        name: as it was asked for.
        fingerprint: of its weights and settings: vectors of equal fingerprints can be compared.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def windows(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces that fit the encoder, each with `context`. None without words."""
        ...


class SingleVectorEncoder(Cutting, Protocol):
    """A loaded encoder; get one with `load_single`. May be shared between threads.

    What it makes of a text does not depend on what that is batched with.

    Attributes:
        dimension: of its vectors.
        cosine: whether its vectors have length 1, so that scores are cosines; others have no fixed size.
    """

    @property
    def dimension(self) -> int: ...
    @property
    def cosine(self) -> bool: ...

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), dimension), with the encoder's prompt or network for questions."""
        ...

    def passages(self, texts: Sequence[str], on_progress: Progress = silent) -> NDArray[np.float32]:
        """(len(texts), dimension), with the encoder's prompt or network for documents."""
        ...
