from __future__ import annotations

import math

import pytest
import torch

from svrag.documents.model import ELEMENT_TYPES
from svrag.graph.model import SECTION_ROLES
from svrag.graph.places import Place
from svrag.retrievers.elements.config import FACETS, Facet
from svrag.retrievers.elements.gpe import FEATURES, GraphPositionEmbedding, features_of, sinusoid

PLACES = [
    Place("text", "front_matter", 1.0, 0.0),
    Place("section_header", "other", 3.0, 0.9),
    Place("figure", "result", 2.0, 1 / 3),
]


def by_hand(gpe: GraphPositionEmbedding, place: Place, width: int) -> list[float]:
    """The formula, number by number."""

    def gate(raw: torch.Tensor) -> float:
        return 1 / (1 + math.exp(-raw.item()))

    def wave(value: float, i: int) -> float:
        half = width // 2
        angle = value / 1000 ** ((i % half) / half)
        return math.sin(angle) if i < half else math.cos(angle)

    kind, role = ELEMENT_TYPES.index(place.type), SECTION_ROLES.index(place.role)
    return [
        gate(gpe.raw_beta)
        * (
            gate(gpe.raw_alpha_type) * gpe.type_emb.weight[kind, i].item()
            + gate(gpe.raw_alpha_role) * gpe.role_emb.weight[role, i].item()
            + gate(gpe.raw_alpha_depth) * wave(place.depth, i)
            + gate(gpe.raw_alpha_pos) * wave(100 * place.position, i)
        )
        for i in range(width)
    ]


@pytest.mark.parametrize("facets", [FACETS, ("type",), ("role", "pos")])
def test_is_the_formula(facets: tuple[Facet, ...]) -> None:
    torch.manual_seed(0)
    gpe = GraphPositionEmbedding(12, facets, gate=0.3)
    hidden = torch.randn(3, 5, 12)
    with torch.no_grad():
        added = gpe(hidden, features_of(PLACES)) - hidden
    for row, place in zip(added, PLACES, strict=True):
        expected = torch.tensor(by_hand(gpe, place, 12))
        for token in row:
            assert torch.allclose(token, expected, atol=1e-5)


def test_what_has_no_place_stays_as_it_is() -> None:
    gpe = GraphPositionEmbedding(8, FACETS, gate=0.0)
    hidden = torch.randn(3, 2, 8)
    made = gpe(hidden, features_of([PLACES[0], None, PLACES[1]]))
    assert torch.equal(made[1], hidden[1])
    assert (made[[0, 2]] - hidden[[0, 2]]).abs().min() > 0
    assert set(features_of([None])) == set(FEATURES)


def test_gates_start_small_and_those_of_other_facets_are_shut_for_good() -> None:
    gpe = GraphPositionEmbedding(8, ("type", "depth"))
    start = 1 / (1 + math.exp(3))
    for name, is_open in (("type", True), ("role", False), ("depth", True), ("pos", False)):
        raw = getattr(gpe, f"raw_alpha_{name}")
        assert raw.requires_grad is is_open
        assert torch.sigmoid(raw).item() == pytest.approx(start if is_open else 1 / (1 + math.exp(10)))
    assert torch.sigmoid(gpe.raw_beta).item() == pytest.approx(start)
    gpe(torch.randn(3, 2, 8), features_of(PLACES)).pow(2).sum().backward()
    assert gpe.raw_alpha_type.grad is not None
    assert gpe.raw_alpha_type.grad.abs() > 0
    assert gpe.raw_alpha_role.grad is None
    assert gpe.raw_beta.grad is not None
    assert gpe.raw_beta.grad.abs() > 0


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    gpe = GraphPositionEmbedding(6, FACETS, gate=-1.0)
    features = features_of([*PLACES, None])
    hidden = torch.randn(4, 2, 6)

    def value() -> torch.Tensor:
        return (gpe(hidden, features) ** 3).sum()

    value().backward()
    for name in ("raw_beta", "raw_alpha_type", "raw_alpha_role", "raw_alpha_depth", "raw_alpha_pos"):
        weight = gpe.get_parameter(name)
        with torch.no_grad():
            around = []
            for step in (0.01, -0.01):
                weight += step
                around.append(float(value()))
                weight -= step
        assert weight.grad is not None
        assert (around[0] - around[1]) / 0.02 == pytest.approx(float(weight.grad), rel=2e-2, abs=2e-3)


def test_embeddings_of_places_without_any_are_still_trained_by_zero() -> None:
    """Every weight has a gradient, so that processes that see no place agree with those that do."""
    gpe = GraphPositionEmbedding(6, FACETS)
    gpe(torch.randn(2, 2, 6), features_of([None, None])).sum().backward()
    assert all(weight.grad is not None and not weight.grad.any() for weight in gpe.parameters())


def test_sinusoids_are_sines_then_cosines() -> None:
    made = sinusoid(torch.tensor([0.0, 2.0]), 7)
    assert made.shape == (2, 7)
    assert torch.equal(made[0], torch.tensor([0.0, 0, 0, 1, 1, 1, 0]))
    assert made[1, 0] == pytest.approx(math.sin(2))
    assert made[1, 3] == pytest.approx(math.cos(2))


def test_pages_have_no_place() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        features_of([Place("page", "other", 1.0, 0.0)])
