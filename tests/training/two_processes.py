"""What each of two processes computes of one batch, for tests that compare it with one process."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from svrag.training.cached import cached_backward
from svrag.training.gather import gather_documents, gather_rows
from svrag.training.objective import Objective
from svrag.training.vectors import encode
from tests.training.made import OBJECTIVES, tokens
from tests.training.small import Small, batch_of, encoder, gradient_of, questions

QUESTIONS = 7
PARTS = (slice(0, 2), slice(2, QUESTIONS))
"""Of the processes: the second has more questions, more documents and more chunks."""
CHUNK = 2


def compute(rank: int, folder: str) -> None:
    """Writes a file of results for this process."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    results = {"gathered": _gathered(rank)}
    for name in OBJECTIVES:
        results[f"plain {name}"] = _plain(rank, name, dropout=0.0)
        results[f"plain {name} dropout"] = _plain(rank, name, dropout=0.3)
        results[f"cached {name} dropout"] = _cached(rank, name, dropout=0.3)
    torch.save(results, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def _gathered(rank: int) -> dict[str, torch.Tensor]:
    """Rank 0 has 2 documents of at most 3 tokens, rank 1 has 4 of 5; each weighs all tokens in its own way."""
    documents = tokens(2 + 2 * rank, 3 + 2 * rank, seed=rank)
    documents.vectors.requires_grad_()
    everyone, numbers, begin = gather_documents(documents, torch.arange(len(documents.mask)) + 10 * rank)
    weights = torch.randn(everyone.vectors.shape, generator=torch.Generator().manual_seed(7 + rank))
    # A gradient that is not contiguous, which some gathering gets wrong.
    (everyone.vectors.transpose(0, 1) * weights.transpose(0, 1)).sum().backward()
    gradient = documents.vectors.grad
    assert gradient is not None
    return {
        "vectors": everyone.vectors.detach(),
        "mask": everyone.mask,
        "numbers": numbers,
        "begin": torch.tensor(begin),
        "weights": weights,
        "gradient": gradient,
        "rows": gather_rows(torch.arange(2 + 2 * rank).reshape(-1, 2) + 10 * rank),
    }


def _plain(rank: int, name: str, dropout: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of this process, and gradient averaged as DDP does."""
    model, objective = Small(dropout), Objective(OBJECTIVES[name])
    torch.manual_seed(rank)
    batch = batch_of(questions(QUESTIONS)[PARTS[rank]], CHUNK, placeless=objective.needs_placeless)
    loss = objective(batch, *encode(encoder(model), batch))
    (loss * 2 / QUESTIONS).backward()
    gradient = gradient_of(model)
    dist.all_reduce(gradient)
    return loss.detach(), gradient / 2


def _cached(rank: int, name: str, dropout: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of this process, and gradient after DDP's averaging."""
    model, objective = Small(dropout), Objective(OBJECTIVES[name])
    ddp = DistributedDataParallel(model, find_unused_parameters=True)
    torch.manual_seed(rank)
    batch = batch_of(questions(QUESTIONS)[PARTS[rank]], CHUNK, placeless=objective.needs_placeless)
    loss = cached_backward(encoder(ddp), batch, objective, torch.Tensor.backward, 2 / QUESTIONS, alone=ddp.no_sync)
    return loss, gradient_of(model)
