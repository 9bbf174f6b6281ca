from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from svrag.errors import InputError
from svrag.retrievers.dense.loading import load_single
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.retrievers.kinds import kind_of
from tests.retrievers.dense.checkpoints import change_weights
from tests.retrievers.dense.networks import write_bert, write_bottlenecks, write_dpr, write_specter2

pytest.importorskip("transformers")
TEXTS = ["kiln", "the kiln was fired for nine hours", "salt", "bowls and salt thrown into the chamber"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_specter2(tmp_path_factory.mktemp("specter2") / "all")


@pytest.fixture
def encoder(folder: Path) -> SingleVectorEncoder:
    return load_single(f"specter2:{folder}")


def by_hand(folder: Path, weights: dict[str, Any], name: str, text: str) -> NDArray[np.float32]:
    """[CLS] of the last layer of one text, of length 1, layer by layer with the published formula in numpy.

    Attention is that of the plain BERT's own layers.
    """
    import torch
    from transformers import AutoTokenizer, BertModel

    model = BertModel.from_pretrained(folder / "base").eval()
    ids = AutoTokenizer.from_pretrained(folder / "base")(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        states = model.embeddings(input_ids=ids)
        for number, layer in enumerate(model.encoder.layer):
            x = layer.attention(states, None)[0]
            h = layer.output.dense(layer.intermediate(x))
            norm, prefix = layer.output.LayerNorm, f"bert.encoder.layer.{number}.output.adapters.{name}"
            down, up = (
                (weights[f"{prefix}.{part}.weight"], weights[f"{prefix}.{part}.bias"])
                for part in ("adapter_down.0", "adapter_up")
            )
            narrow = torch.relu(norm(h + x) @ down[0].T + down[1])
            states = norm(narrow @ up[0].T + up[1] + h + x)
    vector: NDArray[np.float32] = states[0, 0].numpy()
    return vector / np.linalg.norm(vector)


def test_vectors_follow_the_published_formula_whatever_the_batch(folder: Path, encoder: SingleVectorEncoder) -> None:
    import torch

    for side, where, name in ((encoder.passages, "proximity", "[PRX]"), (encoder.questions, "adhoc_query", "[QRY]")):
        weights = torch.load(folder / where / "pytorch_adapter.bin", weights_only=True)
        for text, vector in zip(TEXTS, side(TEXTS), strict=True):
            assert vector == pytest.approx(by_hand(folder, weights, name, text), abs=1e-5)
    assert np.abs(encoder.passages(TEXTS) - encoder.questions(TEXTS)).max() > 0.1
    assert encoder.cosine
    assert encoder.dimension == 16


def test_the_parts_by_themselves(folder: Path, encoder: SingleVectorEncoder) -> None:
    parts = [folder / part for part in ("base", "proximity", "adhoc_query")]
    apart = load_single("specter2:" + "+".join(map(str, parts)))
    assert apart.fingerprint == encoder.fingerprint
    swapped = load_single("specter2:" + "+".join(map(str, (parts[0], parts[2], parts[1]))))
    assert np.array_equal(swapped.questions(TEXTS), encoder.passages(TEXTS))
    assert swapped.fingerprint != encoder.fingerprint
    assert kind_of("specter2") == "single"
    with pytest.raises(InputError, match="name the network, the adapter for documents and the adapter"):
        load_single(f"specter2:{parts[0]}+{parts[1]}")


def test_both_sides_share_the_weights_of_the_base(encoder: SingleVectorEncoder) -> None:
    asked, told = encoder._questions.network, encoder._passages.network  # type: ignore[attr-defined]
    shared = {id(weight) for weight in asked.parameters()} & {id(weight) for weight in told.parameters()}
    assert len(shared) == sum("adapter" not in key for key, _ in told.named_parameters())
    assert len(list(told.parameters())) - len(shared) == 8


def test_headings_stand_before_passages_as_titles(encoder: SingleVectorEncoder) -> None:
    assert encoder.windows("salt", "the kiln") == ["the kiln [SEP] salt"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda keys: keys.pop("bert.encoder.layer.1.output.adapters.[PRX].adapter_up.bias"), r"missing 1\.up\.bias"),
        (lambda keys: keys.update({"bert.encoder.layer.5.output.adapters.[PRX].adapter_up.bias": 0}), "unexpected 5"),
        (lambda keys: keys.update({"bert.invertible_adapters.x": 0}), r"unexpected bert\.invertible_adapters"),
    ],
)
def test_weights_that_are_missing_or_left_over(
    folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    import torch

    weights = write_bottlenecks(tmp_path / "adapter", seed=1)
    change(weights)
    torch.save(
        {key: value if isinstance(value, torch.Tensor) else torch.zeros(16) for key, value in weights.items()},
        tmp_path / "adapter" / "pytorch_adapter.bin",
    )
    with pytest.raises(InputError, match=said):
        load_single(f"specter2:{folder / 'base'}+{tmp_path / 'adapter'}+{folder / 'adhoc_query'}")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mh_adapter": True}, "has mh_adapter True: only False"),
        ({"non_linearity": "gelu"}, "has non_linearity 'gelu'"),
        ({"residual_before_ln": False}, "has residual_before_ln False"),
        ({"scaling": 4.0}, r"has scaling 4\.0"),
        ({"reduction_factor": {"1": 16, "default": 2}}, "reduction_factor"),
        ({"reduction_factor": 2}, "is for another model"),
    ],
)
def test_other_kinds_of_adapters_are_refused(
    folder: Path, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    write_bottlenecks(tmp_path / "adapter", seed=1, **settings)
    with pytest.raises(InputError, match=said):
        load_single(f"specter2:{folder / 'base'}+{tmp_path / 'adapter'}+{folder / 'adhoc_query'}")


def test_other_models_are_refused(folder: Path, tmp_path: Path) -> None:
    adapters = f"{folder / 'proximity'}+{folder / 'adhoc_query'}"
    with pytest.raises(InputError, match="is dpr, not the BERT of SPECTER2"):
        load_single(f"specter2:{write_dpr(tmp_path / 'dpr', 'ctx')}+{adapters}")
    lacking = write_bert(tmp_path / "lacking")
    change_weights(lacking, without="encoder.layer.1.output.dense.weight")
    with pytest.raises(InputError, match=r"missing encoder\.layer\.1\.output\.dense\.weight"):
        load_single(f"specter2:{lacking}+{adapters}")
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(InputError, match="is no adapter in AdapterHub's layout"):
        load_single(f"specter2:{folder / 'base'}+{lora}+{folder / 'adhoc_query'}")
