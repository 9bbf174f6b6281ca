"""MMDocIR's evaluation set: pages and boxes of evidence in long documents.

A folder of it holds `MMDocIR_annotations.jsonl`, one document a line with its questions, and the PDFs in `documents/`.
Pages (`page_id`, `layout_mapping`) are 0-based there and 1-based in what leaves this file. Only the questions of
documents that are there are asked, and a note says how many are not.
"""

from __future__ import annotations

from pathlib import Path

from svrag.errors import InputError
from svrag.evaluation.loading import first_of, in_folder, in_layout, parsed_lines
from svrag.evaluation.mmlongbench import as_list, gold_box, slices_of
from svrag.evaluation.question import EvalQuestion, EvalSet

_HOW_TO_GET = (
    "download MMDocIR_annotations.jsonl of huggingface.co/datasets/MMDocIR/MMDocIR_Evaluation_Dataset into DIR, "
    "and unpack its doc_miscellaneous/doc_pdfs.rar into DIR/documents"
)


def load(data: Path | None) -> EvalSet:
    """The benchmark in the folder `data`.

    Raises:
        InputError: no folder was named, a file or every document is missing, or a line is not as published.
    """
    path = first_of(data, ("MMDocIR_annotations.jsonl", "mmdocir_annotations.jsonl"), _HOW_TO_GET)
    documents = path.parent / "documents"
    questions: list[EvalQuestion] = []
    missing: list[str] = []
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", "MMDocIR"):
            name, domain = str(row["doc_name"]), str(row["domain"])
            file = name if name.endswith(".pdf") else f"{name}.pdf"
            found = []
            for n, annotation in enumerate(row["questions"], start=1):
                pages = tuple(sorted({int(page) + 1 for page in annotation["page_id"]}))
                found.append(
                    EvalQuestion(
                        id=f"{name}#{n}",
                        document=file,
                        question=annotation["Q"],
                        answer=str(annotation["A"]),
                        answer_format="Str",
                        answerable=True,
                        evidence_pages=pages,
                        gold_boxes=tuple(gold_box(place) for place in annotation["layout_mapping"]),
                        slices=slices_of(domain, as_list(annotation["type"]), "", pages),
                        usable_for_pages=bool(pages),
                    )
                )
        if (documents / file).is_file():
            questions += found
        else:
            missing.append(file)
    if not questions:
        raise InputError(
            f"none of the {len(missing)} documents is in {documents}; {in_folder(_HOW_TO_GET, path.parent)}"
        )
    notes = []
    if missing:
        notes.append(f"{len(missing)} documents are not in {documents}, nor asked about: {missing[0]}, ...")
    return EvalSet("mmdocir", tuple(questions), documents, (path,), tuple(notes))
