"""Two runs of one benchmark, question by question: is one better, by how much, and how sure is that.

Only questions that both runs have count, and of them for each metric those where both have it. Every difference is the
first run's mean minus the second's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from svrag.errors import InputError
from svrag.evaluation.bootstrap import Difference, paired, paired_by_cluster
from svrag.evaluation.result import NAMES, EvalResult, QuestionRecord
from svrag.evaluation.result_json import difference_json

_Pair = tuple[QuestionRecord, QuestionRecord]


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric of both runs over the `questions` that have it in both.

    Attributes:
        means: of the first and the second run.
        difference: with questions drawn.
        by_document: the same difference with whole documents drawn; None where there is only one document.
    """

    questions: int
    means: tuple[float, float]
    difference: Difference
    by_document: Difference | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        names: what the runs are called.
        questions, documents: how many both have.
        metrics: every metric that both have, by name.
        by: the same by slice name and value.
        only: ids of the questions that only the first, and only the second run has.
        notes: what else the runs differ in, one line each.
    """

    benchmark: str
    names: tuple[str, str]
    questions: int
    documents: int
    metrics: Mapping[str, Compared]
    by: Mapping[str, Mapping[str, Mapping[str, Compared]]]
    only: tuple[tuple[str, ...], tuple[str, ...]]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The object that `svrag eval compare --json` writes; its keys are stable."""
        return {
            "benchmark": self.benchmark,
            "first": self.names[0],
            "second": self.names[1],
            "questions": self.questions,
            "documents": self.documents,
            "metrics": _json(self.metrics),
            "by": {
                name: {value: _json(metrics) for value, metrics in values.items()} for name, values in self.by.items()
            },
            "only_first": list(self.only[0]),
            "only_second": list(self.only[1]),
            "notes": list(self.notes),
        }


def compare(first: EvalResult, second: EvalResult, names: tuple[str, str]) -> Comparison:
    """The first retriever of `first` against that of `second`; `names` is what messages and tables call the runs.

    Raises:
        InputError: the runs are of different benchmarks, question files or documents, or share no measured question.
    """
    _check_data(first, second, names)
    ours = {record.question.id: record for record in first.row.records}
    theirs = {record.question.id: record for record in second.row.records}
    # By id, so that the order of the questions in the files does not matter to the resamples.
    pairs = [(ours[id], theirs[id]) for id in sorted(ours.keys() & theirs.keys())]
    for a, b in pairs:
        if a.document_id and b.document_id and a.document_id != b.document_id:
            raise InputError(
                f"{names[0]} and {names[1]} are not comparable: {a.question.document} is not the same file in both"
            )
    metrics = _compared(pairs)
    if not metrics:
        raise InputError(f"{names[0]} and {names[1]} have no question and metric in common")
    by: dict[str, dict[str, dict[str, Compared]]] = {}
    for (name, value), members in sorted(_sliced(pairs).items()):
        by.setdefault(name, {})[value] = _compared(members)
    return Comparison(
        benchmark=first.benchmark,
        names=names,
        questions=len(pairs),
        documents=len({a.question.document for a, _ in pairs}),
        metrics=metrics,
        by=by,
        only=(tuple(sorted(ours.keys() - theirs.keys())), tuple(sorted(theirs.keys() - ours.keys()))),
        notes=tuple(_notes(first, second)),
    )


def _check_data(first: EvalResult, second: EvalResult, names: tuple[str, str]) -> None:
    if first.benchmark != second.benchmark:
        raise InputError(f"not comparable: {names[0]} is of {first.benchmark}, {names[1]} of {second.benchmark}")
    if first.settings.get("data") != second.settings.get("data"):
        raise InputError(
            f"not comparable: the question files of {names[0]} and {names[1]} differ (data hashes): "
            "run both on the same data"
        )


def _compared(pairs: Sequence[_Pair]) -> dict[str, Compared]:
    compared = {}
    for name in NAMES:
        both = [(a, b) for a, b in pairs if name in a.metrics and name in b.metrics]
        if not both:
            continue
        ours, theirs = [a.metrics[name] for a, _ in both], [b.metrics[name] for _, b in both]
        documents = [a.question.document for a, _ in both]
        compared[name] = Compared(
            questions=len(both),
            means=(sum(ours) / len(ours), sum(theirs) / len(theirs)),
            difference=paired(ours, theirs),
            by_document=paired_by_cluster(ours, theirs, documents) if len(set(documents)) > 1 else None,
        )
    return compared


def _sliced(pairs: Sequence[_Pair]) -> dict[tuple[str, str], list[_Pair]]:
    """The pairs by slice, as the first run has them; documents are left out: each is too few questions."""
    slices: dict[tuple[str, str], list[_Pair]] = {}
    for pair in pairs:
        for name, value in pair[0].slices:
            if name != "document":
                slices.setdefault((name, value), []).append(pair)
    return slices


def _notes(first: EvalResult, second: EvalResult) -> list[str]:
    notes = []
    for name in {**first.settings, **second.settings}:
        ours, theirs = first.settings.get(name), second.settings.get(name)
        if name != "documents" and ours != theirs:
            notes.append(f"settings differ: {name} is {ours} and {theirs}")
    return notes


def _json(metrics: Mapping[str, Compared]) -> dict[str, Any]:
    return {
        name: {
            "questions": compared.questions,
            "first": round(compared.means[0], 4),
            "second": round(compared.means[1], 4),
            **difference_json(compared.difference),
            "by_document": None if compared.by_document is None else difference_json(compared.by_document),
        }
        for name, compared in metrics.items()
    }
