"""FinanceBench: questions on the annual and quarterly reports of companies, with the pages of the evidence.

As published, a folder of it holds `data/financebench_open_source.jsonl`, `data/financebench_document_information.jsonl`
and the reports in `pdfs/`. Instead, `questions.json` may hold questions with `evidence_pages_0based`, and `documents/`
the reports. Pages are 0-based in both and 1-based in what leaves this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.evaluation.loading import first_of, in_folder, in_layout, pages_slice, parsed_lines, parsed_questions
from svrag.evaluation.question import EvalQuestion, EvalSet

_HOW_TO_GET = "download data and pdfs of github.com/patronus-ai/financebench as DIR/data and DIR/pdfs"
_PUBLISHED = "data/financebench_open_source.jsonl"
_REPORTS = "data/financebench_document_information.jsonl"
_LAYOUT = "FinanceBench"


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file is missing (the message says where to get it) or not in the layout.
    """
    path = first_of(data, (_PUBLISHED, "questions.json"), _HOW_TO_GET)
    if path.name == "questions.json":
        folder, documents, files = path.parent, path.parent / "documents", [path]
        questions = _checked(path)
    else:
        folder, documents, files = path.parents[1], path.parents[1] / "pdfs", [path]
        reports: dict[str, Mapping[str, Any]] = {}
        if (folder / _REPORTS).is_file():
            files.append(folder / _REPORTS)
            reports = _reports(folder / _REPORTS)
        questions = _published(path, reports)
    missing = sorted({one.document for one in questions if not (documents / one.document).is_file()})
    if missing:
        how = in_folder(_HOW_TO_GET, folder)
        raise InputError(f"{documents} lacks {len(missing)} reports ({missing[0]}, ...); {how}")
    return EvalSet("financebench", tuple(questions), documents, tuple(files))


def _reports(path: Path) -> dict[str, Mapping[str, Any]]:
    reports: dict[str, Mapping[str, Any]] = {}
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", _LAYOUT):
            reports[str(row["doc_name"])] = {"doc_type": row["doc_type"], "sector": row["gics_sector"]}
    return reports


def _published(path: Path, reports: Mapping[str, Mapping[str, Any]]) -> list[EvalQuestion]:
    questions = []
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", _LAYOUT):
            name = row["doc_name"]
            # A piece of evidence may name another report, whose pages are not this one's.
            pages = {
                int(evidence["evidence_page_num"]) + 1
                for evidence in row["evidence"]
                if evidence.get("doc_name", name) == name
            }
            facts = {"question_type": row["question_type"], "reasoning": row.get("question_reasoning")}
            questions.append(_question(row["financebench_id"], name, row, pages, {**facts, **reports.get(name, {})}))
    return questions


def _checked(path: Path) -> list[EvalQuestion]:
    rows = parsed_questions(path)
    questions = []
    for number, row in enumerate(rows, start=1):
        with in_layout(f"{path}: question {number}", _LAYOUT):
            pages = {int(page) + 1 for page in row["evidence_pages_0based"]}
            questions.append(_question(row["id"], row["doc"], row, pages, {"question_type": row["type"]}))
    return questions


def _question(
    id: str, report: str, row: Mapping[str, Any], pages: set[int], facts: Mapping[str, str | None]
) -> EvalQuestion:
    evidence = tuple(sorted(pages))
    return EvalQuestion(
        id=id,
        document=f"{report}.pdf",
        question=row["question"],
        answer=str(row["answer"]),
        answer_format="Str",
        answerable=True,
        evidence_pages=evidence,
        gold_boxes=(),
        slices=(*((name, value) for name, value in facts.items() if value), *pages_slice(evidence)),
        usable_for_pages=bool(evidence),
    )
