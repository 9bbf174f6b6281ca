"""BEIR's layout: a corpus of short texts, queries, and which texts answer which query.

A folder of it holds `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`, of LitSearch also
`query_set` and `specificity`) and the judgements `qrels/test.tsv` or `qrels.tsv` (query, text, relevance).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from svrag.errors import InputError
from svrag.evaluation.loading import first_of, in_folder, in_layout, parsed_lines
from svrag.evaluation.question import EvalSet
from svrag.evaluation.text_sets import DEPTH, Judgements, Query, Text, TextSet, text_set, told_slices

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
    name = folder.resolve().name
    made, files = read(folder, name)
    return EvalSet(f"beir/{name}", made.questions, folder, files, made.notes, given=(made.document,), cutoff=DEPTH)


def read(folder: Path, name: str) -> tuple[TextSet, tuple[Path, ...]]:
    """The set in `folder`, its document called `name`, and the files it was read from.

    Raises:
        InputError: a file is missing or a line of it not in the layout, or no query is judged.
    """
    corpus = first_of(folder, ("corpus.jsonl",), _HOW_TO_GET)
    queries = first_of(folder, ("queries.jsonl",), _HOW_TO_GET)
    qrels = first_of(folder, _QRELS, _HOW_TO_GET)
    made = text_set(name, _texts(corpus), _queries(queries), _judgements(qrels))
    if not made.questions:
        raise InputError(f"no query of {queries} is judged in {qrels}; {in_folder(_HOW_TO_GET, folder)}")
    return made, (corpus, queries, qrels)


def _texts(path: Path) -> Iterator[Text]:
    seen: set[str] = set()
    for line, row in parsed_lines(path):
        with in_layout(f"{path}: line {line}", _LAYOUT):
            one = Text(str(row["_id"]), str(row.get("title") or ""), str(row["text"]))
            if one.id in seen:
                raise ValueError(f"the _id {one.id!r} twice")
        seen.add(one.id)
        yield one
    if not seen:
        raise InputError(f"{path} is empty")


def _queries(path: Path) -> Iterator[Query]:
    for number, row in parsed_lines(path):
        with in_layout(f"{path}: line {number}", _LAYOUT):
            query = Query(str(row["_id"]), str(row["text"]), told_slices(row))
        yield query


def _judgements(path: Path) -> Judgements:
    judged: dict[str, dict[str, float]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or (number == 1 and line.startswith("query-id")):
            continue
        with in_layout(f"{path}: line {number}", _LAYOUT):
            query, text, score = line.split("\t")
            judged.setdefault(query, {})[text] = float(score)
    return judged
