from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from svrag.cli import main
from svrag.errors import InputError
from svrag.evaluation import pooling_curve as curve
from svrag.evaluation.result import EvalResult
from svrag.evaluation.result_json import from_json, to_json
from svrag.library.indexing import index_of
from svrag.library.store import Library
from svrag.library.tokens.identity import IndexSettings
from svrag.library.tokens.index import drop, indexes
from svrag.retrievers.multivector.loading import load_multivector
from svrag.search.encoding import encode
from svrag.search.engine import search
from tests.evaluation.files_made import write_lines
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.multivector.test_text import write_colbert

WORDS = ["kiln", "clay", "glaze", "blue", "wood", "ash", "salt", "wheel", "bowl", "fire", "cone", "slip"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("models")
    return str(write_colbert(folder / "colbert", write_encoder(folder / "base", seed=3)))


@pytest.fixture(scope="module")
def pots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pots")
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(WORDS, 14)) for _ in range(12)]
    write_lines(folder / "corpus.jsonl", [{"_id": f"d{i}", "text": text} for i, text in enumerate(texts)])
    asked = [{"_id": f"q{i}", "text": " ".join(texts[i].split()[:4])} for i in range(6)]
    write_lines(folder / "queries.jsonl", asked)
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(6)))
    return folder


@pytest.fixture(scope="module")
def measured(model: str, pots: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[EvalResult, Path]:
    library = tmp_path_factory.mktemp("curve") / "library"
    return curve.pooling_curve("beir", pots, retrievers=[model], library_folder=library), library


def test_a_row_for_each_factor_and_method(measured: tuple[EvalResult, Path], model: str) -> None:
    result, _ = measured
    assert [(row.pooling.method, row.pooling.factor) for row in result.rows if row.pooling] == [
        ("", 1),
        *((method, factor) for method in ("span", "hierarchical", "kmeans") for factor in (2, 3, 4, 5, 6)),
    ]
    assert (result.rows[0].retriever, result.rows[1].retriever) == (model, f"{model} span PF2")
    assert len({row.records[0].ranking.pages for row in result.rows}) > 1  # pooling changes what is found


@pytest.mark.parametrize(("method", "factor"), [("span", 1), ("span", 3), ("kmeans", 4)])
def test_rankings_are_those_of_a_library_indexed_so(
    measured: tuple[EvalResult, Path], model: str, method: str, factor: int
) -> None:
    result, folder = measured
    row = next(
        row
        for row in result.rows
        if row.pooling and row.pooling.factor == factor and row.pooling.method in ("", method)
    )
    with Library.open(folder) as library:
        settings = IndexSettings(pool_factor=factor, pool_method=method, units="pages")  # type: ignore[arg-type]
        encode(library, library.documents(), [model], encoder="", settings=settings)
        for record in row.records:
            found = search(library, record.question.question, k=12, retriever=model)
            assert [hit.page for hit in found.pages] == list(record.ranking.pages)
        drop(library, index_of(library, load_multivector(model), settings).identity.name)


def test_no_index_stays_behind(measured: tuple[EvalResult, Path]) -> None:
    with Library.open(measured[1]) as library:
        assert indexes(library) == []


def test_tables_and_points_tell_the_means(measured: tuple[EvalResult, Path], model: str) -> None:
    result, _ = measured
    means, losses = curve.curve_tables(result)
    assert means.header == ("ndcg@10", "PF1", "PF2", "PF3", "PF4", "PF5", "PF6")
    assert [row[0] for row in means.rows] == [f"{model} {method}" for method in ("span", "hierarchical", "kmeans")]
    first = result.rows[0].means()["ndcg@10"]
    fourth = next(row for row in result.rows if row.retriever.endswith("kmeans PF4")).means()["ndcg@10"]
    assert (means.rows[2][1], means.rows[2][4]) == (f"{first:.3f}", f"{fourth:.3f}")
    told = {row[0]: row[1:] for row in losses.rows}
    assert told[f"{model} kmeans PF4"][:2] == (f"{fourth / first:.1%}", f"{fourth - first:+.3f}")
    points = curve.curves(result)[f"{model} kmeans"]
    assert [factor for factor, _ in points] == [1, 2, 3, 4, 5, 6]
    assert points[3][1] == fourth
    assert curve.curve_tables(from_json(to_json(result))) == [means, losses]


def test_as_a_user_types_it(model: str, pots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out.json"
    arguments = ["eval", "beir", "--data", str(pots), "--retriever", model, "--pool-curve", "--limit", "2"]
    arguments += ["--json", str(out), "--report", str(tmp_path), "--resume", str(tmp_path / "run.jsonl")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "PF6" in printed
    assert "kept" in printed
    assert "Token vectors pooled" in (tmp_path / "report.html").read_text()
    assert json.loads(out.read_text())["rows"][1]["pooling"] == {"method": "span", "factor": 2}
    assert len((tmp_path / "run.jsonl").read_text().splitlines()) == 1 + 2 * 16
    assert main(arguments) == 0


def test_only_token_vectors_can_be_pooled(pots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="lexical has no token vectors to pool"):
        curve.pooling_curve("beir", pots, retrievers=["lexical"])
    arguments = ["eval", "beir", "--data", str(pots), "--retriever", "lexical", "--pool-curve", "--before", "dense"]
    assert main(arguments) == 1
    assert "--pool-curve measures pooling alone" in capsys.readouterr().err
