"""The retrievers of colpali-engine (ColPali, Faysse et al. 2024, and its successors) behind one encoder.

A family is a pair of classes there, one for the model and one for what turns pictures and texts into its input, and
here the layout of its patch tokens. ColGemma3 has one prompt for texts, "Query: ", and documents get it too.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from svrag.errors import InputError
from svrag.retrievers.elements.over import GraphPositions, chosen, fingerprint_with, placed, positions_beside
from svrag.retrievers.multivector.adapter import put_on
from svrag.retrievers.multivector.batching import in_batches, texts_in_batches
from svrag.retrievers.multivector.checkpoint import (
    check_weights,
    device_and_dtype,
    fingerprint,
    load_pretrained,
    quiet_loading,
)
from svrag.retrievers.multivector.colpali_inputs import ColPaliInputs, TokenVectors, head_name
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent
from svrag.retrievers.multivector.hub import Checkpoint, base_of
from svrag.retrievers.multivector.layout import grid, tiles
from svrag.retrievers.multivector.patches import by_products
from svrag.retrievers.multivector.pictures import readable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_HEADS = ("custom_text_proj.", "linear.")
# Where there is no GPU a batch saves nothing, and padding costs.
_PICTURES_AT_ONCE = {"cuda": 4, "mps": 1, "cpu": 1}
_TEXTS_AT_ONCE = {"cuda": 32, "mps": 8, "cpu": 8}


def _square(processor: Any, batch: Any, row: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """The picture is pulled to a square; its patches are the picture's tokens, row by row."""
    tokens = processor.image_seq_length
    return grid(math.isqrt(tokens), math.isqrt(tokens))


def _own_grid(processor: Any, batch: Any, row: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """The picture keeps its shape; each token stands for merge_size x merge_size patches."""
    _, rows, columns = batch["image_grid_thw"][row].tolist()
    merged = processor.image_processor.merge_size
    return grid(rows // merged, columns // merged)


def _tiled(processor: Any, batch: Any, row: int, size: tuple[int, int]) -> NDArray[np.float64]:
    """The picture is stretched to whole tiles and cut into them; a thumbnail comes last."""
    _, rows, columns = processor.image_processor.get_number_of_image_patches(size[1], size[0])
    return tiles(rows, columns, math.isqrt(processor.image_seq_len))


@dataclass(frozen=True, slots=True)
class _Family:
    """What differs from one model class of colpali-engine to the next.

    Attributes:
        processor: name of the class that prepares its input.
        layout: boxes of the patch tokens of one picture of a batch, from its size (width, height).
    """

    processor: str
    layout: Callable[[Any, Any, int, tuple[int, int]], NDArray[np.float64]]


_FAMILIES = {
    "ColPali": _Family("ColPaliProcessor", _square),
    "ColQwen2": _Family("ColQwen2Processor", _own_grid),
    "ColQwen2_5": _Family("ColQwen2_5_Processor", _own_grid),
    "ColQwen3": _Family("ColQwen3Processor", _own_grid),
    "ColQwen3_5": _Family("ColQwen3_5Processor", _own_grid),
    "ColGemma3": _Family("ColGemmaProcessor3", _square),
    "ColIdefics3": _Family("ColIdefics3Processor", _tiled),
    "ColModernVBert": _Family("ColModernVBertProcessor", _tiled),
}


class ColPaliEncoder:
    """A loaded model of colpali-engine; fulfils `MultiVectorEncoder`.

    Attributes:
        running: held while the model or its tokenizer is used; whoever changes something of it for a while holds it,
            too.
    """

    reads_pictures = True
    reads_words = PIECE_WORDS

    def __init__(
        self,
        name: str,
        revision: str,
        family: str,
        model: Any,
        processor: Any,
        positions: GraphPositions | None = None,
    ) -> None:
        self.name = name
        self.revision = revision
        self.dimension = int(model.dim)
        self._family = _FAMILIES[family]
        self.model = model
        self.processor = processor
        self._positions = positions
        self.reads_places = positions is not None
        self.running = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        self._vectors_of = TokenVectors(model, family)
        self._inputs = ColPaliInputs(family, processor, model.config.get_text_config().max_position_embeddings)
        self.fingerprint = fingerprint_with(positions, fingerprint(model, self._inputs.settings))

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        """With the family's prompt, and the tokens after it that the model thinks in (query augmentation)."""

        def make(some: list[int]) -> list[Tokens]:
            return self._read([texts[i] for i in some], self._inputs.questions, None)

        return in_batches([len(text) for text in texts], self._at_once(_TEXTS_AT_ONCE), make, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        """Texts as documents: as they are, but for ColGemma3; one without words has no tokens."""

        def make(some: list[int]) -> list[Tokens]:
            return self._read([texts[i] for i in some], self._inputs.passages, chosen(places, some))

        return texts_in_batches(texts, self._at_once(_TEXTS_AT_ONCE), make, self.dimension, on_progress)

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        """Pages, or parts of pages, with the family's prompt."""

        def make(some: list[int]) -> list[Tokens]:
            return self._look_at([readable(images[i]) for i in some], chosen(places, some))

        sizes = [image.width * image.height for image in images]
        return in_batches(sizes, self._at_once(_PICTURES_AT_ONCE), make, on_progress)

    def _at_once(self, by_device: Mapping[str, int]) -> int:
        return by_device[self.model.device.type]

    def _read(
        self, texts: list[str], prepare: Callable[[list[str]], dict[str, torch.Tensor]], places: Places
    ) -> list[Tokens]:
        with self.running, placed(self._positions, places):
            batch = prepare(texts)
            made = zip(_ids(batch), self._vectors(batch), strict=True)
            return [Tokens(vectors, tuple(map(self._word, ids))) for ids, vectors in made]

    def _look_at(self, images: list[Image], places: Places) -> list[Tokens]:
        found = []
        with self.running, placed(self._positions, places):
            batch = self._inputs.pictures(images)
            for row, (ids, vectors) in enumerate(zip(_ids(batch), self._vectors(batch), strict=True)):
                patch = (ids == self.model.config.image_token_id).numpy()
                layout = self._family.layout(self.processor, batch, row, images[row].size)
                if len(layout) != patch.sum():
                    raise InputError(
                        f"{self.name} turned a picture into {patch.sum()} tokens, not {len(layout)}: its processor "
                        "does not fit the installed colpali-engine and transformers"
                    )
                boxes = np.full((len(ids), 4), np.nan, dtype=np.float32)
                boxes[patch] = layout
                words = tuple("" if seen else self._word(token) for token, seen in zip(ids, patch, strict=True))
                found.append(Tokens(vectors, words, boxes))
        return found

    def _vectors(self, batch: Mapping[str, Any]) -> list[NDArray[np.float32]]:
        """Of each row, (tokens, dimension)."""
        inputs = {key: value.to(self.model.device) for key, value in batch.items()}
        with torch.inference_mode():
            made, masks = self._vectors_of(**inputs)
        found = []
        for row, mask in zip(made, masks, strict=True):
            vectors = row[mask].cpu().numpy()
            if not np.isfinite(vectors).all():
                raise InputError(
                    f"{self.name} computed vectors that are no numbers: its weights or data type are broken"
                )
            found.append(vectors)
        return found

    def _word(self, token: torch.Tensor) -> str:
        return str(self.processor.tokenizer.decode([int(token)]))


def _ids(batch: Mapping[str, Any]) -> list[torch.Tensor]:
    """Of each row, without padding."""
    return [row[mask.bool()] for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]


def load(name: str, checkpoint: Checkpoint, family: str) -> ColPaliEncoder:
    """The encoder in `checkpoint`, whole or an adapter over its base.

    Args:
        family: name of the model's class in colpali-engine.

    Raises:
        InputError: weights are missing or left over, or files are.
    """
    device, dtype = device_and_dtype()
    model, processor, _ = read(name, checkpoint, family, dtype)
    model = model.to(device)
    positions = positions_beside(checkpoint.folder, model, model.get_submodule(head_name(family)))
    with quiet_loading(name):
        return ColPaliEncoder(name, checkpoint.revision, family, model, processor, positions)


def read(
    name: str, checkpoint: Checkpoint, family: str, dtype: torch.dtype, *, without_head: bool = False
) -> tuple[Any, Any, bool]:
    """The model, on the CPU, its processor, and whether its head is in the checkpoint.

    Args:
        without_head: a model that was never trained to retrieve is no error; its head is random.

    Raises:
        InputError: weights are missing or left over, or files are.
    """
    import colpali_engine.models as engine  # type: ignore[import-untyped]

    model_class = getattr(engine, family)
    processor_class = getattr(engine, _FAMILIES[family].processor)
    adapter = checkpoint if checkpoint.read("adapter_config.json") else None
    whole = base_of(adapter) if adapter else checkpoint
    with quiet_loading(name):
        model, missing, unexpected = load_pretrained(model_class, whole.folder, dtype=dtype)
        headless = any(key.startswith(_HEADS) for key in missing)
        if family == "ColPali":
            # What predicts words: nobody reads them, and colpali-engine forgets to give it its weights.
            model.model.lm_head = torch.nn.Identity()
        if adapter:
            check_weights(whole.name, [key for key in missing if not key.startswith(_HEADS)], unexpected)
            model = put_on(
                name, adapter.folder, model, missing, vars(model_class).get("_checkpoint_conversion_mapping", {})
            )
        elif without_head:
            check_weights(name, [key for key in missing if not key.startswith(_HEADS)], unexpected)
        else:
            check_weights(name, missing, unexpected, head=_HEADS)
        by_products(model)
        own = any(
            (checkpoint.folder / file).is_file() for file in ("processor_config.json", "preprocessor_config.json")
        )
        processor = processor_class.from_pretrained((checkpoint if own else whole).folder, local_files_only=True)
        return model, processor, not headless
