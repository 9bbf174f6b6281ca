"""MMLongBench-Doc (questions, answers, evidence pages) with MMDocIR's boxes for the same documents.

A folder of it holds `documents/` and the questions: as `samples.json`, as the first version and the corrected second
one are both published (the second with `question_types.json` beside it), or as `questions.json`, which holds the
second version's corrections and what was checked since (`evidence_pages_1based`, `page_labels_valid`, `answerable`).
The boxes are in `mmdocir_annotations.jsonl`, whose pages are 0-based; everything that leaves this file is 1-based.
`load_folder` reads any folder of this layout.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from svrag.documents.model import Box
from svrag.errors import InputError
from svrag.evaluation.loading import (
    first_of,
    in_folder,
    in_layout,
    pages_slice,
    parsed,
    parsed_lines,
    parsed_questions,
)
from svrag.evaluation.question import EvalQuestion, EvalSet, GoldBox

BOXES = "huggingface.co/datasets/MMDocIR/MMDocIR_Evaluation_Dataset"
_HOW_TO_GET = (
    "download github.com/VectifyAI/MMLongBench-Doc-V2/blob/main/data/samples.json (corrected; the first version is "
    "at github.com/mayubo2333/MMLongBench-Doc) as DIR/samples.json and the PDFs of "
    "huggingface.co/datasets/yubo2333/MMLongBench-Doc into DIR/documents"
)
_TYPES = "question_types.json"
_UNANSWERABLE = "not answerable"


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file is missing (the message says where to get it) or not as published.
    """
    folder = first_of(data, ("questions.json", "samples.json"), _HOW_TO_GET).parent
    loaded = load_folder("mmlongbench", folder, ("mmdocir_annotations.jsonl", "MMDocIR_annotations.jsonl"))
    missing = sorted({q.document for q in loaded.questions if not (loaded.documents / q.document).is_file()})
    if missing:
        how = in_folder(_HOW_TO_GET, folder)
        raise InputError(f"{loaded.documents} lacks {len(missing)} documents ({missing[0]}, ...); {how}")
    return loaded


def load_folder(name: str, data: Path, annotation_names: Sequence[str]) -> EvalSet:
    """The questions in `data`, with the boxes of the first of `annotation_names` that is there.

    An annotated question that is not among the questions word for word (some were reworded since) becomes a question
    of its own that only the element metrics count.

    Raises:
        InputError: a file is not in the layout.
    """
    source = next(path for path in (data / "questions.json", data / "samples.json") if path.is_file())
    files = [source]
    types: dict[tuple[str, str], Mapping[str, Any]] = {}
    if (data / _TYPES).is_file():
        files.append(data / _TYPES)
        types = _question_types(data / _TYPES)
    questions = _questions(source, types)
    annotated = next((data / file for file in annotation_names if (data / file).is_file()), None)
    if annotated is None:
        note = f"no {annotation_names[0]} in {data}: no element metrics; MMDocIR_annotations.jsonl is on {BOXES}"
        return EvalSet(name, tuple(questions), data / "documents", tuple(files), (note,))
    questions = _with_boxes(questions, annotated)
    return EvalSet(name, tuple(questions), data / "documents", (*files, annotated))


def _question_types(path: Path) -> dict[tuple[str, str], Mapping[str, Any]]:
    types: dict[tuple[str, str], Mapping[str, Any]] = {}
    with in_layout(str(path), "MMLongBench-Doc-V2"):
        for row in parsed(path):
            types[row["doc_id"], row["question"]] = {
                "task_type": row["task_type"],
                "requires_visual": row["requires_visual"],
            }
    return types


def _questions(path: Path, types: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[EvalQuestion]:
    rows = parsed_questions(path)
    counts: Counter[str] = Counter()
    questions = []
    for number, row in enumerate(rows, start=1):
        with in_layout(f"{path}: question {number}", "MMLongBench-Doc"):
            counts[row["doc_id"]] += 1
            typed = {**row, **types.get((row["doc_id"], row["question"]), {})}
            questions.append(_question(typed, f"{row['doc_id']}#{counts[row['doc_id']]}"))
    return questions


def _question(row: Mapping[str, Any], id: str) -> EvalQuestion:
    pages = sorted(set(as_list(row.get("evidence_pages_1based", row["evidence_pages"]))))
    answer = str(row["answer"])
    answerable = bool(row.get("answerable", answer.strip().lower() != _UNANSWERABLE))
    slices = slices_of(row["doc_type"], as_list(row["evidence_sources"]), row["answer_format"], pages)
    if "task_type" in row:
        slices = (*slices, ("task_type", row["task_type"]))
    if "requires_visual" in row:
        slices = (*slices, ("requires_visual", "yes" if row["requires_visual"] else "no"))
    return EvalQuestion(
        id=id,
        document=row["doc_id"],
        question=row["question"],
        answer=answer,
        answer_format=row["answer_format"],
        answerable=answerable,
        evidence_pages=tuple(int(page) for page in pages),
        gold_boxes=(),
        slices=slices,
        usable_for_pages=answerable and bool(pages) and row.get("page_labels_valid", True) is True,
    )


def _with_boxes(questions: Sequence[EvalQuestion], path: Path) -> list[EvalQuestion]:
    """The questions, with their boxes where there are any, then the annotated ones that were reworded."""
    documents = {question.document for question in questions}
    # The first version asks one question twice: both get its boxes.
    boxes: dict[tuple[str, str], tuple[GoldBox, ...]] = {(one.document, one.question): () for one in questions}
    extra: list[EvalQuestion] = []
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", "MMDocIR"):
            if row["doc_name"] not in documents:  # the published file covers more sets than this one
                continue
            for annotation in row["questions"]:
                key = (row["doc_name"], annotation["Q"])
                drawn = tuple(gold_box(place) for place in annotation["layout_mapping"])
                if key in boxes:
                    boxes[key] += drawn
                elif drawn:
                    extra.append(_reworded(row, annotation, drawn, len(extra) + 1))
    return [*(replace(one, gold_boxes=boxes[one.document, one.question]) for one in questions), *extra]


def gold_box(place: Mapping[str, Any]) -> GoldBox:
    """MMDocIR's `{"page": 0, "page_size": [612, 792], "bbox": [x0, y0, x1, y1]}`.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
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
        slices=slices_of(row["domain"], as_list(annotation["type"]), "", pages),
        usable_for_pages=False,
    )


def slices_of(
    doc_type: str, sources: Sequence[str], answer_format: str, pages: Sequence[int]
) -> tuple[tuple[str, str], ...]:
    """What a question is reported under; an empty format is none."""
    slices = [("doc_type", doc_type)]
    slices += [("evidence_sources", source) for source in dict.fromkeys(sources)]
    if answer_format:
        slices.append(("answer_format", answer_format))
    return (*slices, *pages_slice(pages))


def as_list(value: Sequence[Any] | str) -> list[Any]:
    """A list, which the published files write as a string: "[3, 5]", "['Chart']".

    Raises:
        SyntaxError, TypeError, ValueError: it is none.
    """
    return list(ast.literal_eval(value)) if isinstance(value, str) else list(value)
