from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from svrag.errors import InputError
from svrag.retrievers.multivector.hub import _NOT_NEEDED, Checkpoint, file_of, locate
from svrag.retrievers.multivector.loading import ALIASES, family_of, is_model_name, load_multivector
from tests.retrievers.dense.checkpoints import write_encoder


def write(folder: Path, **files: Any) -> Checkpoint:
    """A checkpoint of settings alone; `config` becomes config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return Checkpoint(str(folder), folder, "")


def test_what_can_name_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("dense", "mine"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "mine", config={})
    monkeypatch.chdir(tmp_path)
    for name in (
        *ALIASES,
        "vidore/colqwen2-v1.0",
        str(tmp_path),
        "mine",
        "./dense/",
        "vllm:http://localhost:8000/a/b",
    ):
        assert is_model_name(name)
    for name in ("lexical", "dense", "lexical,dense", "hybrid", "", "no such folder/at all/here", "a//b", "-x/y"):
        assert not is_model_name(name)


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "paligemma", "architectures": ["ColPali"]}, "ColPali"),
        ({"model_type": "qwen2_vl", "architectures": ["ColQwen2"]}, "ColQwen2"),
        ({"model_type": "qwen2_5_vl", "architectures": ["ColQwen2_5"]}, "ColQwen2_5"),
        ({"model_type": "qwen3_vl", "architectures": ["ColQwen3"]}, "ColQwen3"),
        ({"model_type": "qwen3_5", "architectures": ["ColQwen3_5"]}, "ColQwen3_5"),
        ({"model_type": "gemma3", "architectures": ["ColGemma3"]}, "ColGemma3"),
        ({"model_type": "idefics3", "architectures": ["ColIdefics3"]}, "ColIdefics3"),
        ({"model_type": "modernvbert", "architectures": ["ColModernVBert"]}, "ColModernVBert"),
        ({"model_type": "internvl_chat", "architectures": ["InternVLChatModel"]}, "ColInternVL2"),
        ({"model_type": "phi3_v", "architectures": ["Phi3VForCausalLM"]}, "ColPhi3V"),
        ({"model_type": "bert", "architectures": ["HF_ColBERT"]}, "text"),
    ],
)
def test_families_are_known_by_their_settings_and_adapters_by_their_base(
    config: dict[str, Any], family: str, tmp_path: Path
) -> None:
    base = write(tmp_path / "base", config=config)
    assert family_of(base) == family
    adapter = write(tmp_path / "adapter", adapter_config={"base_model_name_or_path": str(base.folder)})
    assert family_of(adapter) == family


def test_text_models_of_sentence_transformers_and_pylate(tmp_path: Path) -> None:
    bert = {"model_type": "bert", "architectures": ["BertModel"]}
    for i, settings in enumerate(
        ({"model_type": "MultiVectorEncoder"}, {"model_type": "ColBERT"}, {"query_prefix": "[Q]"})
    ):
        made = write(tmp_path / str(i), config=bert, config_sentence_transformers=settings)
        assert family_of(made) == "text"


def test_the_published_adapters_need_no_look_at_their_base(tmp_path: Path) -> None:
    """The base is some gigabytes, and its folder was that of the machine it was trained on."""
    write(tmp_path, adapter_config={"base_model_name_or_path": "/home/somebody/models/InternVL2-4B"})
    assert family_of(Checkpoint(ALIASES["InternVL2"], tmp_path, "")) == "ColInternVL2"
    assert family_of(Checkpoint(ALIASES["Phi"], tmp_path, "")) == "ColPhi3V"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "is LlamaForCausalLM, no multi-vector model"),
        ({"model_type": "qwen2_vl", "architectures": ["BiQwen2"]}, "is BiQwen2"),
        (
            {"model_type": "colqwen2", "architectures": ["ColQwen2ForRetrieval"]},
            "supported are ColPali, .*ColInternVL2",
        ),
        ({"model_type": "mamba"}, "is mamba"),
        ({}, "it has no config.json"),
    ],
)
def test_what_is_not_supported(config: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        load_multivector(str(write(tmp_path, config=config).folder))


def test_a_dense_encoder_is_sent_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one vector per text goes to --encoder"):
        load_multivector(str(write_encoder(tmp_path / "dense")))


def test_broken_settings(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        load_multivector(str(tmp_path))
    (tmp_path / "config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match="does not hold a model's settings"):
        load_multivector(str(tmp_path))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    made = write(tmp_path, config={"model_type": "idefics3", "architectures": ["ColIdefics3"]})
    with pytest.raises(InputError, match=r"cannot load \S+: "):
        load_multivector(made.name)
    with pytest.raises(InputError, match="there is no such folder"):
        load_multivector(str(tmp_path / "nowhere"))


@pytest.fixture
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A model of the Hub on this machine, its weights in two files; the folder of its snapshot."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = tmp_path / "models--owner--model"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("c0ffee")
    snapshot = model / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    write(
        snapshot,
        config={"model_type": "idefics3"},
        **{"model.safetensors.index": {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}},
    )
    (snapshot / "1.safetensors").touch()
    (snapshot / "2.safetensors").touch()
    return snapshot


def test_what_is_on_this_machine_is_used(hub_cache: Path, no_network: None) -> None:
    found = locate("owner/model")
    assert (found.name, found.folder, found.revision) == ("owner/model", hub_cache, "c0ffee")


def repository(*files: str) -> SimpleNamespace:
    return SimpleNamespace(siblings=[SimpleNamespace(rfilename=file) for file in files])


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_older_weights_are_downloaded_only_where_there_are_no_others(
    weights: str, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    (hub_cache / "2.safetensors").unlink()
    ignored: list[str] = []

    def download(name: str, *, revision: str | None, ignore_patterns: list[str], **_: object) -> str:
        ignored.extend(ignore_patterns)
        return str(hub_cache)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: repository("config.json", weights))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    locate("owner/model")
    assert "*.onnx*" in ignored
    assert ("pytorch_model*.bin" in ignored) == (weights == "model.safetensors")


def test_a_download_that_was_broken_off_goes_on(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    (hub_cache / "2.safetensors").unlink()
    asked: list[str] = []

    def download(name: str, **_: object) -> str:
        asked.append(name)
        return str(hub_cache)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: repository("model.safetensors"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert locate("owner/model").revision == "c0ffee"
    assert asked == ["owner/model"]

    def broken(*_: object, **__: object) -> None:
        raise ConnectionError("cut off\nin the middle")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(InputError, match=r"^cannot download owner/model: cut off; call again to go on with it$"):
        locate("owner/model")


def test_one_file_of_a_repository_or_folder(
    hub_cache: Path, tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hub_cache / "adapters").mkdir()
    for file in ("1.safetensors", "adapters/row.pt"):
        (hub_cache / file).touch()
        assert file_of("owner/model", file) == (hub_cache / file, "c0ffee")
        assert file_of(str(hub_cache), file) == (hub_cache / file, "")
    assert file_of(str(hub_cache), "nothing.json") is None
    with pytest.raises(InputError, match="no folder nowhere"):
        file_of("nowhere", "config.json")


def test_one_file_is_downloaded(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: repository("model.safetensors"))

    def download(name: str, file: str, **_: object) -> str:
        if file == "nothing.json":
            raise EntryNotFoundError("404")
        if file == "broken.json":
            raise ConnectionError("cut off\nin the middle")
        (hub_cache / file).touch()
        return str(hub_cache / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    assert file_of("owner/model", "manifest.json") == (hub_cache / "manifest.json", "c0ffee")
    assert file_of("owner/model", "nothing.json") is None
    with pytest.raises(InputError, match=r"^cannot download broken.json of owner/model: cut off; call again"):
        file_of("owner/model", "broken.json")


def test_only_weights_that_are_read_are_downloaded() -> None:
    from huggingface_hub.utils import filter_repo_objects

    wanted = ["config.json", "model-00001-of-00002.safetensors", "1_Dense/pytorch_model.bin", "artifact.metadata"]
    besides = [
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
        "onnx/model.onnx_data",
        "tf_model.h5",
        "a.gguf",
    ]
    assert list(filter_repo_objects([*wanted, *besides], ignore_patterns=_NOT_NEEDED)) == wanted


def test_no_network(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(
        InputError, match="is not on this machine and the Hugging Face Hub cannot be reached: name a folder"
    ):
        load_multivector("svrag-tests/not-on-this-machine")
    with pytest.raises(InputError, match="the model puar-playground/Col-Phi-3-V is not on this machine"):
        load_multivector("Phi")


def test_no_such_name_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    def unknown(*_: object, **__: object) -> None:
        raise HfHubHTTPError("404", response=httpx.Response(404, request=httpx.Request("GET", "https://hub.invalid")))

    monkeypatch.setattr(HfApi, "model_info", unknown)
    with pytest.raises(InputError, match="no model 'svrag-tests/nothing' on the Hugging Face Hub"):
        locate("svrag-tests/nothing")


def test_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write(tmp_path, config={"model_type": "idefics3"})
    monkeypatch.setitem(sys.modules, "colpali_engine", None)
    monkeypatch.setitem(sys.modules, "colpali_engine.models", None)
    with pytest.raises(InputError, match=r'needs colpali_engine\S*: pip install "svrag\[models\]"'):
        load_multivector(made.name)
