"""Which states become vectors, the width they have, and inputs that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from svrag.errors import InputError
from svrag.retrievers.multivector.colphi3v.checkpoint import adapted_place
from svrag.retrievers.multivector.colphi3v.model import ColPhi3V
from svrag.retrievers.multivector.loading import load_multivector
from svrag.retrievers.multivector.phi3.published import add_adapter
from tests.retrievers.multivector.colphi3v import tiny


def test_with_a_head_and_without(tmp_path: Path) -> None:
    for layer, project, width in ((2, False, 32), (None, True, 16)):
        folder = tmp_path / str(layer)
        tiny.write(folder, layer=layer, project=project)
        encoder = load_multivector(str(folder))
        assert encoder.dimension == width
        assert encoder.questions(["Why?"])[0].vectors.shape[1] == width


def test_layers_after_the_chosen_one_do_not_matter() -> None:
    model = tiny.model(layer=2)
    ids = torch.tensor([[1, 5, 6]])
    with torch.inference_mode():
        before = model(ids)
        model.language_model.layers[2].mlp.down_proj.weight.data.zero_()
        torch.testing.assert_close(model(ids), before)
        model.language_model.layers[1].mlp.down_proj.weight.data.zero_()
        assert (model(ids) - before).abs().max() > 1e-3


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    tiny.write_published(tmp_path)
    (tmp_path / "adapter" / "config.json").unlink()
    with pytest.raises(InputError, match="has 3 layers, its vectors were to be states after 20"):
        load_multivector(str(tmp_path / "adapter"))


def test_the_adapter_of_a_head(tmp_path: Path) -> None:
    """The published adapter changes the head too, which a retriever with a head has to read."""
    made = tiny.model(layer=None, project=True, dimension=128)
    before = made.custom_text_proj.weight.clone()
    tiny.write_published(tmp_path)
    adapted = add_adapter(made, tmp_path / "adapter", lambda key: adapted_place(key, project=True))
    after = adapted.merge_and_unload().custom_text_proj.weight
    torch.testing.assert_close(after - before, torch.full((128, 32), 8 / 2 * 2.0))  # alpha / rank * (ones @ ones)


def test_transformers_saves_and_loads_it(tmp_path: Path) -> None:
    made = tiny.write(tmp_path / "model", layer=None, project=True)
    loaded, report = ColPhi3V.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    with torch.inference_mode():
        torch.testing.assert_close(loaded.eval()(torch.tensor([[1, 5]])), made(torch.tensor([[1, 5]])))


def test_places_and_tokens_of_pictures_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="2 places for 79 tokens"):
        tiny.model().embed(torch.tensor([[1, -1, -1]]), torch.zeros(1, 17, 3, 28, 28), torch.tensor([[112, 112]]))
