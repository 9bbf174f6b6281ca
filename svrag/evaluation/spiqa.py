"""SPIQA, test A: which figure or table of a paper answers a question.

A folder of it holds `SPIQA_testA.json` (paper -> figures with captions, questions with the figure they refer to) and
the pictures in `SPIQA_testA_Images/<paper>/`. A paper becomes a document with one page for each of its figures and
tables, the candidates; what is known of them is the caption. The gold box is the whole picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from svrag.documents.labels import caption_label
from svrag.documents.model import Box, ElementType
from svrag.errors import InputError
from svrag.evaluation.composed import page_size
from svrag.evaluation.given import GivenPage, Part, given_document
from svrag.evaluation.loading import first_of, in_folder, in_layout, parsed
from svrag.evaluation.question import EvalQuestion, EvalSet, GivenDocument, GoldBox

_HOW_TO_GET = (
    "download test-A/SPIQA_testA.json of huggingface.co/datasets/google/spiqa into DIR and unpack its "
    "test-A/SPIQA_testA_Images.zip there, as DIR/SPIQA_testA_Images"
)
_IMAGES = "SPIQA_testA_Images"
_TYPES: dict[str, ElementType] = {"figure": "figure", "table": "table"}


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file or picture is missing (the message says where to get it), or a paper
            is not in the layout.
    """
    path = first_of(data, ("SPIQA_testA.json", "test-A/SPIQA_testA.json"), _HOW_TO_GET)
    papers = parsed(path)
    if not isinstance(papers, dict) or not papers:
        raise InputError(f"{path} is not an object of papers")
    questions: list[EvalQuestion] = []
    given: list[GivenDocument] = []
    missing: list[Path] = []
    for paper, row in papers.items():
        with in_layout(f"{path}: paper {paper}", "SPIQA"):
            pictures = {name: path.parent / _IMAGES / paper / name for name in row["all_figures"]}
            away = [picture for picture in pictures.values() if not picture.is_file()]
            if away:
                missing += away
                continue
            document = _document(paper, row, pictures)
            given.append(document)
            questions += _questions(paper, row, list(pictures), document)
    if missing:
        how = in_folder(_HOW_TO_GET, path.parent)
        raise InputError(f"{len(missing)} pictures are missing ({missing[0]}, ...); {how}")
    note = "a figure is found by its caption alone: the words in the pictures are not read"
    return EvalSet("spiqa", tuple(questions), path.parent / _IMAGES, (path,), (note,), given=tuple(given))


def _document(paper: str, row: Mapping[str, Any], pictures: Mapping[str, Path]) -> GivenDocument:
    pages = []
    for name, picture in pictures.items():
        figure = row["all_figures"][name]
        caption = str(figure["caption"])
        label = caption_label(caption, surely_caption=True)
        part = Part(_TYPES[figure["content_type"]], "", label=label, caption=caption)
        pages.append(GivenPage((part,), label=name, size=page_size(picture)))
    return given_document(paper, pages, pictures=list(pictures.values()), unrelated_pages=True)


def _questions(paper: str, row: Mapping[str, Any], names: list[str], given: GivenDocument) -> list[EvalQuestion]:
    questions = []
    for n, asked in enumerate(row["qa"], start=1):
        name = asked["reference"]
        number = names.index(name) + 1
        page = given.document.pages[number - 1]
        figure = row["all_figures"][name]
        slices = [("content_type", figure["content_type"])]
        if figure.get("figure_type"):
            slices.append(("figure_type", str(figure["figure_type"]).strip("* ").lower()))
        questions.append(
            EvalQuestion(
                id=f"{paper}#{n}",
                document=paper,
                question=asked["question"],
                answer=str(asked["answer"]),
                answer_format="Str",
                answerable=True,
                evidence_pages=(number,),
                gold_boxes=(GoldBox(number, Box(0, 0, page.width, page.height), (page.width, page.height)),),
                slices=tuple(slices),
                usable_for_pages=True,
            )
        )
    return questions
