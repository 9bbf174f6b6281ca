"""LitSearch (arXiv 2407.18940): questions for papers, from inline citations and from authors, and papers to find.

As published on the Hugging Face Hub: `query/*.parquet` (`query_set`, `query`, `specificity`, `corpusids`) and
`corpus_clean/*.parquet` (`corpusid`, `title`, `abstract`); or in BEIR's layout with `query_set`, and `specificity` where
it is known, in `queries.jsonl`. Specificity 0 is of broad questions, that many papers answer, 1 of those for one or few.
"""

from __future__ import annotations

from pathlib import Path

from svrag.errors import InputError
from svrag.evaluation import beir, parquet
from svrag.evaluation.loading import in_folder, in_layout
from svrag.evaluation.question import EvalSet
from svrag.evaluation.text_sets import DEPTH, Query, Text, TextSet, text_set, told_slices

_HOW_TO_GET = (
    "hf download princeton-nlp/LitSearch --repo-type dataset --include 'query/*' 'corpus_clean/*' --local-dir DIR, "
    "or give a folder in BEIR's layout"
)
_NAME = "litsearch"


def load(data: Path | None) -> EvalSet:
    """The set in the folder `data`.

    Raises:
        InputError: no folder was named, files are missing or not in either layout.
    """
    if data is None:
        raise InputError(f"name the folder of the benchmark with --data DIR; {_HOW_TO_GET}")
    queries, corpus = sorted(data.glob("query/*.parquet")), sorted(data.glob("corpus_clean/*.parquet"))
    if queries and corpus:
        made = _published(queries, corpus)
        files: tuple[Path, ...] = (*queries, *corpus)
    elif (data / "corpus.jsonl").is_file():
        made, files = beir.read(data, _NAME)
    else:
        raise InputError(f"no query/*.parquet with corpus_clean/*.parquet in {data}; {in_folder(_HOW_TO_GET, data)}")
    if not made.questions:
        raise InputError(f"no query of {files[0]} has a paper in the corpus; {in_folder(_HOW_TO_GET, data)}")
    return EvalSet(_NAME, made.questions, data, files, made.notes, given=(made.document,), cutoff=DEPTH)


def _published(query_files: list[Path], corpus_files: list[Path]) -> TextSet:
    queries, judgements = [], {}
    columns = ("query_set", "query", "corpusids")
    for number, row in enumerate(parquet.rows(query_files, columns, optional=("specificity",))):
        with in_layout(f"{query_files[0].parent}: row {number + 1}", "LitSearch"):
            queries.append(Query(str(number), str(row["query"]), told_slices(row)))
            judgements[str(number)] = {str(paper): 1.0 for paper in row["corpusids"]}
    papers = parquet.rows(corpus_files, ("corpusid", "title", "abstract"))
    texts = (Text(str(row["corpusid"]), row["title"] or "", row["abstract"] or "") for row in papers)
    with in_layout(str(corpus_files[0].parent), "LitSearch"):
        return text_set(_NAME, texts, queries, judgements)
