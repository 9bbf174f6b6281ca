"""Chunks come together in the rows that they say, whatever their lengths."""

from __future__ import annotations

import torch

from svrag.training.batch import TokenBatch
from svrag.training.vectors import chunks_of, encode, together
from tests.training.made import tokens
from tests.training.small import Small, batch_of, encoder, questions


def test_rows_are_where_the_chunks_say() -> None:
    of = batch_of(questions(5), 2, placeless=True)
    parts = [tokens(len(chunk.rows), 3 + i, seed=i) for i, chunk in enumerate(chunks_of(of))]
    vectors = together(of, parts)
    assert vectors.placeless is not None
    wanted = [
        *((vectors.queries, chunk) for chunk in of.queries),
        *((vectors.documents, chunk) for chunk in of.documents),
        *((vectors.placeless, chunk) for chunk in of.placeless),
    ]
    for part, (whole, chunk) in zip(parts, wanted, strict=True):
        length = part.mask.shape[1]
        assert torch.equal(whole.vectors[chunk.rows, :length], part.vectors)
        assert torch.equal(whole.mask[chunk.rows, :length], part.mask)
        assert not whole.mask[chunk.rows, length:].any()
    assert vectors.placeless.mask.any(1).tolist() == [True, False, True, False, True]


def test_chunks_change_nothing() -> None:
    model = Small()
    several, one = (encode(encoder(model), batch_of(questions(5), chunk, placeless=False)) for chunk in (2, 100))
    assert several.placeless is None
    for some, whole in ((several.queries, one.queries), (several.documents, one.documents)):
        assert torch.equal(some.mask, whole.mask)
        assert torch.allclose(some.vectors[some.mask], whole.vectors[whole.mask], atol=1e-6)


def test_gradients_reach_every_chunk() -> None:
    of = batch_of(questions(5), 2, placeless=True)
    parts = [tokens(len(chunk.rows), 3 + i, seed=i) for i, chunk in enumerate(chunks_of(of))]
    leaves = [TokenBatch(part.vectors.requires_grad_(), part.mask) for part in parts]
    vectors = together(of, leaves)
    assert vectors.placeless is not None
    torch.stack(
        [vectors.queries.vectors.sum(), vectors.documents.vectors.sum(), vectors.placeless.vectors.sum()]
    ).sum().backward()
    assert all(torch.equal(leaf.vectors.grad, torch.ones_like(leaf.vectors)) for leaf in leaves)  # type: ignore[arg-type]
