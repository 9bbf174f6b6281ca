"""How well a model ranks documents that it was not trained on: what the best checkpoint is chosen by.

Each question ranks the distinct documents of all held-out examples, or only its own pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from svrag.errors import InputError
from svrag.evaluation.metrics import ndcg, page_recall, reciprocal_rank
from svrag.training.batch import Chunk, Example, Item, TokenBatch
from svrag.training.collate import Collator
from svrag.training.scoring import maxsim

_DOCUMENTS_AT_ONCE = 64

Vectors = dict[int, Tensor]
"""Of each item, by its number: (tokens, dimension), on the CPU."""


def evaluate(
    encode: Callable[[Chunk], TokenBatch],
    collator: Collator,
    examples: Sequence[Example],
    *,
    own_pool: bool,
    shortened: Sequence[Callable[[Tensor], Tensor]] = (lambda vectors: vectors,),
    device: torch.device | str = "cpu",
    share: bool = True,
) -> dict[str, float]:
    """Means over the questions of ndcg@10, mrr, recall@1, recall@5 and recall@10.

    What is relevant, for mrr and recall, is what is most relevant of the question's documents. Among equal scores the
    order has nothing to do with what is relevant. All processes have to call it.

    Args:
        encode: the model on one chunk, as it answers: no dropout, no gradients.
        collator: whose chunks are as large as fits.
        shortened: ways to pool a document's vectors, (tokens, dimension): metrics are means over them too.
        own_pool: a question ranks its own documents; otherwise those of all examples.
        share: each process encodes a part and gets it all. Not where weights are shared out: they are exchanged in every
            pass, so that all processes have to make the same ones.

    Raises:
        InputError: no question has a relevant document.
    """
    documents = {document.number: document for example in examples for document in example.documents}
    queries = {example.query.number: example.query for example in examples}
    vectors = _encoded(encode, collator, queries.values(), query=True, share=share)
    found = _encoded(encode, collator, documents.values(), query=False, share=share)
    results = []
    for way in shortened:
        short = {number: way(some) for number, some in found.items()}
        for example in examples:
            gains = _gains(example)
            if not gains:
                continue
            pool = sorted({document.number for document in example.documents} if own_pool else documents)
            scores = _scores(vectors[example.query.number], [short[number] for number in pool], device)
            order = torch.argsort(scores, descending=True, stable=True).tolist()
            results.append(_metrics([pool[i] for i in order], gains))
    if not results:
        raise InputError("none of the held-out examples has a relevant document: look at data.held_out")
    return {name: sum(result[name] for result in results) / len(results) for name in results[0]}


def _metrics(ranking: Sequence[int], gains: Mapping[int, float]) -> dict[str, float]:
    top = max(gains.values())
    gold = [number for number, gain in gains.items() if gain == top]
    recalls = {f"recall@{k}": page_recall(ranking, gold, k) for k in (1, 5, 10)}
    return {"ndcg@10": ndcg(ranking, gains, 10), "mrr": reciprocal_rank(ranking, gold), **recalls}


def _gains(example: Example) -> dict[int, float]:
    """Of the documents that are relevant at all. A teacher's scores may be any numbers: its least becomes 0."""
    least = min(example.relevance)
    floor = least if least < 0 or max(example.relevance) > 1 else 0.0
    gains: dict[int, float] = {}
    for document, relevance in zip(example.documents, example.relevance, strict=True):
        if relevance > floor:
            gains[document.number] = max(relevance - floor, gains.get(document.number, 0.0))
    return gains


def _scores(query: Tensor, documents: Sequence[Tensor], device: torch.device | str) -> Tensor:
    """(documents,) on the CPU."""
    asked = _padded([query], device)
    parts = []
    for start in range(0, len(documents), _DOCUMENTS_AT_ONCE):
        some = _padded(documents[start : start + _DOCUMENTS_AT_ONCE], device)
        parts.append(maxsim(asked, some)[0].cpu())
    return torch.cat(parts)


def _padded(items: Sequence[Tensor], device: torch.device | str) -> TokenBatch:
    vectors = torch.nn.utils.rnn.pad_sequence(list(items), batch_first=True).to(device)
    lengths = torch.tensor([len(item) for item in items], device=device)
    return TokenBatch(vectors, torch.arange(vectors.shape[1], device=device) < lengths[:, None])


@torch.no_grad()
def _encoded(
    encode: Callable[[Chunk], TokenBatch], collator: Collator, items: Iterable[Item], *, query: bool, share: bool
) -> Vectors:
    together = share and dist.is_available() and dist.is_initialized()
    processes, process = (dist.get_world_size(), dist.get_rank()) if together else (1, 0)
    mine = list(items)[process::processes]
    vectors: Vectors = {}
    for chunk in collator.chunks(enumerate(mine), query=query):
        tokens = encode(chunk)
        for row, some, mask in zip(chunk.rows.tolist(), tokens.vectors, tokens.mask, strict=True):
            vectors[mine[row].number] = some[mask].float().cpu()
    if not together:
        return vectors
    parts: list[Vectors] = [{} for _ in range(processes)]
    dist.all_gather_object(parts, vectors)
    return {number: some for part in parts for number, some in part.items()}
