"""Tiny checkpoints of every family that is trained, and items for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image

from svrag.training.batch import Example, Item
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.multivector.colinternvl2 import tiny as colinternvl2
from tests.retrievers.multivector.colphi3v import tiny as colphi3v
from tests.retrievers.multivector.tiny import FAMILIES as COLPALI


@dataclass(frozen=True)
class Stripes:
    """A picture of stripes that a number makes."""

    number: int
    size: tuple[int, int] = (56, 42)

    @property
    def key(self) -> str:
        return f"stripes {self.number} {self.size}"

    def open(self) -> Image.Image:
        random = Random(self.number)
        image = Image.new("RGB", self.size)
        for column in range(0, self.size[0], 7):
            colour = tuple(random.randrange(256) for _ in range(3))
            image.paste(colour, (column, 0, column + 7, self.size[1]))
        return image


def _colinternvl2(folder: Path) -> Path:
    colinternvl2.write(folder / "model")
    return folder / "model"


def _colphi3v(folder: Path) -> Path:
    colphi3v.write(folder / "model", project=True)
    return folder / "model"


def _text(folder: Path) -> Path:
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    source = write_encoder(folder / "source")
    torch.manual_seed(0)
    head = Dense(16, 8, bias=False, activation_function=None, module_input_name="token_embeddings")
    backbone = Transformer(str(source), query_expansion={"strategy": "fixed", "attend": False, "length": 12})
    model = MultiVectorEncoder(
        modules=[backbone, head, MultiVectorMask(skiplist_words=["the"])],
        prompts={"query": "question ", "document": "passage "},
    )
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


FAMILIES: dict[str, Callable[[Path], Path]] = {
    **COLPALI,
    "ColInternVL2": _colinternvl2,
    "ColPhi3V": _colphi3v,
    "text": _text,
}
"""Each writes a checkpoint that gives token vectors, and returns its folder."""


def document(number: int, family: str) -> Item:
    """A picture, or a text where the family reads no pictures."""
    return Item(text=TEXTS[number]) if family == "text" else Item(picture=Stripes(number))


TEXTS = ("the kiln was fired for nine hours", "salt thrown into chamber", "bowls weigh grams", "nine bowls : salt")
QUESTIONS = ("hours", "salt thrown ?", "weigh 3", "bowls salt nine")


def examples(family: str, count: int = 4) -> list[Example]:
    """Questions with a document each, and the next one's as a hard negative."""
    return [
        Example(
            Item(text=QUESTIONS[i]),
            (document(i, family), document((i + 1) % count, family)),
            (1.0, 0.0),
        )
        for i in range(count)
    ]


def scored(family: str, count: int = 4) -> list[Example]:
    """The same questions with three documents each, as a teacher may score them."""
    return [
        Example(Item(text=QUESTIONS[i]), tuple(document((i + n) % count, family) for n in range(3)), (0.4, 1.0, 0.0))
        for i in range(count)
    ]
