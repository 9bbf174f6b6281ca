"""How much of its quality a multi-vector model keeps when token vectors are pooled: each factor and method on one set.

The texts are encoded once; for each way of pooling an index is made of their vectors as `svrag add --pool-factor` makes
it, asked, and dropped. ("Learn to Pool", arXiv 2607.06036, reports such curves from 1 to 6.)
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, get_args

import numpy as np
from numpy.typing import NDArray

from svrag.documents.model import ElementType
from svrag.errors import InputError
from svrag.evaluation.benchmarks import BENCHMARKS
from svrag.evaluation.collection import Collected, collect
from svrag.evaluation.journal import open_journal
from svrag.evaluation.metrics import Ranking
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.records import found
from svrag.evaluation.result import EvalResult, Pooling, QuestionRecord, RetrieverRow, Seconds
from svrag.evaluation.runner import Progress, library_or_temporary, records_of, silent, what_it_depends_on
from svrag.evaluation.tables import TextTable, difference_cells
from svrag.library.store import Library
from svrag.library.tokens.identity import IndexIdentity, IndexSettings, PoolMethod, Unit
from svrag.library.tokens.index import TokenIndex, drop
from svrag.library.units import units_of
from svrag.retrievers.kinds import is_retriever_name, kind_of
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.loading import load_multivector

FACTORS = (1, 2, 3, 4, 5, 6)
METHODS: tuple[PoolMethod, ...] = get_args(PoolMethod)
METRIC = "ndcg@10"


def pooling_curve(
    benchmark: str,
    data: Path | None,
    *,
    retrievers: Sequence[str],
    library_folder: Path | None = None,
    limit: int | None = None,
    resume: Path | None = None,
    on_progress: Progress = silent,
) -> EvalResult:
    """A row for each of `retrievers` without pooling, and with each factor of `FACTORS` above 1 and each method.

    Args:
        benchmark: a set of texts.
        retrievers: multi-vector models that read texts.

    Raises: as `runner.run`.
    """
    started = time.perf_counter()
    models = [_model(name) for name in retrievers]
    loaded = BENCHMARKS[benchmark](data)
    questions = loaded.questions[:limit]
    with library_or_temporary(library_folder) as folder, Library.open(folder) as library:
        asked = list(dict.fromkeys(question.document for question in questions))
        documents, notes, parse_seconds = collect(library, loaded, asked, on_progress)
        settings = {
            **what_it_depends_on(loaded, documents),
            "retrievers": list(retrievers),
            "fingerprints": [model.fingerprint for model in models],
            "pooled": [list(FACTORS), list(METHODS)],
            "limit": limit,
        }
        rows: list[RetrieverRow] = []
        with open_journal(resume, {"benchmark": loaded.name, **settings}) as journal, tempfile.TemporaryFile() as file:
            for name, model in zip(retrievers, models, strict=True):
                kept = {d: _encoded(library, one, model, file, on_progress) for d, one in documents.items()}
                asked_for = [question.question for question in questions]
                made = [tokens.vectors for tokens in model.questions(asked_for)]
                vectors = {one.id: v for one, v in zip(questions, made, strict=True)}
                for pooling in _poolings():
                    row = _row_name(name, pooling)
                    index = _index(library, model, pooling, documents, kept)
                    measure = partial(_measured, vectors=vectors, index=index, depth=loaded.cutoff)
                    records = records_of(row, measure, questions, documents, loaded.cutoff, journal, on_progress)
                    rows.append(RetrieverRow(row, records, pooling=pooling))
                    drop(library, index.identity.name)
    searched = sum(record.seconds for record in rows[0].records)
    seconds = Seconds(parse_seconds, searched, 0.0, time.perf_counter() - started)
    return EvalResult(loaded.name, tuple(rows), "", seconds, settings, (*loaded.notes, *notes))


def curve_tables(result: EvalResult) -> list[TextTable]:
    """nDCG@10 by method and factor, and what each loses against no pooling; nothing of a result without pooling."""
    if not any(row.pooling for row in result.rows):
        return []
    lines, losses = [], []
    for base, methods in _curves(result):
        without = base.means()[METRIC]
        for method, rows in methods.items():
            means = [row.means()[METRIC] for row in rows]
            lines.append((f"{base.retriever} {method}", f"{without:.3f}", *(f"{mean:.3f}" for mean in means)))
            for row, mean in zip(rows, means, strict=True):
                difference = row.compared_with(base)[METRIC]
                kept = f"{mean / without:.1%}" if without else "-"
                losses.append((row.retriever, kept, *difference_cells(difference)))
    header = (METRIC, *(f"PF{factor}" for factor in FACTORS))
    return [
        TextTable(header, tuple(lines)),
        TextTable((f"{METRIC} against PF1", "kept", "diff.", "95 %", "p"), tuple(losses)),
    ]


def curves(result: EvalResult) -> dict[str, list[tuple[float, float]]]:
    """By retriever and method the points (factor, mean nDCG@10) of a plot."""
    return {
        f"{base.retriever} {method}": [
            (1.0, base.means()[METRIC]),
            *((float(row.pooling.factor), row.means()[METRIC]) for row in rows if row.pooling),
        ]
        for base, methods in _curves(result)
        for method, rows in methods.items()
    }


def _curves(result: EvalResult) -> list[tuple[RetrieverRow, dict[str, list[RetrieverRow]]]]:
    """Each row without pooling with those after it that are of the same retriever, by method."""
    found: list[tuple[RetrieverRow, dict[str, list[RetrieverRow]]]] = []
    for row in result.rows:
        if row.pooling is None:
            continue
        if row.pooling.factor == 1:
            found.append((row, {}))
        else:
            found[-1][1].setdefault(row.pooling.method, []).append(row)
    return found


def _model(name: str) -> MultiVectorEncoder:
    if not is_retriever_name(name) or name in ("lexical", "dense") or kind_of(name) != "multi":
        raise InputError(f"{name} has no token vectors to pool: name a multi-vector model with --retriever")
    return load_multivector(name)


def _poolings() -> list[Pooling]:
    return [Pooling("", 1), *(Pooling(method, factor) for method in METHODS for factor in FACTORS if factor > 1)]


def _row_name(retriever: str, pooling: Pooling) -> str:
    return retriever if pooling.factor == 1 else f"{retriever} {pooling.method} PF{pooling.factor}"


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A document's units on disk: `vectors` is mapped from the file, `counts` says how many rows each unit has."""

    vectors: NDArray[np.float32]
    counts: tuple[int, ...]
    places: tuple[tuple[int, ElementType, int], ...]

    def units(self) -> Iterator[Unit]:
        at = 0
        for count, (position, kind, page) in zip(self.counts, self.places, strict=True):
            yield Unit(position, kind, page, np.array(self.vectors[at : at + count]))
            at += count


def _encoded(
    library: Library, document: Collected, model: MultiVectorEncoder, file: IO[bytes], on_progress: Progress
) -> _Encoded:
    """The document's texts, encoded once; the vectors go to the end of `file`, as a large set's fill no memory."""
    begin = file.seek(0, 2)
    stage = f"{document.stored.name} vectors"
    counts, places = [], []
    for unit in units_of(
        library, document.stored, model, "pages", lambda done, total: on_progress(stage, done, total)
    ):
        file.write(unit.vectors.astype(np.float32).tobytes())
        counts.append(len(unit.vectors))
        places.append((unit.position, unit.type, unit.page))
    file.flush()
    shape = (sum(counts), model.dimension)
    vectors: NDArray[np.float32] = np.zeros(shape, np.float32)
    if counts:
        vectors = np.memmap(file, dtype=np.float32, mode="r", offset=begin, shape=shape)
    return _Encoded(vectors, tuple(counts), tuple(places))


def _index(
    library: Library,
    model: MultiVectorEncoder,
    pooling: Pooling,
    documents: Mapping[str, Collected],
    encoded: Mapping[str, _Encoded],
) -> TokenIndex:
    """A new index of all documents, pooled so, under a name that no model has."""
    method = next((method for method in METHODS if method == pooling.method), METHODS[0])
    settings = IndexSettings(pool_factor=pooling.factor, pool_method=method, units="pages")
    name = f"pooling curve of {_row_name(model.name, pooling)}"
    drop(library, name)  # of a run that was killed
    identity = IndexIdentity(name, model.revision, model.fingerprint, model.dimension, settings)
    index = TokenIndex.open(library, identity, create=True)
    for key, document in documents.items():
        index.add(document.stored.id, encoded[key].units())
    return index


def _measured(
    question: EvalQuestion,
    document: Collected,
    *,
    vectors: Mapping[str, NDArray[np.float32]],
    index: TokenIndex,
    depth: int,
) -> QuestionRecord:
    began = time.perf_counter()
    best = index.search(vectors[question.id], k=depth, documents=[document.stored.id], types=("page",))
    first = document.stored.elements  # pages come after the elements
    ranking = Ranking(tuple(position - first + 1 for position in best.positions.tolist()), None)
    return found(question, document, ranking, time.perf_counter() - began, depth)
