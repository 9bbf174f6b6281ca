from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig, Lora
from svrag.retrievers.elements.model import ElementGraphModel, new_model, with_lora
from tests.retrievers.elements.made import PLACES, TEXTS, encoder, pictures
from tests.retrievers.multivector.tiny import change_weights

Tower = Callable[[str], str]

KINDS = ("siglip2", "clip", "bert", "siglip2+bert")


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_hidden_states_with_their_place_projected(tower: Tower, kind: str) -> None:
    model, inputs = encoder(tower, kind)
    batch = inputs.texts(TEXTS, PLACES)
    with torch.no_grad():
        vectors, mask = model(**batch)
        hidden = model.text(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        assert model.gpe is not None
        added = model.gpe(hidden, batch)
        expected = torch.nn.functional.normalize(model.proj_text(model.ln_text(added)), dim=-1)
    assert torch.allclose(vectors[mask], expected[mask], atol=1e-6)
    assert torch.equal(mask.sum(1), batch["attention_mask"].sum(1))
    assert not vectors[~mask].any()
    assert torch.allclose(vectors.norm(dim=-1), mask.float(), atol=1e-5)


@pytest.mark.parametrize("kind", ["siglip2", "clip"])
def test_texts_and_pictures_see_what_the_checkpoints_towers_give(tower: Tower, kind: str) -> None:
    model, inputs = encoder(tower, kind, facets=())
    whole = AutoModel.from_pretrained(tower(kind)).eval()
    with torch.no_grad():
        batch = inputs.texts(TEXTS[:1])
        assert batch.keys() == {"input_ids", "attention_mask"}
        hidden = whole.text_model(**batch).last_hidden_state
        expected = torch.nn.functional.normalize(model.proj_text(model.ln_text(hidden)), dim=-1)
        assert torch.allclose(model(**batch)[0], expected, atol=1e-6)
        seen = inputs.pictures(pictures())
        hidden = whole.vision_model(**seen).last_hidden_state[:, int(kind == "clip") :]
        assert hidden.shape[1] == 16
        expected = torch.nn.functional.normalize(model.proj_vision(model.ln_vision(hidden)), dim=-1)
        made, mask = model(**seen)
        assert torch.allclose(made, expected, atol=1e-6)
        assert mask.all()


@pytest.mark.parametrize("kind", ["siglip2", "clip", "siglip2+bert"])
def test_pictures_have_places_too(tower: Tower, kind: str) -> None:
    model, inputs = encoder(tower, kind)
    with torch.no_grad():
        placed = model(**inputs.pictures(pictures(), PLACES))[0]
        bare = model(**inputs.pictures(pictures()))[0]
    assert (placed[:2] - bare[:2]).abs().max() > 1e-3
    assert torch.allclose(placed[2], bare[2], atol=1e-6)


def test_a_wider_vision_tower_takes_places_through_a_layer_that_starts_at_nothing(tower: Tower) -> None:
    model, inputs = new_model(ElementConfig(vision=tower("clip")), gate=2.0)
    model.eval()
    assert model.gpe_to_vision is not None
    with torch.no_grad():
        placed, bare = (model(**inputs.pictures(pictures(), places))[0] for places in (PLACES, None))
        assert torch.equal(placed, bare)
        placed, bare = (model(**inputs.texts(TEXTS, places))[0] for places in (PLACES, None))
        assert not torch.allclose(placed, bare)
    assert encoder(tower, "siglip2")[0].gpe_to_vision is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_text_becomes_does_not_depend_on_its_batch(tower: Tower, kind: str) -> None:
    model, inputs = encoder(tower, kind)
    with torch.no_grad():
        together, mask = model(**inputs.texts(TEXTS, PLACES))
        for row, text in enumerate(TEXTS):
            alone, _ = model(**inputs.texts([text], [PLACES[row]]))
            assert torch.allclose(together[row][mask[row]], alone[0], atol=1e-5)


def test_patches_are_pooled_in_the_grid(tower: Tower) -> None:
    whole, inputs = encoder(tower, "siglip2")
    pooled, _ = encoder(tower, "siglip2", tokens=4)
    seen = inputs.pictures(pictures())["pixel_values"]
    with torch.no_grad():
        hidden = whole.vision(pixel_values=seen).last_hidden_state
        grid = hidden.reshape(3, 2, 2, 2, 2, -1).mean(dim=(2, 4)).reshape(3, 4, -1)
        expected = torch.nn.functional.normalize(pooled.proj_vision(pooled.ln_vision(grid)), dim=-1)
        assert torch.allclose(pooled(pixel_values=seen)[0], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "layers"), [("siglip2", 12), ("clip", 12), ("bert", 8), ("siglip2+bert", 12)])
def test_lora_is_on_the_attention_of_both_towers_and_heads_stay_trained(tower: Tower, kind: str, layers: int) -> None:
    model, inputs = new_model(
        ElementConfig(vision=None, text=tower("bert")) if kind == "bert" else _config(tower, kind)
    )
    model.eval()
    before = model(**inputs.texts(TEXTS, PLACES))[0].detach()
    with_lora(model, 4, 8, dropout=0.1, init="gaussian")
    assert torch.allclose(model.eval()(**inputs.texts(TEXTS, PLACES))[0], before, atol=1e-6)
    trained = {key for key, weight in model.named_parameters() if weight.requires_grad}
    adapters = {key for key in trained if ".lora_" in key}
    assert len(adapters) == 2 * layers
    assert all(key.startswith(("ln_", "proj_", "gpe")) for key in trained - adapters)
    assert {"proj_text.weight", "gpe.raw_beta", "gpe.raw_alpha_pos"} <= trained
    assert model.config.lora == Lora(4, 8)
    rank = next(weight for key, weight in model.named_parameters() if key.endswith("lora_A.default.weight"))
    assert rank.shape[0] == 4


def _config(tower: Tower, kind: str) -> ElementConfig:
    vision, _, text = kind.partition("+")
    return ElementConfig(vision=tower(vision), text=tower(text) if text else None)


def test_everything_trained_gets_a_gradient(tower: Tower) -> None:
    model, inputs = encoder(tower, "siglip2", lora=2)
    model.train()
    texts, _ = model(**inputs.texts(TEXTS))
    seen, _ = model(**inputs.pictures(pictures(), PLACES))
    (texts.sum(1) * seen.sum(1)).sum().backward()
    lacking = [key for key, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]
    assert not lacking
    assert model.gpe is not None
    assert model.gpe.raw_beta.grad is not None
    assert model.gpe.raw_beta.grad.abs() > 0


def test_a_loss_goes_down(tower: Tower) -> None:
    model, inputs = encoder(tower, "siglip2", lora=2)
    model.train()
    optimiser = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], lr=1e-2)
    questions, elements = inputs.texts(TEXTS), inputs.pictures(pictures(), PLACES)
    losses = []
    for _ in range(25):
        (read, mask), (seen, _) = model(**questions), model(**elements)
        scores = (torch.einsum("qtw,dpw->qdtp", read, seen).amax(-1) * mask[:, None]).sum(-1)
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(3))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < 0.1 < losses[0]


def test_one_seed_makes_one_encoder(tower: Tower) -> None:
    def made(seed: int) -> ElementGraphModel:
        torch.manual_seed(seed)
        return new_model(ElementConfig(vision=tower("siglip2")))[0]

    first, again, other = made(3).state_dict(), made(3).state_dict(), made(4).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["proj_text.weight"], other["proj_text.weight"])


def test_impossible_encoders_are_refused(tower: Tower, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a text tower"):
        ElementConfig(vision=None)
    with pytest.raises(InputError, match="no facet 'colour'"):
        ElementConfig(facets=("colour",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="fill a square"):
        ElementConfig(tokens=15)
    with pytest.raises(InputError, match="16 patches"):
        new_model(ElementConfig(vision=tower("siglip2"), tokens=25))
    with pytest.raises(InputError, match="no vision tower known here"):
        new_model(ElementConfig(vision=tower("bert")))
    with pytest.raises(InputError, match="there is no such folder"):
        new_model(ElementConfig(vision=None, text=str(tmp_path / "nowhere")))
    with pytest.raises(InputError, match="no layers for LoRA in a tower of type siglip_text_model"):
        with_lora(encoder(tower, "siglip2")[0], 4, 8, targets=("nothing",))


def test_towers_with_weights_missing_are_refused(tower: Tower, tmp_path: Path) -> None:
    from tests.retrievers.elements.tiny import write_siglip2

    folder = write_siglip2(tmp_path)
    change_weights(folder, without="layers.1.self_attn.q_proj.weight")
    with pytest.raises(InputError, match="missing"):
        new_model(ElementConfig(vision=str(folder)))
