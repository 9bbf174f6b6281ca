from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig, Lora
from svrag.retrievers.elements.model import new_model
from svrag.retrievers.elements.saved import load, save
from tests.retrievers.elements.made import PLACES, TEXTS, encoder, moved, pictures
from tests.retrievers.multivector.tiny import change_weights

Tower = Callable[[str], str]


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "siglip2"},
        {"kind": "siglip2", "lora": 2, "tokens": 4, "facets": ("role",)},
        {"kind": "clip", "lora": 2},
        {"kind": "bert", "lora": 2, "longest": 100, "dimension": 16, "facets": ()},
        {"kind": "siglip2+bert", "lora": 2},
    ],
)
def test_comes_back_as_it_was(tower: Tower, tmp_path: Path, settings: dict[str, object]) -> None:
    model, inputs = encoder(tower, **settings)  # type: ignore[arg-type]
    save(model, tmp_path / "saved")
    back, same = load(tmp_path / "saved")
    assert back.config == model.config
    assert back.training
    state = model.state_dict()
    assert state.keys() == back.state_dict().keys()
    assert all(torch.equal(value, state[key]) for key, value in back.state_dict().items())
    with torch.no_grad():
        made, again = model(**inputs.texts(TEXTS, PLACES))[0], back.eval()(**same.texts(TEXTS, PLACES))[0]
        assert torch.equal(made, again)
    trained = {key for key, weight in model.named_parameters() if weight.requires_grad}
    assert {key for key, weight in back.named_parameters() if weight.requires_grad} == trained


def test_towers_that_were_trained_are_saved_and_others_are_not(tower: Tower, tmp_path: Path) -> None:
    model, inputs = new_model(ElementConfig(vision=tower("siglip2")))
    moved(model)  # towers too
    save(model, tmp_path / "whole")
    back, _ = load(tmp_path / "whole")
    assert back.config.whole
    assert torch.equal(model.eval()(**inputs.pictures(pictures()))[0], back.eval()(**inputs.pictures(pictures()))[0])
    frozen, _ = encoder(tower, "siglip2")
    save(frozen, tmp_path / "frozen")
    sizes = [(tmp_path / kind / "model.safetensors").stat().st_size for kind in ("whole", "frozen")]
    assert sizes[0] > 1.5 * sizes[1]


def test_settings_that_do_not_fit_are_refused(tower: Tower, tmp_path: Path) -> None:
    model, _ = encoder(tower, "siglip2", lora=2)
    save(model, tmp_path / "saved")
    settings = json.loads((tmp_path / "saved" / "config.json").read_text())
    for change, said in (
        ({"colour": "red"}, "colour missing or unknown"),
        ({"vision": str(tmp_path / "nowhere")}, "the encoder in .*no such folder"),
        ({"vision": tower("clip")}, "missing gpe_to_vision|do not fit"),
        ({"dimension": 64}, r"proj_text.bias .* is \(128,\), not \(64,\)"),
        ({"lora": None}, "unexpected"),
        ({"lora": {"rank": 3, "alpha": 6, "targets": None}}, "is .*, not .*3"),
        ({"facets": []}, "unexpected gpe"),
    ):
        copy = shutil.copytree(tmp_path / "saved", tmp_path / said[:8])
        (copy / "config.json").write_text(json.dumps({**settings, **change}))
        with pytest.raises(InputError, match=said):
            load(copy)
        shutil.rmtree(copy)
    assert ElementConfig.from_json(settings) == model.config
    assert model.config.lora == Lora(2, 4)


def test_weights_that_do_not_fit_are_refused(tower: Tower, tmp_path: Path) -> None:
    model, _ = encoder(tower, "siglip2", lora=2)
    for name, change in (("lacking", {"without": "proj_text.weight"}), ("extra", {"extra": "more.weight"})):
        save(model, tmp_path / name)
        change_weights(tmp_path / name, **change)
        with pytest.raises(InputError, match="missing proj_text.weight" if name == "lacking" else "unexpected more.w"):
            load(tmp_path / name)
    (tmp_path / "extra" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "extra")
    (tmp_path / "extra" / "config.json").write_text("[]")
    with pytest.raises(InputError, match="does not hold a model's settings"):
        load(tmp_path / "extra")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "nowhere")
