"""BEIR's layout: a corpus of short texts, queries, and which texts answer which query.

A folder of it holds `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and the judgements
`qrels/test.tsv` or `qrels.tsv` (query, text, relevance). The corpus becomes one document whose pages are the texts, so
that the search of users ranks them; a page's label is its `_id`. Page metrics then are the usual document metrics.
"""

from __future__ import annotations

from pathlib import Path

from svrag.errors import InputError
from svrag.evaluation.given import GivenPage, Part, given_document
from svrag.evaluation.loading import first_of, in_folder, in_layout, parsed_lines
from svrag.evaluation.question import EvalQuestion, EvalSet, GivenDocument

DEPTH = 100
_HOW_TO_GET = (
    "download a set in BEIR's layout, such as public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/scifact.zip, "
    "and unpack it as DIR (corpus.jsonl, queries.jsonl, qrels/test.tsv)"
)
_QRELS = ("qrels/test.tsv", "qrels.tsv")
_LAYOUT = "BEIR"


def load(data: Path | None) -> EvalSet:
    """The set in the folder `data`, named after the folder: "beir/scifact".

    The questions are the queries that have a relevant text.

    Raises:
        InputError: no folder was named, a file is missing or a line of it not in the layout.
    """
    corpus = first_of(data, ("corpus.jsonl",), _HOW_TO_GET)
    folder = corpus.parent
    queries = first_of(folder, ("queries.jsonl",), _HOW_TO_GET)
    qrels = first_of(folder, _QRELS, _HOW_TO_GET)
    name = folder.resolve().name
    document, pages = _document(name, corpus)
    relevant, unknown = _relevant(qrels, pages)
    questions = []
    for number, row in parsed_lines(queries):
        with in_layout(f"{queries}: line {number}", _LAYOUT):
            id, text = str(row["_id"]), str(row["text"])
        gold = relevant.pop(id, {})
        if gold:
            questions.append(_question(id, name, text, gold))
    if not questions:
        raise InputError(f"no query of {queries} is judged in {qrels}; {in_folder(_HOW_TO_GET, folder)}")
    notes = []
    if unknown:
        notes.append(f"{unknown} judgements are of texts that the corpus does not hold: left out")
    if relevant:
        notes.append(f"{len(relevant)} judged queries are not in {queries.name}: left out")
    files = (corpus, queries, qrels)
    return EvalSet(f"beir/{name}", tuple(questions), folder, files, tuple(notes), given=(document,), cutoff=DEPTH)


def _document(name: str, path: Path) -> tuple[GivenDocument, dict[str, int]]:
    """The corpus as a document, and the page (1-based) of each text."""
    pages: list[GivenPage] = []
    numbers: dict[str, int] = {}
    for line, row in parsed_lines(path):
        with in_layout(f"{path}: line {line}", _LAYOUT):
            id, title, text = str(row["_id"]), str(row.get("title") or ""), str(row["text"])
            if id in numbers:
                raise ValueError(f"the _id {id!r} twice")
        parts = [Part("section_header", title, level=1)] if title.strip() else []
        parts += [Part("text", text)] if text.strip() else []
        pages.append(GivenPage(tuple(parts), label=id))
        numbers[id] = len(pages)
    if not pages:
        raise InputError(f"{path} is empty")
    return given_document(name, pages, unrelated_pages=True), numbers


def _relevant(path: Path, pages: dict[str, int]) -> tuple[dict[str, dict[int, float]], int]:
    """By query the gain of each relevant page; and how many judgements are of texts that are not there."""
    relevant: dict[str, dict[int, float]] = {}
    unknown = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or (number == 1 and line.startswith("query-id")):
            continue
        with in_layout(f"{path}: line {number}", _LAYOUT):
            query, text, score = line.split("\t")
            gain = float(score)
        if gain <= 0:
            continue
        if text in pages:
            relevant.setdefault(query, {})[pages[text]] = gain
        else:
            unknown += 1
    return relevant, unknown


def _question(id: str, document: str, text: str, gold: dict[int, float]) -> EvalQuestion:
    numbers = tuple(sorted(gold))
    return EvalQuestion(
        id=id,
        document=document,
        question=text,
        answer="",
        answer_format="",
        answerable=True,
        evidence_pages=numbers,
        gold_boxes=(),
        slices=(("relevant", "one text" if len(numbers) == 1 else "several texts"),),
        usable_for_pages=True,
        gains=tuple(gold[number] for number in numbers),
    )
