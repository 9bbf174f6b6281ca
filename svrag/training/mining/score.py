"""A teacher's scores: a cross-encoder reads each question with each of its documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.retrievers.multivector.checkpoint import quiet_loading
from svrag.training.config import PairData
from svrag.training.data.files import examples_of
from svrag.training.mining.journal import ROW, Journal
from svrag.training.mining.rankers import Progress

_AT_ONCE = 16  # questions


def score(data: PairData, out: Path, model: str, *, batch: int, on_progress: Progress) -> None:
    """Writes rows of `query`, `documents` (those that answer first, then the negatives) and `scores`: data of kind lists.

    What is in `out` already is not made again.

    Args:
        model: a cross-encoder of sentence-transformers with one score, by its name on the Hub or its folder.
        batch: pairs that are read at once.

    Raises:
        InputError: data or model are not as they should be, or `out` cannot be written.
    """
    examples = examples_of(data)
    journal = Journal(out, {"data": str(data.path), "rows": len(examples), "model": model})
    waiting = [number for number in range(len(examples)) if number not in journal.done]
    teacher = _teacher(model) if waiting else None
    for start in range(0, len(waiting), _AT_ONCE):
        some = waiting[start : start + _AT_ONCE]
        asked = [examples[number] for number in some]
        for example in asked:
            if any(document.picture for document in example.documents):
                raise InputError(f"a teacher reads texts, but {example.query.text[:60]!r} has a picture")
        pairs = [(example.query.text, document.text) for example in asked for document in example.documents]
        assert teacher is not None
        found = iter(teacher.predict(pairs, batch_size=batch, show_progress_bar=False).tolist())
        journal.add(
            [
                {
                    ROW: number,
                    "query": example.query.text,
                    "documents": [document.text for document in example.documents],
                    "scores": [next(found) for _ in example.documents],
                }
                for number, example in zip(some, asked, strict=True)
            ]
        )
        on_progress(len(journal.done), len(examples))
    journal.finish()


def _teacher(name: str) -> Any:
    from sentence_transformers import CrossEncoder

    from svrag.retrievers.multivector.hub import locate

    checkpoint = locate(name)
    architectures = [str(one) for one in checkpoint.read("config.json").get("architectures") or ()]
    if not any(one.endswith(("ForSequenceClassification", "ForCausalLM")) for one in architectures):
        raise InputError(f"{name} is no cross-encoder ({', '.join(architectures) or 'without an architecture'})")
    with quiet_loading(name):
        teacher = CrossEncoder(str(checkpoint.folder), local_files_only=True)
    if teacher.num_labels != 1:
        raise InputError(f"{name} gives {teacher.num_labels} scores of a pair, not one: it is no reranker")
    return teacher
