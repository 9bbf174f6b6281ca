"""The element-graph project's own pools as a benchmark: its graphs, elements and questions, instead of documents read here.

A folder of the public data set (huggingface.co/datasets/ljh38/element-graph-v2.1) holds `spiqa-v2.1/test-A`,
`sciegqa-v2.1` and `mmdocir-v2.1`, each with `element_graph.json`, `elements.jsonl` and `qa.json` or `queries.jsonl`. A
question names its gold elements, so metrics compare ids, not boxes. Pages are one more than in the files, and the gold
pages are those of the gold elements. Pictures are not in the set: SPIQA's own folder has them, by paper and figure.

What is not as there: questions without a gold element are left out (there, none of them can be found, and each counts as
a perfect set), and what has no picture is read by its words (there it scores 0).
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from svrag import __version__
from svrag.documents.files import sha256_of
from svrag.errors import InputError
from svrag.evaluation.element_pool import Pool, encoded
from svrag.evaluation.loading import pages_slice
from svrag.evaluation.metrics import Gold
from svrag.evaluation.question import EvalQuestion
from svrag.retrievers.elements.exchanged import (
    VISUAL,
    ExchangedDocument,
    ExchangedQuestion,
    picture_of,
    read_documents,
    read_questions,
)

if TYPE_CHECKING:
    from svrag.retrievers.multivector.encoder import MultiVectorEncoder
    from svrag.retrievers.multivector.stored_pictures import PictureBytes, PictureFile

_GRAPHS, _ELEMENTS = "element_graph.json", "elements.jsonl"
_QUESTIONS = ("queries.jsonl", "qa.json")
_PLACES = {"spiqa": ("spiqa-v2.1/test-A", "test-A"), "sciegqa": ("sciegqa-v2.1",), "mmdocir": ("mmdocir-v2.1",)}
_PICTURES = "SPIQA_testA_Images"


@dataclass(frozen=True, slots=True)
class PublishedPools:
    """Attributes:
    documents: by name.
    pictures: of each document's elements, by document and element id.
    gold: of each question, by its id.
    files: graphs, elements and questions.
    """

    documents: Mapping[str, ExchangedDocument]
    pictures: Mapping[str, Mapping[str, PictureBytes | PictureFile]]
    questions: tuple[EvalQuestion, ...]
    gold: Mapping[str, Gold]
    files: tuple[Path, ...]
    notes: tuple[str, ...]

    def pool(self, document: str, encoder: MultiVectorEncoder) -> Pool:
        """The pool of a document, encoded.

        Raises:
            InputError: a picture cannot be read.
        """
        one = self.documents[document]
        elements = [one.records[node.id].element for node in one.graph.nodes if node.id in one.records]
        pictures = {id: picture.open for id, picture in self.pictures[document].items()}
        return encoded(elements, one.graph, pictures, encoder)

    def depends_on(self) -> dict[str, object]:
        """What every figure depends on: versions and data."""
        return {
            "svrag": __version__,
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "data": {path.name: sha256_of(path) for path in self.files},
            "documents": {
                "count": len({question.document for question in self.questions}),
                "pictures": sum(map(len, self.pictures.values())),
            },
        }


def published_folder(benchmark: str, data: Path | None) -> Path | None:
    """Where in the folder `data` the pools of `benchmark` are; None where it is no folder of such."""
    if data is None:
        return None
    folders = (data, *(data / place for place in _PLACES[benchmark]))
    return next((folder for folder in folders if (folder / _GRAPHS).is_file()), None)


def load_pools(folder: Path) -> PublishedPools:
    """The pools in a folder that `published_folder` found.

    Raises:
        InputError: files are missing or not in the layout, or no question has a gold element.
    """
    asked = next((folder / name for name in _QUESTIONS if (folder / name).is_file()), None)
    if asked is None or not (folder / _ELEMENTS).is_file():
        missing = _ELEMENTS if asked is not None else " or ".join(_QUESTIONS)
        raise InputError(f"{folder} has {_GRAPHS} but no {missing}: download the whole folder of the data set again")
    files = (folder / _GRAPHS, folder / _ELEMENTS, asked)
    documents = {one.graph.document_id: one for one in read_documents(files[0], files[1])}
    questions: list[EvalQuestion] = []
    gold: dict[str, Gold] = {}
    numbers: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for one in read_questions(asked):
        numbers[one.document] += 1
        if one.document not in documents:
            left_out["documents have no graph"] += 1
        elif not one.elements:
            left_out["gold elements are not told"] += 1
        else:
            question = _question(one, numbers[one.document], documents[one.document])
            questions.append(question)
            gold[question.id] = Gold(frozenset(question.evidence_pages), (), elements=frozenset(one.elements))
    if not questions:
        raise InputError(f"{asked} has no question with a gold element of a document in {files[0]}")
    wanted = {question.document for question in questions}
    pictures = {name: _pictures_of(documents[name], files[1]) for name in documents if name in wanted}
    notes = [f"{count} questions were left out: their {why}" for why, count in left_out.items()]
    return PublishedPools(
        documents,
        pictures,
        tuple(questions),
        gold,
        files,
        (*notes, *_without_pictures([documents[name] for name in pictures], pictures)),
    )


def _question(asked: ExchangedQuestion, number: int, document: ExchangedDocument) -> EvalQuestion:
    known = [document.records[id].element for id in asked.elements if id in document.records]
    pages = tuple(sorted({element.page for element in known if element.page}))
    types = [("gold_type", kind) for kind in dict.fromkeys(element.type for element in known)]
    category = [("category", asked.category)] if asked.category else []
    return EvalQuestion(
        id=f"{asked.document}#{number}",
        document=asked.document,
        question=asked.text,
        answer=asked.answer,
        answer_format="",
        answerable=True,
        evidence_pages=pages,
        gold_boxes=(),
        slices=(*types, *category, *pages_slice(pages)),
        usable_for_pages=bool(pages),
    )


def _pictures_of(document: ExchangedDocument, elements: Path) -> dict[str, PictureBytes | PictureFile]:
    """SPIQA's are in a folder of their own, beside the files or beside those of other parts of the set."""
    folder = next((p / _PICTURES for p in elements.parents[:3] if (p / _PICTURES).is_dir()), None)
    visual = [record for record in document.records.values() if record.element.type in VISUAL]
    found = {record.element.id: picture_of(record, elements, folder) for record in visual}
    return {id: picture for id, picture in found.items() if picture is not None}


def _without_pictures(
    documents: Sequence[ExchangedDocument], pictures: Mapping[str, Mapping[str, object]]
) -> list[str]:
    visual = sum(r.element.type in VISUAL for document in documents for r in document.records.values())
    missing = visual - sum(map(len, pictures.values()))
    if not missing:
        return []
    return [
        f"{missing} of {visual} figures, tables and equations have no picture here and are read by their words "
        f"(SPIQA's go to {_PICTURES}/PAPER/FIGURE beside the files); the published evaluation scores such 0"
    ]
