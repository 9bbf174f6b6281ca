"""DPR and SPECTER2: trained, and saved in the layouts that `--retriever` reads by their names or as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from svrag.errors import InputError
from svrag.retrievers.dense.loading import load_single
from svrag.retrievers.kinds import is_retriever_name, kind_of
from svrag.training.batch import Item
from svrag.training.config import LossPart
from tests.retrievers.dense.networks import write_dpr, write_specter2
from tests.training.models.families import QUESTIONS, TEXTS, Stripes
from tests.training.models.one_vector import ADAPTER, opened, trained, vectors_of

TRIPLET = LossPart(name="triplet", candidates="pool")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("two sides")
    write_dpr(made / "dpr" / "question_encoder", "question", seed=1)
    write_dpr(made / "dpr" / "ctx_encoder", "ctx", seed=2)
    return {"dpr": made / "dpr", "specter2": write_specter2(made / "specter2")}


def assert_read_back(name: str, trainable: Any) -> None:
    encoder = load_single(name)
    np.testing.assert_allclose(
        encoder.questions(QUESTIONS), vectors_of(trainable, [*QUESTIONS], query=True), atol=1e-5
    )
    np.testing.assert_allclose(encoder.passages(TEXTS), vectors_of(trainable, [*TEXTS], query=False), atol=1e-5)


@pytest.mark.parametrize("family", ["dpr", "specter2"])
def test_the_checkpoint_as_it_is_gives_the_vectors_that_search_has_of_it(
    family: str, folders: dict[str, Path]
) -> None:
    assert_read_back(f"{family}:{folders[family]}", opened(folders[family], None))


@pytest.mark.parametrize("family", ["dpr", "specter2"])
def test_steps_lower_the_loss_and_what_is_saved_loads_by_the_familys_name_and_as_a_folder(
    family: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    trainable = opened(Path(f"{family}:{folders[family]}"), None)
    untouched = {query: vectors_of(trainable, [*TEXTS], query=query) for query in (True, False)}
    before, after = trained(trainable, TRIPLET)
    assert after < before
    for query, vectors in untouched.items():  # both networks have learnt
        assert np.abs(vectors_of(trainable, [*TEXTS], query=query) - vectors).max() > 1e-3
    folder = tmp_path / "model"
    trainable.save(folder)
    assert is_retriever_name(str(folder))
    assert kind_of(str(folder)) == "single"
    for name in (f"{family}:{folder}", str(folder)):
        assert_read_back(name, trainable)
    again = opened(folder, None)  # what was trained can be trained further
    for query in (True, False):
        np.testing.assert_allclose(
            vectors_of(again, [*TEXTS], query=query), vectors_of(trainable, [*TEXTS], query=query), atol=1e-6
        )


def test_the_network_of_specter2_is_one_for_both(folders: dict[str, Path], tmp_path: Path) -> None:
    trainable = opened(folders["specter2"], None)
    trained(trainable, TRIPLET)
    network = trainable.network
    for name, weight in network.get_submodule("passages.model").named_parameters():
        other = network.get_submodule("questions.model").get_parameter(name)
        assert (weight is other) == (".adapter." not in name)
    trainable.save(tmp_path)
    saved = torch.load(tmp_path / "proximity" / "pytorch_adapter.bin", weights_only=True)
    original = torch.load(folders["specter2"] / "proximity" / "pytorch_adapter.bin", weights_only=True)
    assert {name: weight.shape for name, weight in saved.items()} == {n: w.shape for n, w in original.items()}
    assert any((saved[name] != original[name]).any() for name in saved)


def test_longer_texts_are_cut_where_the_recipe_says(folders: dict[str, Path]) -> None:
    trainable = opened(folders["dpr"], None, longest=6)
    assert trainable.prepare([Item(text=" ".join(TEXTS))], query=True)["input_ids"].shape == (1, 6)


def test_activations_computed_again_give_the_same_gradients(folders: dict[str, Path]) -> None:
    made = []
    for again in (False, True):
        trainable = opened(folders["dpr"], None)
        trainable.network.train()
        for module in trainable.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        if again:
            trainable.checkpoint_activations()
        vectors, _ = trainable.network(**trainable.prepare([Item(text=TEXTS[0])], query=False))
        vectors.sum().backward()
        made.append([w.grad for w in trainable.network.parameters() if w.grad is not None])
    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pooling": "cls"}, "model.pooling: .* says itself"),
        ({"similarity": "dot"}, "model.similarity: .* says itself"),
        ({"family": "dense"}, "model.family: .* says itself"),
    ],
)
def test_what_the_family_cannot_do(folders: dict[str, Path], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        opened(folders["dpr"], None, **options)
    with pytest.raises(InputError, match="set adapter to null"):
        opened(folders["specter2"], ADAPTER)
    with pytest.raises(InputError, match="reads texts only"):
        opened(folders["dpr"], None).prepare([Item(picture=Stripes(1))], query=False)
