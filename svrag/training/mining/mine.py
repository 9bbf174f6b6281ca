"""Hard negatives: documents that a retriever takes for answers and that are none, as far as one can tell.

Of each question, documents at certain ranks, without its own and without those whose score is so high that they may well
answer it too (Moreira et al., NV-Retriever, arXiv 2407.15831, measure such filters).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from svrag.errors import InputError
from svrag.training.batch import Example
from svrag.training.config import Corpus, PairData
from svrag.training.data.documents import check_columns
from svrag.training.data.files import FileExamples, examples_of
from svrag.training.data.tables import open_table
from svrag.training.mining.journal import ROW, Journal
from svrag.training.mining.rankers import Progress, ranker_named

_AT_ONCE = 64  # questions
_WRITTEN = ("query", "document", "negatives", "scores")


@dataclass(frozen=True, slots=True)
class Mining:
    """
    Attributes:
        first, last: ranks that are looked at, from 1; a question's own documents have none.
        count: negatives of a question, the best of those that are left.
        margin: a negative scores at least so much less than the best of the question's own documents; None asks nothing.
        most: score of a negative, at most; None asks nothing.
    """

    retriever: str
    encoder: str
    first: int = 1
    last: int = 50
    count: int = 5
    margin: float | None = None
    most: float | None = None


def mine(
    data: PairData,
    out: Path,
    mining: Mining,
    *,
    corpus: Corpus | None = None,
    keep: Sequence[str] = (),
    on_progress: Progress,
    on_encoding: Progress,
) -> int:
    """Writes rows of `query`, `document` (a list), `negatives` and their `scores`: data of kind pairs.

    What is in `out` already is not made again. Documents are the answers of all rows, and those of `corpus`.

    Args:
        keep: columns of `data` that rows keep, such as topics that batches have shares of.

    Returns:
        Rows that found fewer negatives than were asked for.

    Raises:
        InputError: data, retriever or settings are not as they should be, or `out` cannot be written.
    """
    if not 1 <= mining.first <= mining.last:
        raise InputError(f"ranks {mining.first}-{mining.last}: they count from 1, and the first is not after the last")
    examples = examples_of(data)
    if mining.count < 1:
        raise InputError(f"{mining.count} negatives of a question: at least 1")
    kept = _kept(examples, keep)
    more = str(corpus.path) if corpus else None
    said = {"data": str(data.path), "corpus": more, "keep": ", ".join(keep) or None, "rows": len(examples)}
    journal = Journal(out, {**said, **asdict(mining)})
    waiting = [number for number in range(len(examples)) if number not in journal.done]
    few = 0
    if waiting:
        documents, own = _documents(examples, corpus)
        known = {text: i for i, text in enumerate(documents)}
        ranker = ranker_named(mining.retriever, documents, encoder=mining.encoder, on_progress=on_encoding)
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            asked = [examples[number] for number in some]
            scores = ranker.scores([example.query.text for example in asked])
            rows = []
            for number, example, row in zip(some, asked, scores, strict=True):
                positives = [known[text] for text in own[example.query.text]]
                found = negatives(row, positives, mining)
                few += len(found) < mining.count
                rows.append(
                    {
                        ROW: number,
                        "query": example.query.text,
                        "document": _texts(example),
                        "negatives": [documents[i] for i in found],
                        "scores": [round(float(row[i]), 6) for i in found],
                        **{column: values[number] for column, values in kept.items()},
                    }
                )
            journal.add(rows)
            on_progress(len(journal.done), len(examples))
    journal.finish()
    return few


def negatives(scores: NDArray[np.float32], positives: Sequence[int], mining: Mining) -> list[int]:
    """Numbers of documents, the best first.

    Args:
        scores: (documents,)
        positives: numbers of the question's own documents.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = order[~np.isin(order, positives)][mining.first - 1 : mining.last]
    allowed = np.inf if mining.most is None else mining.most
    if mining.margin is not None:
        allowed = min(allowed, float(scores[list(positives)].max()) - mining.margin)
    found: list[int] = ranked[scores[ranked] <= allowed][: mining.count].tolist()
    return found


def _kept(examples: FileExamples, columns: Sequence[str]) -> dict[str, list[object]]:
    """Of each column, the value of every example.

    Raises:
        InputError: there is no such column, its name is one of what is written, or JSON has no such values.
    """
    if taken := sorted({ROW, *_WRITTEN} & set(columns)):
        raise InputError(f"cannot keep {', '.join(taken)}: mining writes a column of that name itself")
    kept = {column: examples.values(column) for column in columns}
    for column, values in kept.items():
        for value in values:
            if not isinstance(value, str | int | float | None):
                raise InputError(f"cannot keep {column}: {str(value)[:60]!r} is no text and no number")
    return kept


def _documents(examples: Sequence[Example], corpus: Corpus | None) -> tuple[list[str], dict[str, list[str]]]:
    """All distinct documents, and those of each question: of all its rows."""
    every: dict[str, None] = {}
    own: dict[str, list[str]] = {}
    for example in examples:
        for text in _texts(example):
            every.setdefault(text)
            own.setdefault(example.query.text, []).append(text)
    for text in _corpus(corpus) if corpus else ():
        every.setdefault(text)
    return list(every), own


def _corpus(corpus: Corpus) -> list[str]:
    table = open_table(corpus.path, corpus.split)
    check_columns(table.columns, [corpus.document], corpus.path)
    values = table.values(corpus.document)
    for i, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            raise InputError(f"{corpus.path}, row {i + 1}: {corpus.document} must be text, not {str(value)[:60]}")
    return [value for value in values if value and value.strip()]


def _texts(example: Example) -> list[str]:
    """The documents that answer.

    Raises:
        InputError: one is a picture.
    """
    if any(document.picture for document in example.documents):
        raise InputError(f"mining reads texts, but {example.query.text[:60]!r} is answered by a picture")
    return [item.text for item, worth in zip(example.documents, example.relevance, strict=True) if worth > 0]
