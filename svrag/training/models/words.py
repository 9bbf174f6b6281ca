"""A layer that predicts words, for a BERT that was saved without one: made of its vocabulary alone, with no text.

Words are read one by one, each as a text of its own, and a linear map is fitted (ridge regression) from what the network
makes of each to that word's embedding. Before the embeddings, which are the network's own, it tells words of a text apart:
those that are there weigh most, and next to them those with similar embeddings. All words but the nearest weigh nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_WORDS = 8192
"""That are read at least, evenly spaced, of a larger vocabulary: twenty for each number of a common width."""
_AT_ONCE = 256
_RIDGE = 1e-2  # of the mean square of what is read
_LEAST = 0.4
"""Cosine between a token and a word's embedding from which the word weighs something. Abstracts of SciFact cut to 64 tokens
have 64 words then with all-MiniLM-L6-v2 (benchmarks/text_finetuning.py)."""
_SLOPE = 10.0  # of the logit, by cosine: a token's own word comes out at 1 to 3, as SPLADE's do
_LINEAR = 5.0
"""Added before the activation (GELU) and taken out by the LayerNorm after it: so far up the activation does nothing."""


@torch.no_grad()
def make_head(network: Any, tokenizer: Any) -> None:
    """Sets `network.cls.predictions` of a BertForMaskedLM, whose words are tied to its embeddings, in place."""
    embeddings = network.get_input_embeddings().weight
    mean = embeddings.mean(0)
    lengths = torch.linalg.vector_norm(embeddings - mean, dim=1, keepdim=True).clamp(min=1e-6)
    special = set(tokenizer.all_special_ids)
    words = torch.tensor([i for i in range(len(tokenizer)) if i not in special])
    words = words[:: max(1, len(words) // _WORDS)]
    weight, bias = _fitted(_read(network, tokenizer, words), ((embeddings - mean) / lengths)[words])
    width = embeddings.shape[1]
    predictions = network.cls.predictions
    dense, norm = predictions.transform.dense, predictions.transform.LayerNorm
    # The map gives numbers of 1 / sqrt(width) or less.
    dense.weight.copy_(width**0.5 * weight.T)
    dense.bias.copy_(width**0.5 * bias + _LINEAR)
    norm.weight.fill_(_SLOPE / width**0.5)  # what comes out of the norm has the length sqrt(width)
    norm.bias.zero_()
    predictions.bias.copy_(-_SLOPE * _LEAST * lengths[:, 0])
    network.tie_weights()


def _read(network: Any, tokenizer: Any, words: Tensor) -> Tensor:
    """(words, width): the last hidden state of each word as a text of its own."""
    first, last = (torch.tensor([token]) for token in (tokenizer.cls_token_id, tokenizer.sep_token_id))
    was = network.training
    network.eval()
    made = []
    for some in torch.split(words, _AT_ONCE):
        ids = torch.stack([first.expand(len(some)), some, last.expand(len(some))], dim=1)
        made.append(network.bert(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[:, 1])
    network.train(was)
    return torch.cat(made).float()


def _fitted(read: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """(width, width) and (width,): the map x -> x @ weight + bias that comes nearest to `wanted`."""
    known = torch.cat([read, torch.ones(len(read), 1)], dim=1).double()
    squares = known.T @ known
    ridge = _RIDGE * squares.diagonal().mean() * torch.eye(len(squares), dtype=torch.float64)
    solved = torch.linalg.solve(squares + ridge, known.T @ wanted.double()).float()
    return solved[:-1], solved[-1]
