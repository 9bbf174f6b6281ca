"""ColBERT (Khattab & Zaharia, SIGIR 2020) and its successors, which read texts only, through sentence-transformers.

Checkpoints of sentence-transformers, PyLate and Stanford's ColBERT. Prompts, query expansion and which tokens count are
the checkpoint's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from svrag.errors import InputError
from svrag.retrievers.elements.over import GraphPositions, chosen, fingerprint_with, placed, positions_beside
from svrag.retrievers.loads import holds
from svrag.retrievers.multivector.batching import in_batches, texts_in_batches
from svrag.retrievers.multivector.checkpoint import check_weights, device_and_dtype, fingerprint, quiet_loading
from svrag.retrievers.multivector.encoder import PIECE_WORDS, Places, Progress, Tokens, silent
from svrag.retrievers.multivector.hub import Checkpoint

if TYPE_CHECKING:
    from PIL.Image import Image

_AT_ONCE = 32
_EPS = 1e-12
# Of the backbone, neither is used: poolers pool into one vector, the head is a module of its own.
_NOT_OF_BACKBONE = ("pooler.", "bert.pooler.", "linear.weight")


class TextTokensEncoder:
    """A loaded text model with one vector for each token; fulfils `MultiVectorEncoder`."""

    reads_pictures = False
    reads_words = PIECE_WORDS

    def __init__(self, name: str, revision: str, model: Any, positions: GraphPositions | None = None) -> None:
        self.name = name
        self.revision = revision
        self.dimension = int(model.get_embedding_dimension())
        self._model = model
        self._positions = positions
        self.reads_places = positions is not None
        self._lock = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        own = fingerprint(model, (str(model), sorted(model.prompts.items())))
        self.fingerprint = fingerprint_with(positions, own)

    def questions(self, texts: Sequence[str]) -> list[Tokens]:
        """With the model's prompt and query expansion; its expansion tokens count."""

        def make(some: list[int]) -> list[Tokens]:
            return self._read([texts[i] for i in some], self._model.encode_query, None)

        return in_batches([len(text) for text in texts], _AT_ONCE, make, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent, *, places: Places = None) -> list[Tokens]:
        """Without the tokens that the model skips in documents (punctuation); no tokens of texts without words."""

        def make(some: list[int]) -> list[Tokens]:
            return self._read([texts[i] for i in some], self._model.encode_document, chosen(places, some))

        return texts_in_batches(texts, _AT_ONCE, make, self.dimension, on_progress)

    def pictures(
        self, images: Sequence[Image], on_progress: Progress = silent, *, places: Places = None
    ) -> list[Tokens]:
        """Raises InputError: it reads texts only."""
        raise InputError(f"{self.name} reads texts only: choose a model of the ColPali family for pages and figures")

    def _read(self, texts: list[str], encode: Callable[..., Any], places: Places) -> list[Tokens]:
        # sentence-transformers sorts a batch by length, in just this way, before its network sees it.
        order = np.argsort([-len(text) for text in texts]).tolist()
        with self._lock, placed(self._positions, chosen(places, order)):
            made = encode(texts, batch_size=len(texts), output_value=None, show_progress_bar=False)
            return [self._tokens(of_text) for of_text in made]

    def _tokens(self, made: dict[str, torch.Tensor]) -> Tokens:
        counts = made["attention_mask"].bool()
        vectors = (
            torch.nn.functional.normalize(made["token_embeddings"][counts].float(), dim=-1, eps=_EPS).cpu().numpy()
        )
        if not np.isfinite(vectors).all():
            raise InputError(f"{self.name} computed vectors that are no numbers: its weights or data type are broken")
        words = (str(self._model.tokenizer.decode([int(token)])) for token in made["input_ids"][counts])
        return Tokens(vectors, tuple(words))


def load(name: str, checkpoint: Checkpoint) -> TextTokensEncoder:
    """The encoder in `checkpoint`.

    Raises:
        InputError: weights are missing or left over, or files are.
    """
    from sentence_transformers import MultiVectorEncoder

    device, dtype = device_and_dtype()
    with quiet_loading(name):
        model = MultiVectorEncoder(str(checkpoint.folder), device=device, local_files_only=True)
        check(name, checkpoint, model)
        model = model.to(dtype).eval()
        holds(model)
        return TextTokensEncoder(
            name, checkpoint.revision, model, positions_beside(checkpoint.folder, model, head_of(model))
        )


def head_of(model: Any) -> torch.nn.Module | None:
    """The layer that makes token vectors of hidden states, the first of several; None where hidden states are them."""
    from sentence_transformers.base.modules.dense import Dense

    return next((module.linear for module in model if isinstance(module, Dense)), None)


def check(name: str, checkpoint: Checkpoint, model: Any, *, ignored: tuple[str, ...] = _NOT_OF_BACKBONE) -> None:
    """Compare what the checkpoint holds with what its modules have: sentence-transformers makes up what is missing.

    Reading onto the "meta" device reads the names only. Modules that are not transformers check themselves.

    Args:
        ignored: how names of weights begin that no vector depends on.

    Raises:
        InputError: they differ.
    """
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.base.modules.dense import Dense

    listed = checkpoint.read_list("modules.json")
    heads = sum("Dense" in str(module.get("type")) for module in listed)
    stanford = "HF_ColBERT" in (checkpoint.read("config.json").get("architectures") or ())
    if sum(isinstance(module, Dense) for module in model) > heads + stanford:
        raise InputError(
            f"{name} has no trained layer for token vectors: it would be random; name a model that was trained for "
            "late interaction, not the one that it started from"
        )
    folders = [str(module["path"]) for module in listed] or [""]
    for subfolder, module in zip(folders, model, strict=False):  # masks and the like are made, not stored
        if isinstance(module, Transformer):
            network = module.auto_model
            _, report = type(network).from_pretrained(
                checkpoint.folder,
                config=network.config,
                subfolder=subfolder,
                local_files_only=True,
                device_map="meta",
                output_loading_info=True,
            )
            wrong = (
                [key for key in report[what] if not key.startswith(ignored)]
                for what in ("missing_keys", "unexpected_keys")
            )
            check_weights(name, *wrong)
