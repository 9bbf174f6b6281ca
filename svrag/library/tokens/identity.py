"""What an index of token vectors is of and was made with, and what is put into one. Plain data; nothing is read here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from svrag.documents.model import ElementType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Precision = Literal["int8", "float16", "binary"]
PoolMethod = Literal["span", "hierarchical", "kmeans"]
UnitKind = Literal["pages", "elements", "cascade"]


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How the vectors of an index are kept.

    Attributes:
        precision: "int8" keeps a byte per number; "float16" two more, from which the best candidates are ranked anew;
            "binary" keeps signs only, a bit per number.
        pool_factor: so many token vectors become one, in pages and long elements (`storing.LONG_UNIT`).
        pool_method: how they are chosen (svrag/retrievers/maxsim/pooling.py).
        units: what is in the index: "pages", "elements", or both ("cascade").
    """

    precision: Precision = "int8"
    pool_factor: int = 1
    pool_method: PoolMethod = "hierarchical"
    units: UnitKind = "cascade"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> IndexSettings:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class IndexIdentity:
    """The model that made an index, and its settings. Vectors of equal fingerprint and settings can be compared.

    Attributes:
        name: of the model; the index is known by it.
        revision: of the model, for people.
        fingerprint: of its weights, prompts and settings.
        dimension: of its vectors.
    """

    name: str
    revision: str
    fingerprint: str
    dimension: int
    settings: IndexSettings


@dataclass(frozen=True, slots=True)
class Unit:
    """A page or element with its token vectors.

    Attributes:
        position: among the elements of its document, counted from 0 in the order of `Library.elements_of`, pages last.
        page: 1-based.
        vectors: (tokens, dimension) float32, each of length 1; a unit without any is not stored.
    """

    position: int
    type: ElementType
    page: int
    vectors: NDArray[np.float32]
