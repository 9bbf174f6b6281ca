"""Memory and time of a training step against the size of its batch, with the cached loss (GradCache) and without.

    python benchmarks/cached_loss.py [--batch N] [--chunk N] [--runs N] [--device cpu|cuda] [--tiny] [--json OUT]

The encoder has the shape of all-MiniLM-L6 and random weights: what is measured does not depend on what they are. A batch
of N has N questions of 16 tokens and N documents of 64; the loss is InfoNCE over all documents of the batch. Batches of
once, twice, four and eight times N are read plainly and in chunks, with the same loss and gradient.

Every point is a process of its own, after one step over a single chunk, which makes gradients and workspaces. Memory is
what a step needs beyond that: on a CPU the growth of the resident set (VmHWM in /proc/self/status, set back before the
step; getrusage's peak would be that of the whole process and of the one that started it), so Linux with glibc; on a GPU
the peak of torch's allocator less what was allocated before.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from svrag.training.batch import Batch, Chunk, TokenBatch
from svrag.training.cached import cached_backward
from svrag.training.config import LossPart
from svrag.training.objective import Objective
from svrag.training.vectors import encode

TIMES = (1, 2, 4, 8)
QUESTION, DOCUMENT = 16, 64
"""Tokens."""


@dataclass(frozen=True, slots=True)
class Point:
    """Attributes:
    step_mb: most memory of a step beyond what the model and its gradients need.
    seconds: of a step, the median of the runs.
    loss: mean over the batch.
    """

    cached: bool
    batch: int
    chunk: int
    step_mb: float
    seconds: float
    loss: float


class Encoder(nn.Module):
    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(1000, width)
        layer = nn.TransformerEncoderLayer(
            width, width // 32, 4 * width, dropout=dropout, activation="gelu", batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, 128)

    def forward(self, chunk: Chunk) -> TokenBatch:
        words = chunk.inputs["words"]
        vectors = normalize(self.head(self.layers(self.words(words))), dim=-1)
        return TokenBatch(vectors, torch.ones_like(words, dtype=torch.bool))


def batch_of(size: int, chunk: int, device: str) -> Batch:
    def chunks(length: int) -> tuple[Chunk, ...]:
        return tuple(
            Chunk({"words": torch.randint(1000, (len(rows), length))}, rows)
            for rows in torch.arange(size).split(chunk)
        )

    numbers = torch.arange(size)
    made = Batch(chunks(QUESTION), chunks(DOCUMENT), (), numbers[:, None], torch.ones(size, 1), numbers, numbers)
    return made.to(device)


def measure(
    *, cached: bool, batch: int, chunk: int, runs: int, device: str, tiny: bool, dropout: float = 0.1
) -> Point:
    """One point, in this process."""
    torch.manual_seed(0)
    model = Encoder(64, 2, dropout) if tiny else Encoder(384, 6, dropout)
    model.to(device).train()
    objective = Objective(LossPart(name="infonce"))

    def step(some: Batch) -> Tensor:
        torch.manual_seed(1)
        model.zero_grad(set_to_none=False)
        if cached:
            return cached_backward(model, some, objective, Tensor.backward, 1 / len(some.pool))
        loss = objective(some, *encode(model, some))
        (loss / len(some.pool)).backward()
        return loss.detach()

    step(batch_of(chunk, chunk, device))
    some = batch_of(batch, chunk if cached else batch, device)
    before = _start(device)
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        loss = float(step(some))
        seconds.append(time.perf_counter() - started)
    return Point(cached, batch, chunk, (_peak(device) - before) / 1e6, statistics.median(seconds), loss / batch)


def _start(device: str) -> int:
    """Bytes in use; from here on the peak counts."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    ctypes.CDLL(None).malloc_trim(0)  # what earlier steps have freed would hide what the next ones need
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _peak(device: str) -> int:
    return _resident("VmHWM") if device == "cpu" else torch.cuda.max_memory_allocated()


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def main(arguments: Sequence[str] | None = None) -> list[Point]:
    """Prints the table; returns its points."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=16, help="the smallest batch (default: %(default)s)")
    parser.add_argument("--chunk", type=int, default=8, help="items read at once (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="steps per point (default: %(default)s)")
    parser.add_argument("--times", type=int, nargs="+", default=TIMES, help="sizes of batches (default: 1 2 4 8)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--tiny", action="store_true", help="a model of two narrow layers")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the points to this file")
    parser.add_argument("--point", choices=["plain", "cached"], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.point:
        point = measure(
            cached=options.point == "cached",
            batch=options.batch,
            chunk=options.chunk,
            runs=options.runs,
            device=options.device,
            tiny=options.tiny,
        )
        print(json.dumps(asdict(point)))
        return [point]

    points = []
    print(f"{'batch':>6} {'plain MB':>9} {'cached MB':>10} {'plain s':>8} {'cached s':>9}   torch {torch.__version__}")
    for times in options.times:
        pair = [_apart(options, how, options.batch * times) for how in ("plain", "cached")]
        plain, cached = pair
        print(
            f"{plain.batch:>6} {plain.step_mb:>9.0f} {cached.step_mb:>10.0f} "
            f"{plain.seconds:>8.2f} {cached.seconds:>9.2f}",
            flush=True,
        )
        points += pair
    if options.json:
        options.json.write_text(json.dumps([asdict(point) for point in points], indent=1))
    return points


def _apart(options: argparse.Namespace, how: str, batch: int) -> Point:
    """A point, in a process of its own."""
    command = [sys.executable, __file__, "--point", how, "--batch", str(batch), "--chunk", str(options.chunk)]
    command += ["--runs", str(options.runs), "--device", options.device, *(["--tiny"] if options.tiny else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Point(**json.loads(done.stdout))


if __name__ == "__main__":
    main()
