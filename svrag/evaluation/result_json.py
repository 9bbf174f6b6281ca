"""The result file of `svrag eval --json`: written, and read back as the same result.

Its keys are stable: those of the whole tell the first row, `rows` has every row, and `per_question` holds all that the
metrics were computed from. One question takes one line, so that files stay small and can be compared by eye.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from svrag.documents.model import Box, Region
from svrag.errors import InputError
from svrag.evaluation.bootstrap import Difference
from svrag.evaluation.metrics import Gold, RankedElement, Ranking
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.result import EvalResult, Pooling, QuestionRecord, RetrieverRow, Seconds, means_of

_BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


def to_json(result: EvalResult) -> dict[str, Any]:
    """The object that the file holds."""
    row = result.row
    return {
        "benchmark": result.benchmark,
        "retriever": row.retriever,
        "generator": result.generator or None,
        "questions": len(row.records),
        **_figures(row),
        "rows": [
            {
                "retriever": each.retriever,
                **_figures(each),
                "seconds": _search_seconds(each),
                "compared": {name: difference_json(d) for name, d in result.base_of(each).compared_with(each).items()}
                if each is not row
                else {},
                **({"against": each.against} if each.against else {}),
                **({"before": each.before} if each.before else {}),
                **({"pooling": asdict(each.pooling)} if each.pooling else {}),
            }
            for each in result.rows
        ],
        "seconds": {
            "parse": round(result.seconds.parse, 3),
            "retrieve": round(result.seconds.retrieve, 3),
            "generate": round(result.seconds.generate, 3),
            "total": round(result.seconds.total, 3),
            **_search_seconds(row),
        },
        "settings": dict(result.settings),
        "notes": list(result.notes),
        "per_question": [
            {
                **record_json(record),
                "rows": {other.retriever: _found_json(other.records[i]) for other in result.rows[1:]},
            }
            for i, record in enumerate(row.records)
        ],
    }


def from_json(data: Mapping[str, Any]) -> EvalResult:
    """The result that `to_json` made `data` of, but for what `record_from_json` leaves out.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `data` is something else.
    """
    names = [row["retriever"] for row in data["rows"]]
    if not data["per_question"] or names[0] != data["retriever"]:
        raise ValueError("no questions, or not of the retriever it names")
    first = [record_from_json(question) for question in data["per_question"]]
    rows = [_row(data["rows"][0], first)]
    for name, row in zip(names[1:], data["rows"][1:], strict=True):
        records = [
            _found_from_json(record.question, record.document_id, record.gold, record.slices, question["rows"][name])
            for record, question in zip(first, data["per_question"], strict=True)
        ]
        rows.append(_row(row, records))
    if not {row.before for row in rows if row.before} <= set(names):
        raise ValueError("a row is compared with one that is not there")
    seconds = data["seconds"]
    return EvalResult(
        benchmark=str(data["benchmark"]),
        rows=tuple(rows),
        generator=data["generator"] or "",
        seconds=Seconds(*(float(seconds[name]) for name in ("parse", "retrieve", "generate", "total"))),
        settings=dict(data["settings"]),
        notes=tuple(map(str, data["notes"])),
    )


def written(data: Mapping[str, Any]) -> str:
    """`data` as text: a key a line, and a line for each member of a list of objects."""
    return "{\n" + ",\n".join(f"{_dumped(key)}: {_value(value)}" for key, value in data.items()) + "\n}\n"


def load(path: Path) -> EvalResult:
    """The result in the file `path`.

    Raises:
        InputError: it cannot be read, or was not written by `svrag eval --json`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text: name a file that `svrag eval --json` wrote") from None
    try:
        return from_json(json.loads(text))
    except _BROKEN as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is not a result that `svrag eval --json` wrote ({what}): run it again") from None


def record_json(record: QuestionRecord) -> dict[str, Any]:
    """One question with what one retriever found for it."""
    question, gold = record.question, record.gold
    slices: dict[str, list[str]] = {}
    for name, value in record.slices:
        slices.setdefault(name, []).append(value)
    return {
        "id": question.id,
        "document": question.document,
        "document_id": record.document_id,
        "question": question.question,
        "answer": question.answer,
        "answers": list(question.answers),
        "answer_format": question.answer_format,
        "answerable": question.answerable,
        "evidence_pages": list(question.evidence_pages),
        "gains": list(question.gains),
        "gold_pages": sorted(gold.pages),
        "gold_boxes": [{"page": region.page, "bbox": list(region.box)} for region in gold.boxes],
        **({"gold_elements": sorted(gold.elements)} if gold.elements else {}),
        "slices": slices,
        **_found_json(record),
    }


def record_from_json(data: Mapping[str, Any]) -> QuestionRecord:
    """What `record_json` made `data` of, without the boxes as they were drawn: those on the page are there.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `data` is something else.
    """
    slices = tuple((name, value) for name, values in data["slices"].items() for value in values)
    gold_pages = frozenset(map(int, data["gold_pages"]))
    question = EvalQuestion(
        id=data["id"],
        document=data["document"],
        question=data["question"],
        answer=data["answer"],
        answer_format=data["answer_format"],
        answerable=data["answerable"],
        evidence_pages=tuple(data["evidence_pages"]),
        gold_boxes=(),
        slices=slices,
        usable_for_pages=bool(gold_pages),
        gains=tuple(data["gains"]),
        answers=tuple(data["answers"]),
    )
    boxes = tuple(Region(int(place["page"]), Box(*place["bbox"])) for place in data["gold_boxes"])
    gains = dict(zip(question.evidence_pages, question.gains, strict=True)) if gold_pages and question.gains else {}
    gold = Gold(gold_pages, boxes, gains, frozenset(map(str, data.get("gold_elements", ()))))
    return _found_from_json(question, data["document_id"], gold, slices, data)


def difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "difference": round(difference.mean, 4),
        "interval": _pair((difference.low, difference.high)),
        "p": round(difference.p, 5),
    }


def _found_json(record: QuestionRecord) -> dict[str, Any]:
    """What a retriever found; `elements` only where it ranks elements, the answer only where one was asked for."""
    found: dict[str, Any] = {"pages": list(record.ranking.pages)}
    if record.ranking.elements is not None:
        found["elements"] = [
            {
                "element_id": element.id,
                "type": element.type,
                "page": element.page,
                "bbox": list(element.box),
                "hit": record.gold.shown_by(element),
            }
            for element in record.ranking.elements
        ]
    found["metrics"] = dict(record.metrics)
    found["seconds"] = record.seconds
    if record.answer is not None:
        found["predicted"] = record.answer
        found["predicted_answerable"] = record.said_answerable
        found["answer_seconds"] = record.answer_seconds
        found["citations"] = record.citations
    return found


def _found_from_json(
    question: EvalQuestion, document_id: str, gold: Gold, slices: tuple[tuple[str, str], ...], data: Mapping[str, Any]
) -> QuestionRecord:
    elements = None
    if "elements" in data:
        elements = tuple(
            RankedElement(e["element_id"], e["type"], int(e["page"]), Box(*e["bbox"])) for e in data["elements"]
        )
    return QuestionRecord(
        question=question,
        document_id=document_id,
        gold=gold,
        slices=slices,
        ranking=Ranking(tuple(map(int, data["pages"])), elements),
        metrics={name: float(value) for name, value in data["metrics"].items()},
        seconds=float(data["seconds"]),
        answer=data.get("predicted"),
        said_answerable=data.get("predicted_answerable"),
        answer_seconds=float(data.get("answer_seconds", 0.0)),
        citations=int(data.get("citations", 0)),
    )


def _row(data: Mapping[str, Any], records: Sequence[QuestionRecord]) -> RetrieverRow:
    pooling = Pooling(str(data["pooling"]["method"]), int(data["pooling"]["factor"])) if "pooling" in data else None
    return RetrieverRow(data["retriever"], tuple(records), data.get("against", ""), data.get("before", ""), pooling)


def _figures(row: RetrieverRow) -> dict[str, Any]:
    means = row.means()
    return {
        "counts": {name: len(values) for name in means if (values := row.values(name))},
        "metrics": _rounded(means),
        "intervals": {name: _pair(bounds) for name, bounds in row.intervals().items()},
        "by": {
            name: {
                value: {"questions": len(records), **_rounded(means_of(records))} for value, records in values.items()
            }
            for name, values in row.by_slice().items()
        },
    }


def _search_seconds(row: RetrieverRow) -> dict[str, float]:
    median, high = row.search_seconds()
    return {"search_p50": round(median, 4), "search_p95": round(high, 4)}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _pair(bounds: tuple[float, float]) -> list[float]:
    return [round(bound, 4) for bound in bounds]


def _value(value: object) -> str:
    if isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
        return "[\n" + ",\n".join(map(_dumped, value)) + "\n]"
    return _dumped(value)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
