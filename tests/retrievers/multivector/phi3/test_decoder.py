"""A row of a batch is decoded as it is alone, on either side of the length at which LongRoPE changes its factors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from transformers import Phi3Config, Phi3ForCausalLM, Phi3Model

from svrag.retrievers.multivector.phi3.decoder import Reader, decode, unit
from tests.retrievers.multivector.phi3.tiny import DECODER, shaken

LENGTHS = (5, 64, 65, 90)  # the switch is after 64
WIDTH = DECODER["hidden_size"]


@pytest.fixture(scope="module")
def decoder() -> Phi3Model:
    return shaken(lambda: Phi3Model(Phi3Config(**DECODER)))


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def rows() -> list[Tensor]:
    torch.manual_seed(2)
    return [torch.randn(length, WIDTH) for length in LENGTHS]


def batch(left: bool) -> tuple[Tensor, Tensor]:
    """Padding is anything, here large numbers."""
    longest = max(LENGTHS)
    embeddings, mask = torch.full((len(LENGTHS), longest, WIDTH), 7.0), torch.zeros(len(LENGTHS), longest)
    for i, row in enumerate(rows()):
        place = slice(longest - len(row), longest) if left else slice(len(row))
        embeddings[i, place], mask[i, place] = row, 1
    return embeddings, mask.long()


@pytest.mark.parametrize("left", [True, False])
def test_a_row_does_not_depend_on_its_batch(decoder: Phi3Model, left: bool) -> None:
    embeddings, mask = batch(left)
    together = decode(decoder, embeddings, mask)
    for i, row in enumerate(rows()):
        torch.testing.assert_close(together[i][mask[i].bool()], decode(decoder, row[None])[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("length", LENGTHS)
def test_as_transformers_decodes_one_row(decoder: Phi3Model, length: int) -> None:
    row = rows()[LENGTHS.index(length)][None]
    reference = decoder(inputs_embeds=row, output_hidden_states=True, use_cache=False)
    torch.testing.assert_close(decode(decoder, row), reference.last_hidden_state, atol=1e-5, rtol=0)
    for layer in (1, 2):
        states = decode(decoder, row, layers=layer)
        torch.testing.assert_close(states, reference.hidden_states[layer], atol=1e-5, rtol=0)


def test_factors_matter(decoder: Phi3Model) -> None:
    """Else the tests above would say nothing about them."""
    row = rows()[-1][None]
    long, short = decode(decoder, row), decode(decoder, row[:, :64])
    assert (long[:, :64] - short).abs().max() > 1e-3


def test_rope_without_factors() -> None:
    plain = shaken(lambda: Phi3Model(Phi3Config(**{**DECODER, "rope_parameters": None})))
    row = rows()[0][None]
    torch.testing.assert_close(decode(plain, row), plain(inputs_embeds=row).last_hidden_state, atol=1e-5, rtol=0)


def test_unit_vectors_have_length_1_and_padding_0() -> None:
    vectors = unit(torch.tensor([[[3.0, 4.0], [0.0, 0.0], [1.0, 1.0]]]), torch.tensor([[1, 1, 0]]))
    assert vectors.tolist() == [[[pytest.approx(0.6), pytest.approx(0.8)], [0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("length", [3, 60, 64, 70])
def test_a_text_read_bit_by_bit_goes_on_as_transformers_has_it(length: int) -> None:
    """Across the length at which LongRoPE changes its factors, too: there transformers 5.19 goes astray with a cache."""
    model = shaken(lambda: Phi3ForCausalLM(Phi3Config(**DECODER)))
    ids = torch.randint(3, 256, (1, length), generator=torch.Generator().manual_seed(length))
    settings = {"max_new_tokens": 10, "do_sample": False, "eos_token_id": None, "use_cache": False}
    theirs = model.generate(ids, **settings)[0, length:].tolist()
    reader = Reader(model.model)
    ours, step = [], ids
    for _ in range(10):
        state = reader.read(model.model.embed_tokens(step))
        ours.append(int(model.lm_head(state).argmax()))
        step = torch.tensor([ours[-1:]])
    assert ours == theirs


def test_what_is_read_in_parts_is_as_if_read_at_once(decoder: Phi3Model) -> None:
    for row in rows():
        reader = Reader(decoder)
        for part in row[None].split(13, dim=1):
            last = reader.read(part)
        torch.testing.assert_close(last, decode(decoder, row[None])[:, -1], atol=1e-4, rtol=1e-4)
