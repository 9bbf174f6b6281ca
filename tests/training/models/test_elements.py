from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from svrag.errors import InputError
from svrag.graph.places import Place
from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.batch import Example, Item
from svrag.training.config import Adapter, ElementModel
from svrag.training.models.opening import open_for_training, reads_pictures
from svrag.training.models.trainable import Trainable
from tests.retrievers.elements.tiny import write_bert, write_clip, write_siglip2
from tests.training.models.families import QUESTIONS, TEXTS, Stripes
from tests.training.models.test_models import assert_equal, train

FIGURE, TEXT = Place("figure", "method", 2.0, 0.25), Place("text", "intro", 1.0, 0.5)


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}
    writers = {"siglip2": write_siglip2, "clip": write_clip, "bert": write_bert}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = writers[name](tmp_path_factory.mktemp(name))
        return made[name]

    return folder


def opened(model: ElementModel, adapter: Adapter | None, seed: int = 0) -> Trainable:
    return open_for_training(model, adapter, seed=seed, device="cpu", dtype=torch.float32)


def data(*, pictures: bool) -> list[Example]:
    """Questions, and captions that stand for one; figures and texts in one pool."""
    figures = [Item(TEXTS[i], Stripes(i) if pictures else None, FIGURE) for i in range(4)]
    texts = [Item(text, place=TEXT) for text in reversed(TEXTS)]
    return [
        Example(Item(QUESTIONS[i], place=TEXT if i % 2 else None), (figures[i], texts[i]), (1.0, 0.2))
        for i in range(4)
    ]


@pytest.mark.parametrize(
    ("vision", "text", "adapter"),
    [
        ("siglip2", None, Adapter(rank=4, alpha=8, dropout=0.0)),
        ("clip", None, Adapter(rank=4, alpha=8, dropout=0.0)),
        (None, "bert", Adapter(rank=4, alpha=8, dropout=0.0)),
        ("siglip2", "bert", None),
    ],
)
def test_steps_lower_the_loss_and_what_is_saved_loads_to_equal_vectors(
    vision: str | None, text: str | None, adapter: Adapter | None, towers: Callable[[str], Path], tmp_path: Path
) -> None:
    model = ElementModel(
        kind="elements",
        vision=str(towers(vision)) if vision else None,
        text=str(towers(text)) if text else None,
        dimension=16,
        gate=0.0,
    )
    assert reads_pictures(model) is (vision is not None)
    trainable, examples = opened(model, adapter), data(pictures=vision is not None)
    assert trainable.all_used is (vision is None)
    before = {name: weight.clone() for name, weight in trainable.network.state_dict().items()}
    first, last = train(trainable, examples)
    assert last < first
    changed = {name for name, now in trainable.network.state_dict().items() if not torch.equal(before[name], now)}
    own = ("proj_", "ln_", "gpe")
    assert {part for part in own if any(name.startswith(part) for name in changed)} == set(own)
    if adapter is not None:
        assert all(name.startswith(own) or ".lora_" in name for name in changed)
    assert any("lora_" in name if adapter else name.startswith("text.") for name in changed)

    trainable.save(tmp_path / "saved")
    encoder = load_multivector(str(tmp_path / "saved"))
    trainable.network.eval()
    for item in (examples[0].query, *examples[0].documents):
        with torch.no_grad():
            vectors, mask = trainable.network(**trainable.prepare([item], query=False))
        if item.picture:
            (answer,) = encoder.pictures([item.picture.open()], places=[item.place])
        else:
            (answer,) = (
                encoder.passages([item.text], places=[item.place]) if item.place else encoder.questions([item.text])
            )
        assert_equal([answer.vectors], [vectors[0][mask[0]].numpy()])


def test_new_weights_are_those_of_the_seed(towers: Callable[[str], Path]) -> None:
    model = ElementModel(kind="elements", vision=None, text=str(towers("bert")))
    states = [opened(model, Adapter(), seed).network.state_dict() for seed in (1, 1, 2)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    for part in ("proj_text.weight", "gpe.type_emb.weight"):
        assert not torch.equal(states[0][part], states[2][part])
    assert any("lora_A" in name and not torch.equal(states[0][name], states[2][name]) for name in states[0])


def test_pictures_need_a_tower_that_sees(towers: Callable[[str], Path]) -> None:
    trainable = opened(ElementModel(kind="elements", vision=None, text=str(towers("bert"))), Adapter())
    with pytest.raises(InputError, match=r"the data has pictures \(stripes 1 .*\), but model\.vision is none"):
        trainable.prepare([Item(picture=Stripes(1))], query=False)
