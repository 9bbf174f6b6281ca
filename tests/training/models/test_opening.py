from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from svrag.errors import InputError
from svrag.graph.places import Place
from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.batch import Item
from svrag.training.config import Adapter
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.multivector.colinternvl2 import tiny as colinternvl2
from tests.retrievers.multivector.colphi3v import tiny as colphi3v
from tests.retrievers.multivector.tiny import change_weights, write_colqwen2_5
from tests.training.models.families import FAMILIES, Stripes, examples
from tests.training.models.test_models import ADAPTER, answers_of, assert_equal, opened, train, vectors_of


@pytest.fixture(scope="module")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ColQwen2.5 that was never trained to retrieve."""
    folder = write_colqwen2_5(tmp_path_factory.mktemp("headless"))
    for key in ("custom_text_proj.weight", "custom_text_proj.bias"):
        change_weights(folder, without=key)
    return folder


@pytest.fixture(scope="module")
def colqwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colqwen2_5(tmp_path_factory.mktemp("colqwen"))


def published_intern(folder: Path) -> Path:
    colinternvl2.write_published(folder / "made")
    return folder / "made"


def published_phi(folder: Path) -> Path:
    colphi3v.write_published(folder / "made")
    return folder / "made"


def head(trainable: Any) -> torch.Tensor:
    return next(w for name, w in trainable.network.named_parameters() if "custom_text_proj" in name and w.dim() == 2)


@pytest.mark.parametrize("trained", [True, False])
def test_a_model_without_a_head_gets_one_by_the_seed_and_it_is_saved(
    trained: bool, headless: Path, tmp_path: Path
) -> None:
    data = examples("ColQwen2_5")
    adapter = ADAPTER.model_copy(update={"head": trained})
    first, again, other = (opened(headless, adapter, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(head(first), head(again))
    assert not torch.equal(head(first), head(other))
    assert float(head(first).abs().max()) <= head(first).shape[1] ** -0.5
    train(first, data)
    first.save(tmp_path / "saved")
    assert_equal(vectors_of(first, data), answers_of(tmp_path / "saved", data))


@pytest.mark.parametrize(
    ("write", "family", "options"),
    [(published_intern, "ColInternVL2", {}), (published_phi, "ColPhi3V", {"dimension": 12})],
)
def test_published_bases_get_a_head_that_is_saved_and_their_adapters_are_trained_further(
    write: Callable[[Path], Path], family: str, options: dict[str, Any], tmp_path: Path
) -> None:
    data, made = examples(family), write(tmp_path)
    new = opened(made / "base", **options)
    first, last = train(new, data)
    assert last < first
    new.save(tmp_path / "new")
    assert_equal(vectors_of(new, data), answers_of(tmp_path / "new", data))
    assert vectors_of(new, data)[0].shape[1] == options.get("dimension", 128)

    before = answers_of(made / "adapter", data)
    further = opened(made / "adapter")
    assert_equal(vectors_of(further, data), before)
    first, last = train(further, data)
    assert last < first
    further.save(tmp_path / "further")
    assert_equal(vectors_of(further, data), answers_of(tmp_path / "further", data))
    assert np.abs(answers_of(tmp_path / "further", data)[0] - before[0]).max() > 0.001


def test_an_adapter_of_colpali_engine_is_trained_further(colqwen: Path, tmp_path: Path) -> None:
    data = examples("ColQwen2_5")
    first = opened(colqwen)
    train(first, data, steps=2)
    first.save(tmp_path / "first")
    further = opened(tmp_path / "first")
    assert_equal(vectors_of(further, data), vectors_of(first, data))
    train(further, data)
    changed = {name for name, w in further.network.named_parameters() if w.requires_grad}
    assert any(".lora_" in name for name in changed)
    assert any("custom_text_proj" in name for name in changed)
    further.save(tmp_path / "further")
    assert_equal(vectors_of(further, data), answers_of(tmp_path / "further", data))


@pytest.mark.parametrize("family", ["ColQwen2_5", "ColInternVL2", "text"])
def test_all_weights_may_be_trained_and_are_saved(family: str, tmp_path: Path) -> None:
    data = examples(family)
    whole = opened(FAMILIES[family](tmp_path), None)
    assert not whole.all_used
    assert all(weight.requires_grad for weight in whole.network.parameters())
    train(whole, data, steps=2)
    whole.save(tmp_path / "saved")
    assert_equal(vectors_of(whole, data), answers_of(tmp_path / "saved", data))


@pytest.mark.parametrize(("options", "dimension"), [({}, 16), ({"dimension": 6}, 6)])
def test_a_text_encoder_becomes_a_model_with_a_vector_for_each_token(
    options: dict[str, Any], dimension: int, tmp_path: Path
) -> None:
    data = examples("text")
    made = opened(write_encoder(tmp_path / "bert"), family="text", **options)
    train(made, data)
    made.save(tmp_path / "saved")
    assert_equal(vectors_of(made, data), answers_of(tmp_path / "saved", data))
    assert load_multivector(str(tmp_path / "saved")).dimension == dimension


PLACES = [
    Place("figure", "method", 2.0, 0.25),
    None,
    Place("table", "result", 1.0, 0.5),
    Place("text", "intro", 3.0, 0),
]


@pytest.mark.parametrize("family", ["ColQwen2_5", "ColInternVL2", "text"])
def test_a_graph_position_embedding_is_trained_with_the_model_and_saved_beside_it(family: str, tmp_path: Path) -> None:
    data = examples(family)
    folder = FAMILIES[family](tmp_path)
    made, other = (opened(folder, facets=("type", "depth"), gate=0.0, seed=seed) for seed in (0, 1))
    tables = [next(w for name, w in one.network.named_parameters() if "gpe.type_emb" in name) for one in (made, other)]
    assert not torch.equal(*tables)
    read = [one.documents[0] for one in data]
    placed = [Item(item.text, item.picture, place) for item, place in zip(read, PLACES, strict=True)]
    before = tables[0].detach().clone()
    train(made, [replace(one, documents=(item,), relevance=(1.0,)) for one, item in zip(data, placed, strict=True)])
    assert not torch.equal(tables[0], before)
    made.save(tmp_path / "saved")

    encoder = load_multivector(str(tmp_path / "saved"))
    assert encoder.reads_places
    made.network.eval()
    for item, bare in zip(placed, read, strict=True):
        with torch.no_grad():
            vectors, mask = made.network(**made.prepare([item], query=False))
            without, _ = made.network(**made.prepare([bare], query=False))
        (answer,) = (
            encoder.pictures([item.picture.open()], places=[item.place])
            if item.picture
            else encoder.passages([item.text], places=[item.place])
        )
        assert_equal([answer.vectors], [vectors[0][mask[0]].numpy()])
        assert bool((vectors - without).abs().max() > 1e-3) is (item.place is not None)
    further = opened(tmp_path / "saved")
    assert_equal(vectors_of(further, data), vectors_of(made, data))


def test_pictures_may_be_read_in_fewer_tokens_also_when_the_model_answers(colqwen: Path, tmp_path: Path) -> None:
    large = Item(picture=Stripes(1, (280, 224)))
    limited, free = opened(colqwen, picture_tokens=6), opened(colqwen)
    few, many = (one.prepare([large], query=False)["input_ids"].shape[1] for one in (limited, free))
    assert few < many - 10
    limited.save(tmp_path / "saved")
    (answer,) = load_multivector(str(tmp_path / "saved")).pictures([large.picture.open()])  # type: ignore[union-attr]
    assert len(answer.vectors) == few


def test_what_a_model_cannot_do_is_one_line(colqwen: Path, headless: Path, tmp_path: Path) -> None:
    text = FAMILIES["text"](tmp_path)
    bert, other = tmp_path / "source", tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    opened(colqwen).save(tmp_path / "adapter")
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: opened(colqwen, dimension=64), r"model\.dimension is 64, but vectors of ColQwen2_5 have 128 numbers"),
        (lambda: opened(text, dimension=64), r"model\.dimension is 64, but vectors of .* have 8 numbers"),
        (lambda: opened(text, picture_tokens=9), r"model\.picture_tokens: the model reads texts only"),
        (lambda: opened(tmp_path / "adapter", None), r"is an adapter: name its base to train all weights"),
        (lambda: opened(colqwen, family="ColFoo"), r"model\.family: ColFoo is none; there are ColPali, ColQwen2,"),
        (lambda: opened(other), r"no multi-vector model known here.*needs model\.family \(ColPali, .*text"),
        (lambda: opened(bert, family="text", facets=("type",)), r"model\.facets need a layer for token vectors"),
        (
            lambda: opened(colqwen, Adapter(targets="nothing")),
            r"adapter\.targets: nothing names no layer of the model",
        ),
        (lambda: opened(colqwen, Adapter(targets=("a", "b"))), r"adapter\.targets: \('a', 'b'\) names no layer"),
        (
            lambda: opened(text).prepare([Item(picture=Stripes(1))], query=False),
            "has pictures .stripes 1 .*texts only",
        ),
    ]
    for call, said in cases:
        with pytest.raises(InputError, match=said) as raised:
            call()
        assert "\n" not in str(raised.value)
