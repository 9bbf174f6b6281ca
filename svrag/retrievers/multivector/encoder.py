"""What every multi-vector encoder does, whichever model is behind it: questions, pictures and texts into token vectors.

A question's score for a document is MaxSim (Khattab & Zaharia, SIGIR 2020): for each token of the question the greatest
product with a token of the document, summed. Nothing here loads or runs a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from svrag.graph.places import Place

Progress = Callable[[int, int], None]
"""Told how many are done, and how many there are."""

Places: TypeAlias = "Sequence[Place | None] | None"
"""Where elements stand in their document, one for each input; None where none is told."""

PIECE_WORDS = 150
"""`reads_words` of most: about 200 tokens, and ColBERT models read 180 to 300 of a document."""


def silent(done: int, total: int) -> None:
    """Nobody is watching."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The token vectors of one question, picture or text. Padding is not among them.

    Attributes:
        vectors: (tokens, dimension) float32, each of length 1.
        words: what each token stands for, for people; of a picture's patches "".
        boxes: (tokens, 4) float32, of pictures: the part of the picture that each token sees, as left, top, right,
            bottom from 0 to 1; NaN for tokens that see none (those of the prompt). A picture that a model reads in
            tiles and once as a whole has boxes of both sizes, one over another. None of texts.
    """

    vectors: NDArray[np.float32]
    words: tuple[str, ...]
    boxes: NDArray[np.float32] | None = None


class MultiVectorEncoder(Protocol):
    """A loaded encoder; get one with `load_multivector`. May be shared between threads.

    What it makes of an input does not depend on what that is batched with.

    Attributes:
        name: on the Hugging Face Hub, of its folder (the absolute path), or vllm:http://host:port/MODEL.
        revision: commit of the checkpoint on the Hugging Face Hub; "" of one in a folder.
        fingerprint: of its weights, prompts and settings: vectors of equal fingerprints can be compared.
        dimension: of its vectors.
        reads_pictures: whether `pictures` works.
        reads_places: whether it makes something of the places of passages and pictures in their document; where it
            does not, they are ignored.
        reads_words: of a passage it reads about so many; longer texts are better given to it in pieces.
    """

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def reads_pictures(self) -> bool: ...
    @property
    def reads_places(self) -> bool: ...
    @property
    def reads_words(self) -> int: ...

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        """With the model's prompt for questions."""
        ...

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        """Texts as documents, with the model's prompt for documents; what is too long for the model is cut.

        Args:
            places: of each text, in its document; None of what is no element, or without any.
        """
        ...

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        """Pages, or parts of pages.

        Args:
            places: as of `passages`.

        Raises:
            InputError: the model reads texts only.
        """
        ...
