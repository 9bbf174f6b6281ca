"""SciEGQA: questions on scientific papers whose evidence is drawn as boxes, several on a page or on several pages.

A folder of it holds `SciEGQA-Bench.jsonl` (`query`, `answer`, `doc_name`, `category`, and beside each other
`evidence_page`, 1-based, `rel_bbox`, the boxes of each page in thousandths of its width and height, and
`subimg_type`). The papers are PDFs, `documents/<doc_name>.pdf`, or as published the pictures of their pages,
`<category>/<doc_name>/<doc_name>_<page>.png`, in the folder or in `Images/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from svrag.documents.model import Box
from svrag.errors import InputError
from svrag.evaluation.loading import first_of, in_folder, in_layout, pages_slice, parsed_lines
from svrag.evaluation.question import EvalQuestion, EvalSet, GoldBox

_HOW_TO_GET = (
    "download SciEGQA-Bench.jsonl and the page pictures of huggingface.co/datasets/Yuwh07/SciEGQA-Bench as "
    "DIR/SciEGQA-Bench.jsonl and DIR/Images/CATEGORY/PAPER/PAPER_PAGE.png, or the papers' PDFs as "
    "DIR/documents/PAPER.pdf"
)
_NAMES = ("SciEGQA-Bench.jsonl", "BBox_DocVQA_Bench.jsonl")
_WHOLE = (1000.0, 1000.0)


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file or paper is missing (the message says where to get it), or a line is
            not in the layout.
    """
    path = first_of(data, _NAMES, _HOW_TO_GET)
    folder = path.parent
    questions: list[EvalQuestion] = []
    composed: dict[str, tuple[Path, ...]] = {}
    numbers: dict[str, list[int] | None] = {}
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", "SciEGQA"):
            paper = str(row["doc_name"])
            if paper not in numbers:
                numbers[paper] = None
                if not (folder / "documents" / f"{paper}.pdf").is_file():
                    pictures = _pictures(folder, str(row["category"]), paper)
                    numbers[paper], composed[paper] = list(pictures), tuple(pictures.values())
            questions.append(_question(f"{paper}#{number}", row, paper, numbers[paper]))
    if not questions:
        raise InputError(f"{path} holds no questions")
    return EvalSet("sciegqa", tuple(questions), folder / "documents", (path,), composed=composed)


def _pictures(folder: Path, category: str, paper: str) -> dict[int, Path]:
    """The pictures of a paper's pages by the number in their names, ascending."""
    for place in (folder / "Images" / category / paper, folder / category / paper):
        pictures = {int(file.stem.rpartition("_")[2]): file for file in place.glob(f"{paper}_*.png")}
        if pictures:
            return dict(sorted(pictures.items()))
    raise InputError(f"neither documents/{paper}.pdf nor pages of {paper}; {in_folder(_HOW_TO_GET, folder)}")


def _question(id: str, row: Mapping[str, Any], paper: str, numbers: Sequence[int] | None) -> EvalQuestion:
    """`numbers` are those of the pictures that make up the paper, where not all pages may be; None where it is whole."""
    boxes = []
    pages = []
    for number, drawn in zip(row["evidence_page"], row["rel_bbox"], strict=True):
        page = int(number) if numbers is None else numbers.index(number) + 1
        if page < 1:
            raise ValueError("pages are counted from 1")
        pages.append(page)
        boxes += [GoldBox(page, Box(*map(float, box)), _WHOLE) for box in _boxes(drawn)]
    evidence = tuple(sorted(set(pages)))
    types = dict.fromkeys(kind for some in row["subimg_type"] for kind in ([some] if isinstance(some, str) else some))
    slices = [("doc_type", str(row["category"])), *(("evidence_sources", kind) for kind in types)]
    slices.append(("gold_boxes", "one box" if len(boxes) == 1 else "several boxes"))
    return EvalQuestion(
        id=id,
        document=f"{paper}.pdf" if numbers is None else paper,
        question=row["query"],
        answer=str(row["answer"]),
        answer_format="Str",
        answerable=True,
        evidence_pages=evidence,
        gold_boxes=tuple(boxes),
        slices=(*slices, *pages_slice(evidence)),
        usable_for_pages=bool(evidence),
    )


def _boxes(drawn: Sequence[Any]) -> list[Sequence[float]]:
    """The boxes of a page, of which a single one may stand without a list around it."""
    return [drawn] if drawn and isinstance(drawn[0], int | float) else list(drawn)
