"""NanoBEIR: 13 sets of BEIR cut to about 50 queries and at most 10,000 texts each, as published on the Hugging Face Hub.

A folder with one set (`corpus/`, `queries/` and `qrels/`, each with *.parquet: zeta-alpha-ai/NanoSciFact), with several
such folders, or with all sets in one repository, named before their files (sentence-transformers/NanoBEIR-en:
`corpus/NanoSciFact-00000-of-00001.parquet`). Each set is searched by itself.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from svrag.errors import InputError
from svrag.evaluation import parquet
from svrag.evaluation.loading import in_folder, in_layout
from svrag.evaluation.question import EvalSet
from svrag.evaluation.text_sets import DEPTH, SET, Query, Text, TextSet, text_set

_HOW_TO_GET = (
    "hf download sentence-transformers/NanoBEIR-en --repo-type dataset --local-dir DIR, "
    "or one set: hf download zeta-alpha-ai/NanoSciFact --repo-type dataset --local-dir DIR"
)
_PARTS = ("corpus", "queries", "qrels")


def load(data: Path | None) -> EvalSet:
    """The sets in the folder `data`: "nanobeir/NanoSciFact" of one, else "nanobeir".

    Raises:
        InputError: no folder was named, no set is in it, files are missing or not in the layout.
    """
    if data is None:
        raise InputError(f"name the folder of the benchmark with --data DIR; {_HOW_TO_GET}")
    found = _sets(data)
    if not found:
        raise InputError(f"no corpus/*.parquet with queries and qrels in {data}; {in_folder(_HOW_TO_GET, data)}")
    several = len(found) > 1
    given, questions, notes, files = [], [], [], []
    for name, parts in found.items():
        made = _read(name, parts)
        if not made.questions:
            raise InputError(f"{name}: no query of {parts['queries'][0]} is judged in {parts['qrels'][0]}")
        given.append(made.document)
        notes += [f"{name}: {note}" for note in made.notes]
        files += [file for part in _PARTS for file in parts[part]]
        for question in made.questions:
            own = ((SET, name),) if several else ()
            id = f"{name}/{question.id}" if several else question.id
            questions.append(replace(question, id=id, slices=(*own, *question.slices)))
    name = "nanobeir" if several else f"nanobeir/{next(iter(found))}"
    return EvalSet(name, tuple(questions), data, tuple(files), tuple(notes), given=tuple(given), cutoff=DEPTH)


def _sets(data: Path) -> dict[str, dict[str, list[Path]]]:
    """By name, sorted, the files of each part."""
    sets: dict[str, dict[str, list[Path]]] = {}
    for folder in (data, *sorted(path for path in data.iterdir() if path.is_dir())) if data.is_dir() else ():
        for part in _PARTS:
            for path in sorted((folder / part).glob("*.parquet")):
                prefix = path.name.partition("-")[0].removesuffix(".parquet")
                name = folder.resolve().name if prefix == "train" else prefix
                sets.setdefault(name, {}).setdefault(part, []).append(path)
    return {name: parts for name, parts in sorted(sets.items()) if set(parts) == set(_PARTS)}


def _read(name: str, parts: dict[str, list[Path]]) -> TextSet:
    judgements: dict[str, dict[str, float]] = {}
    for row in parquet.rows(parts["qrels"], ("query-id", "corpus-id"), optional=("score",)):
        with in_layout(str(parts["qrels"][0]), "NanoBEIR"):
            judgements.setdefault(str(row["query-id"]), {})[str(row["corpus-id"])] = float(row.get("score", 1))
    corpus = parquet.rows(parts["corpus"], ("_id", "text"), optional=("title",))
    texts = (Text(str(row["_id"]), row.get("title") or "", row["text"] or "") for row in corpus)
    queries = [Query(str(row["_id"]), str(row["text"])) for row in parquet.rows(parts["queries"], ("_id", "text"))]
    with in_layout(str(parts["corpus"][0]), "NanoBEIR"):
        return text_set(name, texts, queries, judgements)
