"""Every text retriever by its name, from a PDF to the answer, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.cli import main
from tests.documents_made import LINES, write_paper
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.dense.fake_embeddings import fake_embeddings
from tests.retrievers.dense.networks import write_dpr, write_qwen, write_specter2, write_splade

pytest.importorskip("sentence_transformers")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What to name on the command line, by kind."""
    folder = tmp_path_factory.mktemp("models")
    write_dpr(folder / "dpr" / "question_encoder", "question")
    write_dpr(folder / "dpr" / "ctx_encoder", "ctx", seed=1)
    return {
        "sentence-transformers": str(write_encoder(folder / "encoder")),
        "dpr": f"dpr:{folder / 'dpr'}",
        "specter2": f"specter2:{write_specter2(folder / 'specter2')}",
        "splade": f"splade:{write_splade(folder / 'splade')}",
        "qwen": f"qwen2.5-embedding:{write_qwen(folder / 'qwen')}",
    }


@pytest.mark.parametrize("kind", ["sentence-transformers", "dpr", "specter2", "splade", "qwen", "openai", "all"])
def test_from_a_pdf_to_an_answer(
    kind: str,
    models: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = {**models, "openai": f"openai:{tmp_path.name}"}
    retriever = ",".join(["lexical", *(named.values() if kind == "all" else [named[kind]])])
    options = ["--library", str(tmp_path / "library"), "--retriever", retriever]
    first, second = (write_paper(tmp_path / f"{name}.pdf", LINES[start:]) for start, name in enumerate("ab"))
    with fake_embeddings() as server:
        monkeypatch.setenv("SVRAG_EMBEDDINGS_BASE_URL", server.base_url)
        assert main(["add", str(first), "--workers", "1", *options[:2]]) == 0
        capsys.readouterr()
        assert main(["add", str(first), str(second), "--workers", "1", *options]) == 0
        told = capsys.readouterr().out.replace("\n", " ")
        models_named = [name for name in retriever.split(",") if name != "lexical"]
        assert told.count("vectors of 2 documents made") == len(models_named), "of the one that was known, too"
        assert main(["add", str(first), "--workers", "1", *options]) == 0
        assert "vectors" not in capsys.readouterr().out
        assert main(["search", "kiln fired hours", "--json", *options]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["retriever"] == retriever
        assert found["hits"][0]["document"] == "a.pdf"
        assert len({hit["element_id"] for hit in found["hits"]}) == len(found["hits"])
        assert main(["ask", "How many hours was the kiln fired?", "--json", *options]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert "nine hours" in answer["answer"]
        assert main(["remove", "a.pdf", "--library", str(tmp_path / "library")]) == 0
        capsys.readouterr()
        asked = len(server.requests)
        assert main(["search", "kiln fired hours", "--json", *options]) == 0
        left = json.loads(capsys.readouterr().out)
        assert {hit["document"] for hit in left["hits"]} == {"b.pdf"}, "a removed document is found no more"
        sent = {text for request in server.requests[asked:] for text in request["input"]}
        assert sent <= {"dimension", "kiln fired hours"}, "documents that were encoded are not encoded again"


@pytest.mark.parametrize("kind", ["dpr", "splade"])
def test_measured_on_the_same_questions(
    kind: str, models: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = [{"_id": str(n), "title": "Pottery", "text": line} for n, line in enumerate(LINES)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "salt in the chamber"}))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\t2\t1\n")
    out = tmp_path / "result.json"
    command = ["eval", "beir", "--data", str(tmp_path), "--library", str(tmp_path / "library"), "--json", str(out)]
    assert main([*command, "--retriever", "lexical", "--retriever", f"lexical,{models[kind]}"]) == 0
    result = json.loads(out.read_text())
    assert [row["retriever"] for row in result["rows"]] == ["lexical", f"lexical,{models[kind]}"]
    assert list(result["settings"]["encoders"]) == [models[kind]]
    assert "lexical" in capsys.readouterr().out
