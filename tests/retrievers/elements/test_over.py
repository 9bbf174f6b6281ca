"""A graph position embedding over retrievers that know nothing of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from svrag.errors import InputError
from svrag.graph.places import Place
from svrag.retrievers.elements.gpe import GraphPositionEmbedding, features_of
from svrag.retrievers.elements.over import GraphPositions, load_gpe, save_gpe
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.loading import load_multivector
from tests.retrievers.elements.made import PLACES, TEXTS
from tests.retrievers.multivector.colinternvl2.tiny import write as write_colinternvl2
from tests.retrievers.multivector.test_adapter import write_adapter
from tests.retrievers.multivector.tiny import write_colmodernvbert, write_colqwen2_5

Write = Callable[[Path], object]
WIDTH = 32
IMAGES = [Image.new("RGB", size, "red") for size in ((90, 60), (60, 90), (70, 70))]


def gpe(width: int = WIDTH, gate: float = 1.0) -> GraphPositionEmbedding:
    torch.manual_seed(2)
    return GraphPositionEmbedding(width, ("type", "role", "depth", "pos"), gate)


def both(folder: Path, write: Write, **settings: Any) -> tuple[MultiVectorEncoder, MultiVectorEncoder]:
    """The retriever as it is, and with a GPE beside it."""
    write(folder / "plain")
    shutil.copytree(folder / "plain", folder / "placed")
    save_gpe(gpe(**settings), folder / "placed")
    return load_multivector(str(folder / "plain")), load_multivector(str(folder / "placed"))


@pytest.mark.parametrize("write", [write_colqwen2_5, write_colmodernvbert, write_colinternvl2])
def test_what_the_head_reads_has_the_place_added(tmp_path: Path, write: Write) -> None:
    plain, placed = both(tmp_path, write)
    assert (plain.reads_places, placed.reads_places) == (False, True)
    assert plain.fingerprint != placed.fingerprint
    for one, other in (
        (plain.questions(TEXTS), placed.questions(TEXTS)),
        (plain.passages(TEXTS), placed.passages(TEXTS)),
        (plain.passages(TEXTS, places=PLACES), plain.passages(TEXTS)),
    ):
        for left, right in zip(one, other, strict=True):
            assert np.array_equal(left.vectors, right.vectors)
    for bare, there in (
        (plain.passages(TEXTS), placed.passages(TEXTS, places=PLACES)),
        (plain.pictures(IMAGES), placed.pictures(IMAGES, places=PLACES)),
    ):
        moved = [np.abs(left.vectors - right.vectors).max() for left, right in zip(bare, there, strict=True)]
        assert min(moved[:2]) > 1e-2
        assert moved[2] < 1e-5  # it has no place


@pytest.mark.parametrize("write", [write_colqwen2_5, write_colinternvl2])
def test_places_go_with_their_inputs_whatever_the_batch(tmp_path: Path, write: Write) -> None:
    _, placed = both(tmp_path, write)
    texts = [f"{'x' * (i * 7 % 20)} {i}" for i in range(20)]
    places = [PLACES[i % 3] for i in range(20)]
    for text, place, made in zip(texts, places, placed.passages(texts, places=places), strict=True):
        assert np.allclose(placed.passages([text], places=[place])[0].vectors, made.vectors, atol=1e-5)
    for image, place, seen in zip(IMAGES, PLACES, placed.pictures(IMAGES, places=PLACES), strict=True):
        assert np.allclose(placed.pictures([image], places=[place])[0].vectors, seen.vectors, atol=1e-5)


def test_over_a_text_model_whose_library_sorts_batches_by_itself(tmp_path: Path, minilm: str) -> None:
    from sentence_transformers import MultiVectorEncoder as Library

    def write(folder: Path) -> None:
        torch.manual_seed(0)
        from sentence_transformers.base.modules import Transformer
        from sentence_transformers.base.modules.dense import Dense
        from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

        network = Transformer(minilm, max_seq_length=64)
        head = Dense(
            384, 16, bias=False, activation_function=torch.nn.Identity(), module_input_name="token_embeddings"
        )
        Library(modules=[network, head, MultiVectorMask()]).save_pretrained(str(folder))

    plain, placed = both(tmp_path, write, width=384, gate=3.0)
    # Many of one length: in which order a sort leaves them is its own affair.
    texts = [f"word {i:02d}" for i in range(40)] + ["longer than the others are", "short"]
    places = [Place("text", "method" if i % 2 else "result", 1.0 + i, i / 50) for i in range(42)]
    many = placed.passages(texts, places=places)
    for i in (0, 7, 22, 31, 39, 40, 41):
        (alone,) = placed.passages([texts[i]], places=[places[i]])
        assert np.allclose(alone.vectors, many[i].vectors, atol=1e-4)
    assert np.abs(plain.passages(texts)[0].vectors - many[0].vectors).max() > 1e-2
    assert np.array_equal(plain.questions(["a"])[0].vectors, placed.questions(["a"])[0].vectors)


@pytest.mark.parametrize("head", ["saved", "tuned"])
def test_beside_an_adapter_whose_head_was_trained(tmp_path: Path, head: str) -> None:
    """LoRA takes the head's place: the embedding goes before the whole of it."""
    base = write_colqwen2_5(tmp_path / "base")

    def write(folder: Path) -> None:
        write_adapter(folder, base, "ColQwen2_5", head=head)

    plain, placed = both(tmp_path, write)
    assert (plain.reads_places, placed.reads_places) == (False, True)
    for left, right in zip(plain.passages(TEXTS), placed.passages(TEXTS), strict=True):
        assert np.array_equal(left.vectors, right.vectors)
    read: list[torch.Tensor] = []
    for encoder in (plain, placed):
        layer = encoder.model.get_submodule("custom_text_proj")  # type: ignore[attr-defined]
        layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        encoder.passages(TEXTS[:1], places=PLACES[:1])
    with torch.inference_mode():
        assert torch.allclose(read[1], gpe()(read[0], features_of(PLACES[:1])), atol=1e-6)
    assert (read[1] - read[0]).abs().max() > 1e-2


def test_gradients_reach_it_through_any_head() -> None:
    head, embedding = torch.nn.Linear(WIDTH, 8), gpe()
    positions = GraphPositions(embedding, head)
    hidden = torch.randn(3, 4, WIDTH)
    bare = head(hidden)
    with positions.given(features_of(PLACES)):
        made = head(hidden)
    assert torch.equal(made[2], bare[2])
    expected = torch.nn.functional.linear(embedding(hidden, features_of(PLACES)), head.weight, head.bias)
    assert torch.allclose(made, expected)
    made.pow(2).sum().backward()
    assert embedding.raw_beta.grad is not None
    assert embedding.raw_beta.grad.abs() > 0
    assert torch.equal(head(hidden), bare)  # and no longer than it was asked for


def test_saved_ones_come_back(tmp_path: Path) -> None:
    made = GraphPositionEmbedding(12, ("role",), 0.5)
    save_gpe(made, tmp_path)
    back = load_gpe(tmp_path)
    assert back is not None
    assert (back.width, back.facets) == (12, ("role",))
    assert all(torch.equal(value, back.state_dict()[key]) for key, value in made.state_dict().items())
    assert load_gpe(tmp_path / "nowhere") is None


def test_those_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_colmodernvbert(tmp_path / "model")
    save_gpe(gpe(12), tmp_path / "model")
    with pytest.raises(InputError, match="for width 12, not 32"):
        load_multivector(str(tmp_path / "model"))
    save_gpe(gpe(), tmp_path)
    settings = json.loads((tmp_path / "gpe.json").read_text())
    for broken in ({**settings, "width": 16}, {"facets": []}, []):
        (tmp_path / "gpe.json").write_text(json.dumps(broken))
        with pytest.raises(InputError, match="is broken"):
            load_gpe(tmp_path)
    (tmp_path / "gpe.safetensors").unlink()
    with pytest.raises(InputError, match="is broken"):
        load_gpe(tmp_path)
