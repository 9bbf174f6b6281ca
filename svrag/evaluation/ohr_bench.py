"""OHR-Bench: questions on pages whose texts are given, with the page of the evidence.

As published, a folder of it holds `qas_v2.json` and the texts in `retrieval_base/gt/<document>.json`. Instead,
`questions.json` and `pages.jsonl` may hold the same. Pages are 0-based in both and 1-based in what leaves this file.
The text of a page is Markdown with formulas and tables in LaTeX; its blocks between blank lines become elements.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from svrag.evaluation.given import GivenPage, Part, given_document
from svrag.evaluation.loading import first_of, in_layout, pages_slice, parsed, parsed_lines, parsed_questions
from svrag.evaluation.question import EvalQuestion, EvalSet, GivenDocument

_HOW_TO_GET = (
    "download data/qas_v2.json and the texts (data/retrieval_base/gt, in retrieval.zip) of "
    "huggingface.co/datasets/opendatalab/OHR-Bench as DIR/qas_v2.json and DIR/retrieval_base/gt"
)
_LAYOUT = "OHR-Bench"
_BETWEEN_BLOCKS = re.compile(r"\n[^\S\n]*\n\s*")
_MARKED_HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
_NUMBERED_HEADING = re.compile(r"(\d{1,2}(?:\.\d{1,2})+)\.?\s+[A-Z].{0,80}(?<![.;:,])")
_TABLE = re.compile(r"\\begin\{tabular\}|<table\b|\|.*\|\s*(?:\n|$)")


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file is missing (the message says where to get it) or not in the layout.
    """
    path = first_of(data, ("questions.json", "qas_v2.json"), _HOW_TO_GET)
    folder = path.parent
    rows = parsed_questions(path)
    files = [path]
    if path.name == "questions.json":
        files.append(first_of(folder, ("pages.jsonl",), _HOW_TO_GET))
        texts = _texts(files[1])
    else:
        with in_layout(str(path), _LAYOUT):
            names = dict.fromkeys(str(row["doc_name"]) for row in rows)
        texts = {name: _published_texts(folder, name) for name in names}
    counts: Counter[str] = Counter()
    questions = []
    for number, row in enumerate(rows, start=1):
        with in_layout(f"{path}: question {number}", _LAYOUT):
            one = _renamed(row) if "doc_name" in row else row
            counts[one["document"]] += 1
            questions.append(_question(one, f"{one['document']}#{counts[one['document']]}", texts))
    given = tuple(_document(name, texts[name]) for name in counts)
    return EvalSet("ohr_bench", tuple(questions), folder, tuple(files), given=given)


def _texts(path: Path) -> dict[str, dict[int, str]]:
    """By document the text of each page that is given, 1-based."""
    texts: dict[str, dict[int, str]] = {}
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", _LAYOUT):
            texts[row["document"]] = {int(page["page"]) + 1: str(page["text"]) for page in row["pages"]}
    return texts


def _published_texts(folder: Path, name: str) -> dict[int, str]:
    path = first_of(folder, (f"retrieval_base/gt/{name}.json",), _HOW_TO_GET)
    pages = parsed(path)
    with in_layout(str(path), _LAYOUT):
        return {int(page["page_idx"]) + 1: str(page["text"]) for page in pages}


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "document": row["doc_name"],
        "question": row["questions"],
        "answer": row["answers"],
        "answer_form": row["answer_form"],
        "evidence_source": row["evidence_source"],
        "evidence_page_0based": row["evidence_page_no"],
    }


def _question(row: Mapping[str, Any], id: str, texts: Mapping[str, Mapping[int, str]]) -> EvalQuestion:
    document, where = row["document"], row["evidence_page_0based"]
    pages = tuple(sorted({int(page) + 1 for page in (where if isinstance(where, list) else [where])}))
    if not pages or not set(pages) <= texts[document].keys():
        raise ValueError(f"no text of page {pages[0] - 1 if pages else None} of {document}")
    return EvalQuestion(
        id=id,
        document=document,
        question=row["question"],
        answer=str(row["answer"]),
        answer_format="Str",
        answerable=True,
        evidence_pages=pages,
        gold_boxes=(),
        slices=(
            ("doc_type", document.partition("/")[0]),
            ("evidence_sources", row["evidence_source"]),
            ("answer_form", row["answer_form"]),
            *pages_slice(pages),
        ),
        usable_for_pages=True,
    )


def _document(name: str, texts: Mapping[int, str]) -> GivenDocument:
    """A page without a text is an empty page, so that the others keep their numbers."""
    return given_document(name, [GivenPage(parts_of(texts.get(n, ""))) for n in range(1, max(texts) + 1)])


def parts_of(text: str) -> tuple[Part, ...]:
    """The blocks of a page between blank lines: headings, tables and formulas as such, all else as text."""
    return tuple(_part(block) for block in _BETWEEN_BLOCKS.split(text.strip()) if block)


def _part(block: str) -> Part:
    if marked := _MARKED_HEADING.fullmatch(block):
        return Part("section_header", marked[2], level=len(marked[1]))
    if numbered := _NUMBERED_HEADING.fullmatch(block):
        return Part("section_header", block, level=numbered[1].count(".") + 1)
    if _TABLE.match(block):
        return Part("table", block)
    if block.startswith("$$") and block.endswith("$$"):
        return Part("equation", block)
    return Part("text", block)
