"""Any retriever of the project as scores of texts: what mining looks for negatives with. No library, no index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from svrag.errors import InputError
from svrag.retrievers.kinds import is_retriever_name, kind_of
from svrag.retrievers.lexical.analysis import analyse, analyse_question
from svrag.retrievers.lexical.bm25 import Parameters, idf
from svrag.training.batch import TokenBatch
from svrag.training.scoring import maxsim

Progress = Callable[[int, int], None]
_DOCUMENTS_AT_ONCE = 128


class Ranker(Protocol):
    """Knows its documents."""

    def scores(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """(questions, documents); greater is better."""
        ...


def ranker_named(name: str, documents: Sequence[str], *, encoder: str, on_progress: Progress) -> Ranker:
    """The retriever of this name over `documents`, which are encoded here.

    Args:
        encoder: that `dense` means.

    Raises:
        InputError: no such retriever, or its model cannot be loaded.
    """
    if not is_retriever_name(name):
        raise InputError(f"no retriever {name}: lexical, dense, or a model by its name or folder")
    match kind_of(name):
        case "lexical":
            return _Words(documents)
        case "single":
            return _Single(encoder if name == "dense" else name, documents, on_progress)
        case "sparse":
            return _Terms(name, documents, on_progress)
        case "multi":
            return _Multi(name, documents, on_progress)


class _Words:
    """BM25 of whole texts."""

    def __init__(self, documents: Sequence[str]) -> None:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

        said = [analyse(document) for document in documents]
        self._column = {token: i for i, token in enumerate(dict.fromkeys(token for one in said for token in one))}
        rows = np.repeat(np.arange(len(said)), [len(one) for one in said])
        columns = np.array([self._column[token] for one in said for token in one], dtype=np.int64)
        counts = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(said), len(self._column)))
        known = Parameters()
        lengths = np.asarray(counts.sum(axis=1)).ravel()
        norms = 1.0 - known.lengths[0] + known.lengths[0] * lengths / max(lengths.mean(), 1.0)
        frequencies = np.bincount(counts.indices, minlength=len(self._column))
        rarity = np.array([idf(len(said), int(frequency)) for frequency in frequencies])
        there = counts.data / norms[np.repeat(np.arange(len(said)), np.diff(counts.indptr))]
        counts.data = rarity[counts.indices] * there / (known.k1 + there)
        self._weights = counts

    def scores(self, questions: Sequence[str]) -> NDArray[np.float32]:
        asked = np.zeros((len(questions), len(self._column)))
        for i, question in enumerate(questions):
            for token in analyse_question(question):
                if token in self._column:
                    asked[i, self._column[token]] = 1.0
        return np.asarray((self._weights @ asked.T).T, dtype=np.float32)


class _Single:
    def __init__(self, name: str, documents: Sequence[str], on_progress: Progress) -> None:
        from svrag.retrievers.dense.loading import load_single

        self._encoder = load_single(name)
        self._vectors = self._encoder.passages(documents, on_progress)

    def scores(self, questions: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._encoder.questions(questions) @ self._vectors.T, dtype=np.float32)


class _Terms:
    def __init__(self, name: str, documents: Sequence[str], on_progress: Progress) -> None:
        from svrag.retrievers.sparse.encoder import load_sparse

        self._encoder = load_sparse(name)
        self._weights = _matrix(self._encoder.passages(documents, on_progress))

    def scores(self, questions: Sequence[str]) -> NDArray[np.float32]:
        asked = _matrix(self._encoder.questions(questions))
        width = max(asked.shape[1], self._weights.shape[1])
        for matrix in (asked, self._weights):
            matrix.resize(matrix.shape[0], width)
        return np.asarray((asked @ self._weights.T).toarray(), dtype=np.float32)


class _Multi:
    def __init__(self, name: str, documents: Sequence[str], on_progress: Progress) -> None:
        from svrag.retrievers.multivector.loading import load_multivector

        self._encoder = load_multivector(name)
        self._vectors = [torch.from_numpy(made.vectors) for made in self._encoder.passages(documents, on_progress)]

    def scores(self, questions: Sequence[str]) -> NDArray[np.float32]:
        asked = _padded([torch.from_numpy(made.vectors) for made in self._encoder.questions(questions)])
        parts = [
            maxsim(asked, _padded(self._vectors[start : start + _DOCUMENTS_AT_ONCE]))
            for start in range(0, len(self._vectors), _DOCUMENTS_AT_ONCE)
        ]
        return torch.cat(parts, dim=1).numpy()


def _matrix(texts: Sequence[Any]) -> Any:
    """(texts, terms), sparse, as wide as the greatest term."""
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(texts)), [len(text.ids) for text in texts])
    ids = np.concatenate([np.empty(0, np.int64), *(text.ids for text in texts)]).astype(np.int64)
    weights = np.concatenate([np.empty(0, np.float32), *(text.weights for text in texts)])
    return csr_matrix((weights, (rows, ids)), shape=(len(texts), int(ids.max(initial=0)) + 1))


def _padded(items: Sequence[torch.Tensor]) -> TokenBatch:
    vectors = torch.nn.utils.rnn.pad_sequence(list(items), batch_first=True)
    return TokenBatch(vectors, torch.arange(vectors.shape[1]) < torch.tensor([len(item) for item in items])[:, None])
