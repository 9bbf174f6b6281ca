"""MMLongBench-Doc (questions, answers, evidence pages) with MMDocIR's boxes for the same documents.

A folder of it holds `documents/` and the questions, either as `questions.json` (labels checked:
`evidence_pages_1based`, `page_labels_valid`, `answerable`) or as `samples.json`, as published. The boxes are in
`mmdocir_annotations.jsonl`, whose pages are 0-based; everything that leaves this file is 1-based. `load_folder` reads
any folder of this layout.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from svrag.documents.model import Box
from svrag.errors import InputError
from svrag.evaluation.question import EvalQuestion, EvalSet, GoldBox

QUESTIONS = "huggingface.co/datasets/yubo2333/MMLongBench-Doc"
SAMPLES = "github.com/mayubo2333/MMLongBench-Doc/blob/main/data/samples.json"
BOXES = "huggingface.co/datasets/MMDocIR/MMDocIR_Evaluation_Dataset"
_UNANSWERABLE = "not answerable"


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file is missing (the message says where to get it) or not as published.
    """
    if data is None:
        raise InputError(f"say where MMLongBench-Doc is with --data DIR; {_how_to_get('DIR')}")
    if not any((data / name).is_file() for name in ("questions.json", "samples.json")):
        raise InputError(f"no questions.json or samples.json in {data}; {_how_to_get(data)}")
    loaded = load_folder("mmlongbench", data, ("mmdocir_annotations.jsonl", "MMDocIR_annotations.jsonl"))
    missing = sorted({q.document for q in loaded.questions if not (loaded.documents / q.document).is_file()})
    if missing:
        raise InputError(f"{loaded.documents} lacks {len(missing)} documents ({missing[0]}, ...); {_how_to_get(data)}")
    return loaded


def _how_to_get(data: Path | str) -> str:
    return f"download {SAMPLES} as {data}/samples.json and the PDFs of {QUESTIONS} into {data}/documents"


def load_folder(name: str, data: Path, annotation_names: Sequence[str]) -> EvalSet:
    """The questions in `data`, with the boxes of the first of `annotation_names` that is there.

    An annotated question that is not among the questions word for word (some were reworded since) becomes a question
    of its own that only the element metrics count.

    Raises:
        InputError: a file is not in the layout.
    """
    source = next(path for path in (data / "questions.json", data / "samples.json") if path.is_file())
    questions = _questions(source)
    annotated = next((data / file for file in annotation_names if (data / file).is_file()), None)
    if annotated is None:
        note = f"no {annotation_names[0]} in {data}: no element metrics; MMDocIR_annotations.jsonl is on {BOXES}"
        return EvalSet(name, tuple(questions), data / "documents", (source,), (note,))
    questions = _with_boxes(questions, annotated)
    return EvalSet(name, tuple(questions), data / "documents", (source, annotated))


def _questions(path: Path) -> list[EvalQuestion]:
    rows = _parsed(path, path.read_bytes())
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path} is not a list of questions")
    counts: Counter[str] = Counter()
    questions = []
    for number, row in enumerate(rows, start=1):
        try:
            counts[row["doc_id"]] += 1
            questions.append(_question(row, f"{row['doc_id']}#{counts[row['doc_id']]}"))
        except (KeyError, TypeError, ValueError, SyntaxError) as error:
            raise InputError(f"{path}: question {number} is not in MMLongBench-Doc's layout ({error!r})") from None
    return questions


def _question(row: Mapping[str, Any], id: str) -> EvalQuestion:
    pages = sorted(set(_list(row.get("evidence_pages_1based", row["evidence_pages"]))))
    answer = str(row["answer"])
    answerable = bool(row.get("answerable", answer.strip().lower() != _UNANSWERABLE))
    return EvalQuestion(
        id=id,
        document=row["doc_id"],
        question=row["question"],
        answer=answer,
        answer_format=row["answer_format"],
        answerable=answerable,
        evidence_pages=tuple(int(page) for page in pages),
        gold_boxes=(),
        slices=_slices(row["doc_type"], _list(row["evidence_sources"]), row["answer_format"], len(pages)),
        usable_for_pages=answerable and bool(pages) and row.get("page_labels_valid", True) is True,
    )


def _with_boxes(questions: Sequence[EvalQuestion], path: Path) -> list[EvalQuestion]:
    """The questions, with their boxes where there are any, then the annotated ones that were reworded."""
    documents = {question.document for question in questions}
    known = {(question.document, question.question): question for question in questions}
    extra: list[EvalQuestion] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = _parsed(path, line)
            if row["doc_name"] not in documents:  # the published file covers more sets than this one
                continue
            for annotation in row["questions"]:
                key = (row["doc_name"], annotation["Q"])
                boxes = tuple(_gold_box(place) for place in annotation["layout_mapping"])
                if key in known:
                    known[key] = replace(known[key], gold_boxes=known[key].gold_boxes + boxes)
                elif boxes:
                    extra.append(_reworded(row, annotation, boxes, len(extra) + 1))
        except (KeyError, TypeError, ValueError, SyntaxError) as error:
            raise InputError(f"{path}: line {number} is not in MMDocIR's layout ({error!r})") from None
    return [*(known[question.document, question.question] for question in questions), *extra]


def _gold_box(place: Mapping[str, Any]) -> GoldBox:
    width, height = place["page_size"]
    x0, y0, x1, y1 = place["bbox"]
    if width <= 0 or height <= 0:
        raise ValueError("a page without a size")
    return GoldBox(place["page"] + 1, Box(x0, y0, x1, y1), (width, height))


def _reworded(
    row: Mapping[str, Any], annotation: Mapping[str, Any], boxes: tuple[GoldBox, ...], n: int
) -> EvalQuestion:
    pages = tuple(sorted({box.page for box in boxes}))
    return EvalQuestion(
        id=f"{row['doc_name']}#boxes-{n}",
        document=row["doc_name"],
        question=annotation["Q"],
        answer=annotation["A"],
        answer_format="",
        answerable=True,
        evidence_pages=pages,
        gold_boxes=boxes,
        slices=_slices(row["domain"], _list(annotation["type"]), "", len(pages)),
        usable_for_pages=False,
    )


def _slices(doc_type: str, sources: Sequence[str], answer_format: str, pages: int) -> tuple[tuple[str, str], ...]:
    slices = [("doc_type", doc_type)]
    slices += [("evidence_sources", source) for source in dict.fromkeys(sources)]
    if answer_format:
        slices.append(("answer_format", answer_format))
    if pages:
        slices.append(("evidence_pages", "one page" if pages == 1 else "several pages"))
    return tuple(slices)


def _list(value: Sequence[Any] | str) -> list[Any]:
    """A list, which the published files write as a string: "[3, 5]", "['Chart']"."""
    return list(ast.literal_eval(value)) if isinstance(value, str) else list(value)


def _parsed(path: Path, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from None
