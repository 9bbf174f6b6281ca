"""Sparse text encoders (SPLADE, Formal et al., SIGIR 2021) through sentence-transformers: texts into weighted terms.

A text gets weights for terms of the model's vocabulary, also for some that it does not contain. A question's score for
a passage is the sum over their common terms of the products of weights. Knows nothing of documents.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from svrag.errors import InputError
from svrag.retrievers.dense.encoder import fingerprint_of, read_model
from svrag.retrievers.dense.single import Progress, silent
from svrag.retrievers.dense.windows import windows_of
from svrag.retrievers.loads import noted
from svrag.retrievers.multivector.batching import in_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SparseEncoder as Model

PREFIX = "splade"
_AT_ONCE = 8  # a batch has a weight for every token and every term of the vocabulary, before the greatest are taken
_ADVICE = "splade:naver/splade-v3 (licence CC BY-NC-SA: not for commercial use), or any other sparse encoder"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a text weighs.

    Attributes:
        ids: (n,) int32, ascending: terms, by their numbers in the vocabulary.
        weights: (n,) float32, none of them 0.
    """

    ids: NDArray[np.int32]
    weights: NDArray[np.float32]


class SparseEncoder:
    """A loaded sparse encoder; get one with `load_sparse`. May be shared between threads.

    Attributes:
        name: as it was asked for.
        fingerprint: of its weights, modules and prompts: terms of equal fingerprints can be compared.
    """

    def __init__(self, name: str, model: Model) -> None:
        self.name = name
        self._model = model
        self._lock = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        self.fingerprint = fingerprint_of(model, model.max_active_dims)
        longest = float(model.max_seq_length or 512)
        prompt = model.prompts.get("document") or ""
        self._windows = windows_of(name, model.tokenizer, longest, prompt=prompt)

    def questions(self, texts: Sequence[str]) -> list[Terms]:
        """The terms of each, with the encoder's prompt or network for questions."""
        return self._encoded(texts, self._model.encode_query, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent) -> list[Terms]:
        """The terms of each, with the encoder's prompt or network for documents.

        Args:
            on_progress: told how many texts are done, and how many there are.
        """
        return self._encoded(texts, self._model.encode_document, on_progress)

    def windows(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces that fit the encoder, each after `context`; none without words."""
        return self._windows.cut(text, context)

    def _encoded(self, texts: Sequence[str], encode: Callable[..., Any], on_progress: Progress) -> list[Terms]:
        def make(some: list[int]) -> list[Terms]:
            with self._lock:
                made = encode(
                    [texts[i] for i in some],
                    batch_size=_AT_ONCE,
                    convert_to_sparse_tensor=False,
                    save_to_cpu=True,
                    show_progress_bar=False,
                )
            return [self._terms(row) for row in made.float().numpy()]

        return in_batches([len(text) for text in texts], _AT_ONCE, make, on_progress)

    def _terms(self, row: NDArray[np.float32]) -> Terms:
        import numpy as np

        if not np.isfinite(row).all():
            raise InputError(f"{self.name} computed weights that are no numbers: its checkpoint is broken")
        ids = np.flatnonzero(row)
        return Terms(ids.astype(np.int32), row[ids])


def is_sparse_name(text: str) -> bool:
    """Whether `text` names a sparse encoder by itself, without a look at its checkpoint: splade:CHECKPOINT."""
    return text.partition(":")[0] == PREFIX


_loading = threading.Lock()


def load_sparse(name: str) -> SparseEncoder:
    """The encoder of this name; the last two are kept for the next call.

    Args:
        name: splade:CHECKPOINT, or the checkpoint alone where its own settings say that it is a sparse encoder; a
            name on the Hugging Face Hub or a folder.

    Raises:
        InputError: no such model, no network, sentence-transformers is not installed, weights are missing or left
            over. SPLADE without a checkpoint: there is none that everybody may use.
    """
    with _loading:
        return _loaded(name)


@functools.lru_cache(maxsize=2)
@noted
def _loaded(name: str) -> SparseEncoder:
    checkpoint = name.removeprefix(f"{PREFIX}:")
    if name == PREFIX or not checkpoint:
        raise InputError(f"{PREFIX} needs a checkpoint: {_ADVICE}")
    try:
        from sentence_transformers import SparseEncoder as model_class
        from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
    except ModuleNotFoundError as error:
        raise InputError(f'{name} needs {error.name}: pip install "svrag[dense]"') from None
    model = read_model(checkpoint, model_class)
    if isinstance(model[-1], SparseAutoEncoder) and not _saved_with_modules(checkpoint):
        raise InputError(f"{checkpoint} has no layer that predicts words: its terms would be random; name {_ADVICE}")
    if model.similarity_fn_name != "dot":
        raise InputError(f"{checkpoint} is compared by {model.similarity_fn_name}: only dot products are known here")
    return SparseEncoder(name, model)


def _saved_with_modules(checkpoint: str) -> bool:
    from sentence_transformers.util import load_file_path

    return load_file_path(checkpoint, "modules.json", local_files_only=True) is not None
