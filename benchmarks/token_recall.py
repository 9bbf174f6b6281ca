"""How much room pages and elements take in the token store, and what rounding and pooling cost in recall. Part of
token_store.py, which says on what."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.minilm_tokens import DIMENSION, token_vectors
from svrag.evaluation.question import EvalQuestion
from svrag.library.store import Library
from svrag.library.tokens import segments
from svrag.library.tokens.identity import IndexIdentity, IndexSettings, Unit
from svrag.library.tokens.index import Found, TokenIndex, drop
from svrag.retrievers.maxsim.pooling import pool

Floats = NDArray[np.float32]
FACTORS = (2, 3, 4, 6)
K = 10


@dataclass(frozen=True)
class RecallRow:
    """One way of keeping pages or elements. `part` is how much of float32's bytes it takes; `page_at_5` is of pages."""

    units: str
    kept: str
    bytes_each: float
    part: float
    recall: float
    page_at_5: float | None


@dataclass(frozen=True)
class Case:
    """A question whose document is in the library."""

    query: Floats
    document: str
    evidence: frozenset[int]


Best = Callable[[Case, list[str] | None, int], list[tuple[str, int]]]
"""The so many best for a question in these documents, or in all: ids of documents and positions."""


def recall(folder: Path, questions: Sequence[EvalQuestion]) -> list[RecallRow]:
    """Prints and returns a row for each way of keeping the pages, and each of keeping the elements."""
    with Library.open(folder, create=False) as library:
        names = {stored.name: stored.id for stored in library.documents()}
        asked = [q for q in questions if q.document in names and q.usable_for_pages]
        vectors = token_vectors([q.question for q in asked])
        cases = [
            Case(query, names[q.document], frozenset(q.evidence_pages))
            for q, query in zip(asked, vectors, strict=True)
        ]
        found = {id: list(enumerate(library.elements_of(id))) for id in names.values()}
        rows = []
        print(f"{len(cases)} questions, {len(names)} documents, vectors of {DIMENSION}\n")
        print(
            "| units | kept as | bytes each | of float32 | recall@10 | page@5 |\n|---|---|---|---|---|---|", flush=True
        )
        for kind in ("pages", "elements"):
            chosen = [
                (id, position, element)
                for id, own in found.items()
                for position, element in own
                if (element.type == "page") == (kind == "pages")
            ]
            made = token_vectors([f"{element.caption}\n{element.text}" for *_, element in chosen])
            units = [
                (id, Unit(position, element.type, element.page, own))
                for (id, position, element), own in zip(chosen, made, strict=True)
                if len(own)
            ]
            del made
            rows += list(_ways(library, kind, units, cases))
        return rows


def _ways(library: Library, kind: str, units: list[tuple[str, Unit]], cases: Sequence[Case]) -> Iterator[RecallRow]:
    full = 4 * sum(unit.vectors.size for _, unit in units)
    number = {(id, unit.position): i for i, (id, unit) in enumerate(units)}
    truth = _exact(units, cases)
    wanted = min(K, len(units))

    def row(kept: str, size: int, best: Best) -> RecallRow:
        shared = []
        for scores, case in zip(truth, cases, strict=True):
            # Running heads are many times the same: any of equals will do.
            least = np.partition(scores, -wanted)[-wanted] - 1e-4
            shared.append(sum(scores[number[place]] >= least for place in best(case, None, K)) / wanted)
        hit = None
        if kind == "pages":
            hits = []
            for case in cases:
                top = {units[number[place]][1].page for place in best(case, [case.document], 5)}
                hits.append(bool(top & case.evidence))
            hit = statistics.mean(hits)
        made = RecallRow(kind, kept, size / len(units), size / full, statistics.mean(shared), hit)
        told = "" if hit is None else f"{hit:.3f}"
        print(
            f"| {kind} ({len(units)}) | {kept} | {made.bytes_each:,.0f} | 1/{1 / made.part:.2f} | {made.recall:.3f} "
            f"| {told} |",
            flush=True,
        )
        return made

    def exact(case: Case, documents: list[str] | None, k: int) -> list[tuple[str, int]]:
        scores = truth[next(i for i, own in enumerate(cases) if own is case)]
        order = np.argsort(-scores, kind="stable").tolist()
        places = [(units[i][0], units[i][1].position) for i in order]
        return [place for place in places if documents is None or place[0] in documents][:k]

    yield row("float32", full, exact)
    ways = [("int8", 1, "hierarchical"), ("float16", 1, "hierarchical"), ("binary", 1, "hierarchical")]
    ways += [("int8", factor, method) for method in ("hierarchical", "kmeans") for factor in FACTORS]
    for precision, factor, method in ways:
        settings = IndexSettings(precision, factor, method)  # type: ignore[arg-type]
        kept = precision if factor == 1 else f"{precision}, pooled by {factor} ({method})"
        yield row(kept, *_stored(library, settings, units))
    if kind == "elements":
        for factor in (2, 4):
            pooled = [(id, _pooled(unit, factor)) for id, unit in units]
            kept = f"int8, short ones too pooled by {factor} (hierarchical)"
            yield row(kept, *_stored(library, IndexSettings(), pooled))


def _pooled(unit: Unit, factor: int) -> Unit:
    return Unit(unit.position, unit.type, unit.page, pool(unit.vectors, factor))


def _stored(library: Library, settings: IndexSettings, units: Sequence[tuple[str, Unit]]) -> tuple[int, Best]:
    """Bytes of an index of `units`, in place of the one before, and a search in it."""
    drop(library, "minilm")
    index = TokenIndex.open(library, IndexIdentity("minilm", "", "f", DIMENSION, settings), create=True)
    by_document: dict[str, list[Unit]] = {}
    for id, unit in units:
        by_document.setdefault(id, []).append(unit)
    for id, own in by_document.items():
        index.add(id, own)

    def best(case: Case, documents: list[str] | None, k: int) -> list[tuple[str, int]]:
        return places(index.search(case.query, k=k, documents=documents))

    return _size(library), best


def _size(library: Library) -> int:
    files = sum(path.stat().st_size for path in (library.folder / segments.FOLDER).rglob("*") if path.is_file())
    (rows,) = library.connection.execute(
        "SELECT sum(length(counts) + length(positions) + length(pages) + length(types)) FROM token_documents"
    ).fetchone()
    return files + int(rows)


def _exact(units: Sequence[tuple[str, Unit]], cases: Sequence[Case]) -> list[Floats]:
    """For each case MaxSim with each unit in float32."""
    vectors = np.concatenate([unit.vectors for _, unit in units])
    firsts = np.cumsum([0, *(len(unit.vectors) for _, unit in units[:-1])])
    return [np.maximum.reduceat(vectors @ case.query.T, firsts, axis=0).sum(axis=1) for case in cases]


def places(found: Found) -> list[tuple[str, int]]:
    return list(zip(found.documents, found.positions.tolist(), strict=True))
