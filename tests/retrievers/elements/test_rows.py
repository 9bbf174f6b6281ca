from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig, Lora
from svrag.retrievers.elements.model import new_model
from svrag.retrievers.elements.published import export
from svrag.retrievers.elements.rows import ROWS, SIGLIP2, Row, load_row, read_row
from svrag.retrievers.elements.saved import save
from tests.retrievers.elements.made import PLACES, TEXTS, encoder, pictures
from tests.retrievers.elements.theirs import Theirs

Tower = Callable[[str], str]


@pytest.mark.parametrize(("kind", "keys"), [("siglip2", 43), ("clip", 41)])
def test_a_published_row_gives_the_vectors_that_it_was_published_with(
    tower: Tower, tmp_path: Path, kind: str, keys: int
) -> None:
    theirs = Theirs(tower(kind))
    # 3 layers with 4 adapters of 2 weights, SigLIP's pooling with 1; GPE 6, beta, heads 8, scales 2 or 1; CLIP's layer
    # from one width to the other.
    assert len(theirs.trained()) == keys
    encoder = load_row("h_full_method", theirs.publish(tmp_path, "h_full_method"))
    assert (encoder.name, encoder.revision) == (f"{tmp_path}#h_full_method", "")
    assert encoder.reads_pictures
    assert encoder.reads_places
    passages = encoder.passages(TEXTS, places=PLACES)
    for made, text, place in zip(passages, TEXTS, PLACES, strict=True):
        ids = encoder.inputs.texts([text])["input_ids"][0].tolist()
        assert np.allclose(made.vectors, theirs.text(ids, place), atol=1e-5)
    seen = encoder.pictures(pictures(), places=PLACES)
    pixels = encoder.inputs.pictures(pictures())["pixel_values"]
    for made, own, place in zip(seen, pixels, PLACES, strict=True):
        assert np.allclose(made.vectors, theirs.picture(own, place), atol=1e-5)


def test_a_row_of_fewer_tokens_is_known_by_its_name(tower: Tower, tmp_path: Path) -> None:
    # 4 x 4 patches of a tiny tower cannot be 8 x 8: as many of them as the row has is all there are.
    theirs = Theirs(tower("siglip2"))
    encoder = load_row("tokens_016", theirs.publish(tmp_path, "tokens_016"))
    pixels = encoder.inputs.pictures(pictures())["pixel_values"]
    (made, *_) = encoder.pictures(pictures()[:1])
    assert np.allclose(made.vectors, theirs.picture(pixels[0], None, tokens=16), atol=1e-5)
    with pytest.raises(InputError, match="16 patches"):
        load_row("tokens_064", theirs.publish(tmp_path, "tokens_064"))


def test_rows_trained_without_a_place_read_none(tower: Tower, tmp_path: Path) -> None:
    """Their files have a GPE that was never trained."""
    encoder = load_row("e_grcl_no_gpe", Theirs(tower("clip")).publish(tmp_path, "e_grcl_no_gpe"))
    assert not encoder.reads_places
    placed, bare = encoder.passages(TEXTS[:1], places=PLACES[:1]), encoder.passages(TEXTS[:1])
    assert np.array_equal(placed[0].vectors, bare[0].vectors)


def test_rows_with_other_facets_and_ranks(tower: Tower, tmp_path: Path) -> None:
    theirs = Theirs(tower("siglip2"), rank=2, facets=("type", "role"))
    model, inputs = read_row("c_gpe_type_role_infonce", theirs.publish(tmp_path, "c_gpe_type_role_infonce"))
    assert model.config.facets == ("type", "role")
    assert model.gpe is not None
    assert not model.gpe.raw_alpha_pos.requires_grad
    with torch.no_grad():
        batch = inputs.texts(TEXTS[1:2], PLACES[1:2])
        ids = batch["input_ids"][0].tolist()
        assert torch.allclose(model.eval()(**batch)[0][0], theirs.text(ids, PLACES[1]), atol=1e-5)


@pytest.mark.parametrize("kind", ["siglip2", "clip"])
@pytest.mark.parametrize("facets", [("type", "role", "depth", "pos"), ()])
def test_exports_are_read_back_and_fit_the_original_network(
    tower: Tower, tmp_path: Path, kind: str, facets: tuple[str, ...]
) -> None:
    model, inputs = encoder(tower, kind, lora=4, facets=facets, tokens=4)
    export(model, tmp_path, "mine")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["mine"]["lora_alpha"] == 8
    state = torch.load(tmp_path / manifest["mine"]["adapter"], weights_only=True)
    theirs = Theirs(tower(kind))
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected
    assert not [key for key in missing if "lora_" in key and ".head." not in key]
    back = load_row("mine", tmp_path)
    with torch.no_grad():
        read = inputs.texts(TEXTS[1:2], PLACES[1:2])
        expected = model(**read)[0][0]
        assert np.allclose(back.passages(TEXTS[1:2], places=PLACES[1:2])[0].vectors, expected, atol=1e-5)
        assert torch.allclose(theirs.text(read["input_ids"][0].tolist(), PLACES[1]), expected, atol=1e-5)
        expected = model(**inputs.pictures(pictures()[:1], PLACES[:1]))[0][0]
        assert np.allclose(back.pictures(pictures()[:1], places=PLACES[:1])[0].vectors, expected, atol=1e-5)
        pixels = inputs.pictures(pictures()[:1])["pixel_values"][0]
        assert torch.allclose(theirs.picture(pixels, PLACES[0], tokens=4), expected, atol=1e-5)


def test_one_folder_holds_many_rows_of_either_layout(tower: Tower, tmp_path: Path) -> None:
    model, _ = encoder(tower, "siglip2", lora=4)
    other, _ = encoder(tower, "siglip2", lora=2)
    for row, one in (("first", model), ("second", other)):
        export(one, tmp_path / "theirs", row)
        save(one, tmp_path / "ours" / row)
    for folder in (tmp_path / "theirs", tmp_path / "ours"):
        first, second = load_row("first", folder), load_row("second", folder)
        assert first.model.config.lora != second.model.config.lora
        assert first.fingerprint != second.fingerprint
        assert np.array_equal(
            first.questions(["salt"])[0].vectors, load_row("first", tmp_path / "ours").questions(["salt"])[0].vectors
        )


def test_rows_that_are_not_there(tower: Tower, tmp_path: Path) -> None:
    published = Theirs(tower("siglip2")).publish(tmp_path, "h_full_method")
    with pytest.raises(InputError, match=r"no row i_am_not in .*: it has h_full_method"):
        load_row("i_am_not", published)
    with pytest.raises(InputError, match=r"neither manifest.json nor x/config.json"):
        load_row("x", tmp_path / "adapters")
    (published / "adapters" / "h_full_method.pt").unlink()
    with pytest.raises(InputError, match=r"lacks adapters/h_full_method.pt"):
        load_row("h_full_method", published)
    (published / "manifest.json").write_text('{"h_full_method": {"hf_id": "x"}}')
    with pytest.raises(InputError, match="lacks what an adapter is built with"):
        load_row("h_full_method", published)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("proj_text.weight"), "missing proj_text.weight"),
        (lambda state: state.pop("raw_beta"), "missing gpe.raw_beta"),
        (lambda state: state.update({"proj_sound.weight": torch.zeros(2)}), "unexpected proj_sound.weight"),
        (lambda state: state.update({"ln_text.bias": torch.zeros(7)}), r"is \(7,\), not \(32,\)"),
        (
            lambda state: state.pop(next(key for key in state if "text_model" in key and "lora_B" in key)),
            "missing text.*lora_B",
        ),
    ],
)
def test_weights_missing_left_over_or_misshapen(
    tower: Tower, tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], object], said: str
) -> None:
    folder = Theirs(tower("siglip2")).publish(tmp_path, "h_full_method")
    path = folder / "adapters" / "h_full_method.pt"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(InputError, match=said):
        load_row("h_full_method", folder)


class _Trap:
    """What a pickle could do that is not read for its tensors alone."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, ("never",)  # type: ignore[return-value]


def test_pickles_run_nothing(tower: Tower, tmp_path: Path) -> None:
    folder = Theirs(tower("siglip2")).publish(tmp_path, "h_full_method")
    path = folder / "adapters" / "h_full_method.pt"
    for bad in ({"raw_beta": _Trap()}, {"raw_beta": "text"}):
        torch.save(bad, path)
        with pytest.raises(InputError, match=r"no file of weights|holds more than weights"):
            load_row("h_full_method", folder)
    path.write_bytes(b"not a file of torch")
    with pytest.raises(InputError, match="no file of weights"):
        load_row("h_full_method", folder)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "siglip2"}, "one without LoRA"),
        ({"kind": "siglip2+bert", "lora": 2}, "text tower is not that of its vision tower"),
        ({"kind": "bert", "lora": 2}, "text tower is not that of its vision tower"),
        ({"kind": "siglip2", "lora": 2, "dimension": 64}, "vectors of 64 numbers"),
        ({"kind": "siglip2", "lora": 2, "longest": 32}, "texts of 32 tokens"),
    ],
)
def test_what_the_published_layout_cannot_tell(
    tower: Tower, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    model, _ = encoder(tower, **settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said):
        export(model, tmp_path, "mine")


def test_there_are_42() -> None:
    assert len(ROWS) == 42
    assert list(ROWS) == sorted(ROWS)
    assert {name for name, row in ROWS.items() if not row.facets} == {"a_baseline_infonce", "e_grcl_no_gpe"}
    assert (ROWS["lora_r32"].rank, ROWS["lora_r32"].alpha) == (32, 64)
    assert [row.tokens for row in ROWS.values() if row.tokens] == [16, 64]
    assert ROWS["p_encoder_clip_l14"].vision == "openai/clip-vit-large-patch14"


def test_recipes_and_rows_tell_the_same_of_each() -> None:
    """What a row is trained as is what it is loaded as."""
    configs = Path(__file__).parents[3] / "configs"
    base = yaml.safe_load((configs / "element_graph.yaml").read_text("utf-8"))
    recipes = yaml.safe_load((configs / "element_graph_rows.yaml").read_text("utf-8"))
    assert recipes.keys() == ROWS.keys()
    for name, changes in recipes.items():
        model = {**base["model"], **changes.get("model", {})}
        adapter = {**base["adapter"], **changes.get("adapter", {})}
        assert ROWS[name] == Row(
            name,
            model.get("vision", SIGLIP2),
            adapter["rank"],
            tuple(model.get("facets", ROWS["h_full_method"].facets)),
            model.get("tokens"),
        )
        assert ROWS[name].alpha == adapter["alpha"]


def test_new_lora_does_nothing_until_it_is_trained(tower: Tower) -> None:
    torch.manual_seed(0)
    model, inputs = new_model(ElementConfig(vision=tower("siglip2")))
    torch.manual_seed(0)
    with_it, _ = new_model(ElementConfig(vision=tower("siglip2"), lora=Lora(2, 4)))
    batch = inputs.texts(TEXTS)
    assert torch.allclose(model.eval()(**batch)[0], with_it.eval()(**batch)[0], atol=1e-6)
