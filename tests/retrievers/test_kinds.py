from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.retrievers.kinds import is_retriever_name, kind_of
from tests.retrievers.dense.checkpoints import write_encoder


def write(folder: Path, **files: object) -> str:
    folder.mkdir()
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return str(folder)


def test_names_that_say_it_themselves() -> None:
    assert kind_of("lexical") == "lexical"
    assert kind_of("dense") == "single"
    for name in ("InternVL2", "Phi", "element-graph#h_best_combo", "vllm:http://localhost:8000/model", "made/any"):
        assert kind_of(name) == "multi"
    for name in ("magic", "", "owner/model/more"):
        assert not is_retriever_name(name)


def test_folders_say_it_by_their_settings(tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "encoder")
    assert is_retriever_name(str(encoder))
    assert kind_of(str(encoder)) == "single"
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    colbert = write(
        tmp_path / "colbert",
        modules=modules,
        config={"model_type": "bert"},
        config_sentence_transformers={"model_type": "ColBERT"},
    )
    pages = write(tmp_path / "pages", modules=modules, config={"model_type": "qwen2_vl"})
    lora = write(tmp_path / "lora", modules=modules, adapter_config={"base_model_name_or_path": "vidore/base"})
    bare = write(tmp_path / "bare", config={"model_type": "bert"})
    assert [kind_of(folder) for folder in (colbert, pages, lora, bare)] == ["multi"] * 4


def test_what_is_nowhere_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(InputError, match="is not on this machine and the Hugging Face Hub cannot be reached"):
        kind_of("svrag-tests/not-on-this-machine")
