"""Why a page was found: how well each token of the question matches it, and where. The page is encoded anew.

Only models that read pages as pictures can say where; nothing of the library's index is needed.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from svrag.errors import InputError
from svrag.library.store import Library
from svrag.library.units import page_picture
from svrag.retrievers.kinds import kind_of
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.heatmap import best_matches, grid_of, similarity_maps
from svrag.retrievers.multivector.loading import load_multivector
from svrag.search.engine import retrievers_named

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_SPECIAL = re.compile(r"<[^<>]*>|\[[A-Z]+\]")  # <bos>, <|endoftext|>, [CLS]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """How a page answers to a question.

    Attributes:
        page: 1-based.
        model: name of the encoder.
        picture: the page as the model was given it.
        words: of the question's tokens, those of the model's prompt included.
        similarities: (tokens,) the greatest product of each with any of the page's tokens.
        boxes: (tokens, 4) the part of the picture, from 0 to 1, that this best token sees; NaN for none.
        maps: (tokens, rows, columns) products over the picture; NaN where no token sees it.
    """

    question: str
    document_name: str
    page: int
    model: str
    picture: Image.Image
    words: tuple[str, ...]
    similarities: NDArray[np.float32]
    boxes: NDArray[np.float32]
    maps: NDArray[np.float32]

    @property
    def score(self) -> float:
        """MaxSim over the number of the question's tokens, as a search with full precision gives the page."""
        return float(self.similarities.mean())

    def places(self) -> list[tuple[float, float, float, float] | None]:
        """`boxes` one by one; None for those that see nothing."""
        return [
            (float(left), float(top), float(right), float(bottom)) if np.isfinite(left) else None
            for left, top, right, bottom in self.boxes
        ]

    def asked(self) -> list[int]:
        """The tokens of what was asked that hold a letter or a digit, without those that the model's prompt adds.

        Where they cannot be told apart, as when letters are several tokens, all that hold one; all, if none does.
        """
        asked = "".join(self.question.split())
        pieces = ["".join(word.split()) for word in self.words]
        start = "".join(pieces).find(asked)
        ends = list(itertools.accumulate(map(len, pieces)))
        spoken = [
            i
            for i, (piece, end) in enumerate(zip(pieces, ends, strict=True))
            if re.search(r"\w", _SPECIAL.sub("", piece))
            if start < 0 or start < end <= start + len(asked)
        ]
        return spoken or list(range(len(self.words)))


def explain(library: Library, question: str, document_id: str, page: int, encoder: MultiVectorEncoder) -> Explanation:
    """How page `page` (1-based) of a document answers to `question`, according to `encoder`.

    Raises:
        InputError: the question has no words, there is no such document or page, its file cannot be drawn, or the
            encoder reads texts only.
        LibraryError: the library cannot be read.
        ServerError: the encoder runs on a server that gives no answer.
    """
    document = library.find(document_id)
    return explain_picture(question, document.name, page, page_picture(document.source, page), encoder)


def explain_picture(
    question: str, document_name: str, page: int, picture: Image.Image, encoder: MultiVectorEncoder
) -> Explanation:
    """`explain` for a page that is drawn already.

    Raises:
        InputError: the question has no words, or the encoder reads texts only.
        ServerError: the encoder runs on a server that gives no answer.
    """
    if not any(character.isalnum() for character in question):
        raise InputError("the question has no words: ask in words")
    if not encoder.reads_pictures:
        raise InputError(f"{encoder.name} reads texts only: name a model that reads pictures with --retriever MODEL")
    (asked,) = encoder.questions([question])
    (read,) = encoder.pictures([picture])
    similarities, boxes = best_matches(asked, read)
    maps = similarity_maps(asked, read, *grid_of(read))
    return Explanation(question, document_name, page, encoder.name, picture, asked.words, similarities, boxes, maps)


def picture_model(retriever: str) -> MultiVectorEncoder:
    """The first model that reads pictures among the retrievers in a list like "lexical,MODEL".

    Raises:
        InputError: there is none, or a model cannot be loaded.
    """
    models = [name for name in retrievers_named(retriever) if kind_of(name) == "multi"]
    for name in models:
        encoder = load_multivector(name)
        if encoder.reads_pictures:
            return encoder
    known = f"{', '.join(models)} reads texts only" if models else f"{retriever} sees no pages"
    raise InputError(f"{known}: name a model that reads pictures with --retriever MODEL")
