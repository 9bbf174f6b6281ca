"""Time and inertia of the k-means that pools token vectors, beside scikit-learn's on one document after the other.

    python benchmarks/kmeans.py [--documents N] [--tokens N] [--runs N] [--factors F ...] [--json OUT]

Documents are random walks over directions: neighbours are alike and words come back, as among real token vectors. With
--parquet FILE --column NAME --encoder FOLDER they are the token vectors that an encoder of sentence-transformers makes of
texts. Both start from greedy k-means++; both use the threads that the machine gives them (OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from svrag.retrievers.maxsim.kmeans import inertia, kmeans


@dataclass(frozen=True, slots=True)
class Row:
    """Attributes:
    ours, theirs: milliseconds of a document, medians of the runs.
    inertia: ours divided by theirs, both summed over the documents.
    """

    dimension: int
    factor: int
    ours: float
    theirs: float
    inertia: float


def walks(documents: int, tokens: int, dimension: int) -> list[Tensor]:
    """Of half to all of so many tokens."""
    draw = torch.Generator().manual_seed(0)
    made = []
    for i in range(documents):
        count = tokens // 2 + (tokens - tokens // 2) * (i + 1) // documents
        words = torch.randn(max(1, count // 2), dimension, generator=draw)
        topic = torch.randn(count, dimension, generator=draw).cumsum(0) / count**0.5
        chosen = words[torch.randint(len(words), (count,), generator=draw)]
        made.append(normalize(chosen + topic + 0.5 * torch.randn(count, dimension, generator=draw), dim=1))
    return made


def encoded(texts: Sequence[str], encoder: str) -> list[Tensor]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(encoder, device="cpu")
    return [normalize(made.float(), dim=1) for made in model.encode(list(texts), output_value="token_embeddings")]


def measure(documents: Sequence[Tensor], factor: int, runs: int) -> Row:
    from sklearn.cluster import KMeans

    wanted = torch.tensor([max(1, len(document) // factor) for document in documents])
    vectors = torch.nn.utils.rnn.pad_sequence(list(documents), batch_first=True)
    mask = torch.arange(vectors.shape[1]) < torch.tensor([len(document) for document in documents])[:, None]

    def theirs() -> list[Tensor]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of documents with equal tokens
            return [
                torch.from_numpy(KMeans(number, n_init=1, random_state=0).fit(document.numpy()).labels_).long()
                for document, number in zip(documents, wanted.tolist(), strict=True)
            ]

    def ours() -> list[Tensor]:
        return [labels[there] for labels, there in zip(kmeans(vectors, mask, wanted), mask, strict=True)]

    (our_time, our_labels), (their_time, their_labels) = _timed(ours, runs), _timed(theirs, runs)
    spread = [
        sum(inertia(document, labels) for document, labels in zip(documents, found, strict=True))
        for found in (our_labels, their_labels)
    ]
    count = len(documents) / 1000
    return Row(vectors.shape[2], factor, our_time / count, their_time / count, spread[0] / spread[1])


def _timed(work: Callable[[], list[Tensor]], runs: int) -> tuple[float, list[Tensor]]:
    made = work()  # threads start, and memory is taken
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        made = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), made


def main(arguments: Sequence[str] | None = None) -> list[Row]:
    """Prints the table; returns its rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=300, help="of the longest (default: %(default)s)")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[64, 128, 384])
    parser.add_argument("--factors", type=int, nargs="+", default=[2, 3, 4, 6])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--parquet", type=Path, help="texts instead of made up vectors")
    parser.add_argument("--column", default="abstract")
    parser.add_argument("--encoder", help="folder; needed with --parquet")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args(arguments)
    if options.parquet:
        import pyarrow.parquet as pq

        texts = pq.read_table(options.parquet, columns=[options.column])[options.column].to_pylist()
        sets = [encoded(texts[: options.documents], options.encoder)]
    else:
        sets = [walks(options.documents, options.tokens, dimension) for dimension in options.dimensions]
    print(f"{'dim':>4} {'factor':>6} {'ours ms':>8} {'sklearn ms':>10} {'times':>6} {'inertia':>8}")
    rows = []
    for documents in sets:
        for factor in options.factors:
            row = measure(documents, factor, options.runs)
            rows.append(row)
            print(
                f"{row.dimension:>4} {row.factor:>6} {row.ours:>8.2f} {row.theirs:>10.2f} "
                f"{row.theirs / row.ours:>6.1f} {row.inertia:>8.4f}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return rows


if __name__ == "__main__":
    main()
