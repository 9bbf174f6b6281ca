"""Mining and scoring through the command line: what comes out is training data, and stopped work goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from svrag.cli import main
from svrag.training.config import ListData, PairData
from svrag.training.data.files import examples_of
from svrag.training.mining import mine as mining
from svrag.training.mining.mine import Mining, negatives
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.dense.networks import write_splade
from tests.training.models.families import FAMILIES, QUESTIONS, TEXTS

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"query": q, "document": d}) + "\n" for q, d in zip(QUESTIONS, TEXTS, strict=True))
    )
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def failed(arguments: list[Any], capsys: Capture) -> str:
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    return said


def done(*arguments: Any) -> None:
    assert main([str(argument) for argument in arguments]) == 0


@given(
    scores=st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=30),
    first=st.integers(1, 5),
    more=st.integers(0, 9),
    count=st.integers(1, 6),
    margin=st.none() | st.floats(0, 2),
    most=st.none() | st.floats(-2, 4),
)
def test_negatives_are_the_best_at_their_ranks_that_are_no_answers(
    scores: list[float], first: int, more: int, count: int, margin: float | None, most: float | None
) -> None:
    values = np.array(scores, dtype=np.float32)
    settings = Mining("x", "x", first, first + more, count, margin, most)
    found = negatives(values, [0, 2], settings)
    others = sorted((i for i in range(len(scores)) if i not in (0, 2)), key=lambda i: -values[i])
    looked_at = others[first - 1 : first + more]
    bound = min(np.inf if most is None else most, np.inf if margin is None else max(values[0], values[2]) - margin)
    left = [i for i in looked_at if values[i] <= bound]
    assert found == left[:count]


@pytest.fixture(scope="module")
def retrievers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("retrievers")
    return {
        "single": write_encoder(made / "single"),
        "multi": FAMILIES["text"](made),
        "sparse": write_splade(made / "sparse"),
    }


@pytest.mark.parametrize("kind", ["lexical", "single", "multi", "sparse"])
def test_any_retriever_mines_rows_that_train(
    kind: str, retrievers: dict[str, Path], rows: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mined.jsonl"
    done("train", "mine", rows, out, "--retriever", retrievers.get(kind, kind), "--count", 2)
    assert [row["row"] for row in read(out)] == [0, 1, 2, 3]
    for row, question, answer in zip(read(out), QUESTIONS, TEXTS, strict=True):
        assert (row["query"], row["document"]) == (question, [answer])
        assert len(row["negatives"]) == len(set(row["negatives"])) == 2
        assert answer not in row["negatives"]
        assert row["scores"] == sorted(row["scores"], reverse=True)
    examples = examples_of(PairData(kind="pairs", path=out))
    assert [example.relevance for example in examples] == [(1.0, 0.0, 0.0)] * 4


def test_terms_rank_as_their_products_do(retrievers: dict[str, Path], rows: Path, tmp_path: Path) -> None:
    from svrag.retrievers.sparse.encoder import load_sparse

    out = tmp_path / "mined.jsonl"
    done("train", "mine", rows, out, "--retriever", f"splade:{retrievers['sparse']}", "--count", 3)
    model = load_sparse(str(retrievers["sparse"]))
    weights = [dict(zip(text.ids.tolist(), text.weights.tolist(), strict=True)) for text in model.passages(TEXTS)]
    for row, asked, answer in zip(read(out), model.questions(QUESTIONS), TEXTS, strict=True):
        of_question = dict(zip(asked.ids.tolist(), asked.weights.tolist(), strict=True))
        products = {
            text: sum(weight * own.get(term, 0.0) for term, weight in of_question.items())
            for text, own in zip(TEXTS, weights, strict=True)
        }
        others = sorted((text for text in TEXTS if text != answer), key=lambda text: -products[text])
        assert row["negatives"] == others
        assert row["scores"] == pytest.approx([products[text] for text in others], rel=1e-5)


def test_words_that_a_document_shares_with_the_question_make_it_a_negative(tmp_path: Path) -> None:
    rows, corpus = tmp_path / "rows.jsonl", tmp_path / "corpus.jsonl"
    rows.write_text(json.dumps({"title": "glaze of bowls", "abstract": "how bowls were glazed"}) + "\n")
    texts = ["nothing of that", "bowls in use", "glaze and bowls", "how bowls were glazed"]
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    out = tmp_path / "mined.jsonl"
    done(
        *("train", "mine", rows, out, "--query", "title", "--document", "abstract", "--corpus", corpus),
        *("--corpus-document", "text", "--count", 2),
    )
    assert read(out)[0]["negatives"] == ["glaze and bowls", "bowls in use"]


def test_answers_of_the_same_question_in_other_rows_are_no_negatives(tmp_path: Path) -> None:
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text(
        "".join(
            json.dumps({"query": q, "document": d}) + "\n"
            for q, d in [("a b", "a b c"), ("a b", "a b d"), ("e", "a e")]
        )
    )
    done("train", "mine", rows, out)
    assert [row["negatives"] for row in read(out)] == [["a e"], ["a e"], ["a b c", "a b d"]]


def test_work_that_was_stopped_goes_on_and_parquet_is_written_at_the_end(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    whole = tmp_path / "whole.jsonl"
    done("train", "mine", rows, whole)
    monkeypatch.setattr(mining, "_AT_ONCE", 1)
    out = tmp_path / "parts.parquet"
    add, asked = mining.Journal.add, []

    def once(self: Any, made: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(made)
        add(self, made)

    monkeypatch.setattr(mining.Journal, "add", once)
    assert main(["train", "mine", str(rows), str(out)]) == 130
    journal = out.with_suffix(".jsonl")
    with journal.open("a") as file:
        file.write('{"row": 3, "que')  # what a crash leaves behind
    assert not out.exists()

    def counted(self: Any, made: Any) -> None:
        asked.append(made)
        add(self, made)

    monkeypatch.setattr(mining.Journal, "add", counted)
    done("train", "mine", rows, out)
    assert len(asked) == 4  # no row twice
    assert read(journal) == read(whole)
    again = list(examples_of(PairData(kind="pairs", path=out)))
    assert again == list(examples_of(PairData(kind="pairs", path=whole)))
    assert "made with count = 5, now it is 2" in failed(["train", "mine", rows, out, "--count", 2], capsys)


def test_columns_that_are_kept_make_batches_by_topic(tmp_path: Path, capsys: Capture) -> None:
    rows, out = tmp_path / "topics.jsonl", tmp_path / "mined.parquet"
    asked = [*zip(QUESTIONS, TEXTS, strict=True), (None, "answers nothing")]
    made = [
        {"topic": ["hep", "bio"][i % 2], "year": 2000 + i, "query": q, "document": d, "more": [i]}
        for i, (q, d) in enumerate(asked)
    ]
    rows.write_text("".join(json.dumps(row) + "\n" for row in [made[-1], *made[:-1]]))
    done("train", "mine", rows, out, "--count", 2, "--keep", "topic", "--keep", "year")
    mined = examples_of(PairData(kind="pairs", path=out))
    assert mined.values("topic") == [row["topic"] for row in made[:-1]]
    assert mined.values("year") == [row["year"] for row in made[:-1]]
    assert [len(example.documents) for example in mined] == [3] * len(QUESTIONS)
    assert "made with keep = topic, year, now it is topic" in failed(
        ["train", "mine", rows, out, "--keep", "topic"], capsys
    )
    new = tmp_path / "new.jsonl"
    assert "no column place" in failed(["train", "mine", rows, new, "--keep", "place"], capsys)
    assert "mining writes a column of that name" in failed(["train", "mine", rows, new, "--keep", "query"], capsys)
    assert "cannot keep more: '[0]' is no text and no number" in failed(
        ["train", "mine", rows, new, "--keep", "more"], capsys
    )
    assert not new.exists()


def test_mistakes_are_one_line(rows: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out.jsonl"
    assert "there is no" in failed(["train", "mine", tmp_path / "none.jsonl", out], capsys)
    assert "has no column title; it has query, document" in failed(
        ["train", "mine", rows, out, "--query", "title"], capsys
    )
    assert "write --ranks 1-50" in failed(["train", "mine", rows, out, "--ranks", "ten"], capsys)
    assert "ranks 9-3" in failed(["train", "mine", rows, out, "--ranks", "9-3"], capsys)
    assert "name the file to write so" in failed(["train", "mine", rows, tmp_path / "out.csv"], capsys)
    encoder = write_encoder(tmp_path / "encoder")
    assert "is no cross-encoder (BertModel)" in failed(["train", "score", rows, out, "--model", encoder], capsys)
    done("train", "mine", rows, out)  # what failed before has left nothing behind
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    assert "not other.settings.json" in failed(["train", "mine", rows, other], capsys)


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    from transformers import BertConfig, BertForSequenceClassification

    folder = write_encoder(tmp_path / "teacher", longest=48)
    torch.manual_seed(0)
    config = BertConfig.from_pretrained(folder, num_labels=1)
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (folder / name).unlink()
    return folder


def test_a_cross_encoder_scores_rows_that_distil(rows: Path, teacher: Path, tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    mined, out = tmp_path / "mined.jsonl", tmp_path / "scored.parquet"
    done("train", "mine", rows, mined, "--count", 2)
    done("train", "score", mined, out, "--model", teacher)
    examples = examples_of(ListData(kind="lists", path=out))
    model = CrossEncoder(str(teacher))
    for example, row in zip(examples, read(mined), strict=True):
        assert [item.text for item in example.documents] == [*row["document"], *row["negatives"]]
        expected = model.predict([(row["query"], item.text) for item in example.documents], show_progress_bar=False)
        assert example.relevance == pytest.approx(expected.tolist(), abs=1e-5)
    journal = out.with_suffix(".jsonl")
    before = journal.read_text()
    done("train", "score", mined, out, "--model", teacher)
    assert journal.read_text() == before


def test_recipes_are_trained_as_before(capsys: Capture) -> None:
    assert "no recipe mined" in failed(["train", "mined"], capsys)
    assert "no recipe nothing" in failed(["--library", "train", "train", "nothing"], capsys)
