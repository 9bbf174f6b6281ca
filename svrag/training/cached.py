"""Large batches in small memory: vectors of all chunks first, their gradients next, then the model chunk by chunk.

GradCache (Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, arXiv 2101.06983). The
loss of a contrastive batch depends on all of its vectors, but on a model's activations only through them. So

1. every chunk is encoded without gradients, and the state of the random generators before it is kept;
2. the objective is computed on these vectors, and its gradient with respect to each of them;
3. every chunk is encoded again, with gradients and the same dropout, and its vectors' gradients are carried on into the
   weights: backward of sum(vectors * gradients).

Loss and gradients are those of the plain step. Activations of one chunk are held at a time; what grows with the batch
is the token vectors, a few hundred bytes each. The price is a second forward pass.

sentence-transformers has cached losses that are tied to its own models and one text or picture per column;
here chunks hold what they hold, and any objective does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.utils.checkpoint import get_device_states, set_device_states

from svrag.training.batch import Batch, Chunk, TokenBatch
from svrag.training.vectors import chunks_of, together


def _in_order(chunks: Sequence[Chunk]) -> list[tuple[int | None, Chunk]]:
    return list(enumerate(chunks))


def cached_backward(
    encode: Callable[[Chunk], TokenBatch],
    batch: Batch,
    objective: Callable[..., Tensor],
    backward: Callable[[Tensor], None],
    scale: float,
    *,
    alone: Callable[[], AbstractContextManager[object]] = nullcontext,
    passes: Callable[[Sequence[Chunk]], Sequence[tuple[int | None, Chunk]]] = _in_order,
) -> Tensor:
    """Adds the gradient of `scale` times the objective to the weights; the objective, (), without gradients.

    With DDP each process adds the gradient of its own chunks, and they agree on the sum once, in the last chunk's
    backward pass; all other passes are inside `alone`, which is DDP's `no_sync` (it has to be entered before the
    forward pass already, which is why `backward` alone is not enough). Processes may have different numbers of chunks,
    as they exchange nothing before their last. A last chunk may leave weights unused that earlier ones have used (texts
    come before pictures): DDP needs `find_unused_parameters=True`, which counts what was used inside `no_sync`, and
    then gets all of them.

    With FSDP processes exchange weights in every pass and gradients in every backward pass, so that all need as many
    passes of one kind: `passes` is that of `svrag.training.sharded`, and nothing is `alone`.

    Args:
        objective: an `Objective`, of what `together` gives.
        encode: the model on one chunk. It is called twice for each pass, and has to do the same thing both times.
        backward: of a loss, as accelerate's; called once per pass.
        scale: processes / questions of the whole step, as for a plain step's loss.
        alone: context of all passes with gradients but the last one's.
        passes: chunks in the order in which they are read, each with its number, None where it is read for nothing.
    """
    chunks = chunks_of(batch)
    order = passes(chunks)
    states, found = [], {}
    with torch.no_grad():
        for number, chunk in order:
            states.append((torch.get_rng_state(), *get_device_states(chunk.rows)))
            tokens = encode(chunk)
            if number is not None:
                found[number] = tokens
    parts = [found.pop(number) for number in range(len(chunks))]
    leaves = [TokenBatch(part.vectors.detach().requires_grad_(), part.mask) for part in parts]
    loss = objective(batch, *together(batch, leaves))
    gradients = torch.autograd.grad(loss * scale, [leaf.vectors for leaf in leaves])
    del parts, leaves

    for index, ((number, chunk), (state, devices, device_states)) in enumerate(zip(order, states, strict=True)):
        torch.set_rng_state(state)
        set_device_states(devices, device_states)
        with nullcontext() if index == len(order) - 1 else alone():
            tokens = encode(chunk)
            if number is None:
                backward(0.0 * tokens.vectors.sum())
                continue
            known = gradients[number].masked_fill(~tokens.mask[:, :, None], 0.0)
            vectors = tokens.vectors.masked_fill(~tokens.mask[:, :, None], 0.0)
            backward((vectors.to(known.dtype) * known).sum())
    return loss.detach()
