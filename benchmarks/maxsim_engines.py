"""What maxsim.py compares: ways of finding the documents with the greatest MaxSim, ours and those of other projects.

Each is built from the same vectors, opened, and asked for the ten best. Those that keep nothing on disk are handed the
vectors in memory.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from svrag.documents.model import Box, Document, Element, Page
from svrag.graph.model import ElementGraph
from svrag.library.store import Library
from svrag.library.tokens.identity import IndexIdentity, IndexSettings, Precision, Unit
from svrag.library.tokens.index import TokenIndex
from svrag.retrievers.maxsim.quantise import to_int8
from svrag.retrievers.maxsim.scan import exact, scan

Floats = NDArray[np.float32]
K = 10
Search = Callable[[Floats], list[int]]
"""The K best documents for a question's vectors, best first."""


@dataclass(frozen=True)
class Data:
    """Documents vectors[starts[i]:starts[i + 1]]; vectors of length 1."""

    vectors: Floats
    starts: NDArray[np.int64]

    @property
    def documents(self) -> list[Floats]:
        return [self.vectors[a:b] for a, b in itertools.pairwise(self.starts.tolist())]

    @property
    def length(self) -> int | None:
        """Of every document; None when they differ."""
        lengths = np.unique(np.diff(self.starts))
        return int(lengths[0]) if len(lengths) == 1 else None


class Engine(Protocol):
    """`needs` names the module that must be there; `stores`: whether `build` writes what `open` reads.

    What `open` opens is closed with its stack.
    """

    name: str
    needs: str
    stores: bool

    def prepare(self, data: Data, folder: Path) -> None:
        """What building needs and is not measured."""

    def build(self, data: Data, folder: Path) -> None: ...

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search: ...


class InMemory:
    stores = False

    def prepare(self, data: Data, folder: Path) -> None:
        pass

    def build(self, data: Data, folder: Path) -> None:
        pass


class OnDisk:
    stores = True

    def prepare(self, data: Data, folder: Path) -> None:
        pass


def best(scores: NDArray[np.floating]) -> list[int]:
    top = np.argpartition(-scores, min(K, len(scores)) - 1)[:K]
    found: list[int] = top[np.argsort(-scores[top])].tolist()
    return found


# Ours ----------------------------------------------------------------------------------------------------------------


class SvragScan(OnDisk):
    """The scan by itself, over a memory-mapped file, and its best scored again with the question unrounded."""

    needs = "svrag"
    _AGAIN = 50

    def __init__(self, using: str) -> None:
        self.name = f"svrag scan, int8, {using}"
        self._using = using

    def build(self, data: Data, folder: Path) -> None:
        with (folder / "codes").open("wb") as file:
            for first in range(0, len(data.vectors), 1 << 16):
                file.write(to_int8(data.vectors[first : first + (1 << 16)]).tobytes())
        np.save(folder / "starts.npy", data.starts)

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        starts = np.load(folder / "starts.npy")
        codes = np.memmap(folder / "codes", dtype=np.int8, mode="r").reshape(int(starts[-1]), -1)

        def search(query: Floats) -> list[int]:
            scores = scan(codes, starts, query, using=self._using)
            top = np.argpartition(-scores, min(self._AGAIN, len(scores)) - 1)[: self._AGAIN]
            again = exact(codes, starts[top], query, ends=starts[top + 1], using=self._using)
            return top[best(again)].tolist()

        return search


class SvragIndex(OnDisk):
    """The token store of a library, 100 elements in each document. Documents are put into the library beforehand."""

    needs = "svrag"
    _PER_DOCUMENT = 100

    def __init__(self, precision: Precision) -> None:
        self.name = f"svrag token store, {precision}"
        self._identity = IndexIdentity("benchmark", "", "f", 128, IndexSettings(precision))

    def prepare(self, data: Data, folder: Path) -> None:
        with Library.open(folder / "library") as library:
            for number in range(0, len(data.starts) - 1, self._PER_DOCUMENT):
                document = self._document(number)
                source = folder / document.name
                source.write_text(document.name)
                library.add(document, ElementGraph(document.id, (), ()), source)
                source.unlink()

    def build(self, data: Data, folder: Path) -> None:
        documents = data.documents
        with Library.open(folder / "library") as library:
            index = TokenIndex.open(library, self._identity, create=True)
            for number in range(0, len(documents), self._PER_DOCUMENT):
                units = [
                    Unit(position, "text", 1, vectors)
                    for position, vectors in enumerate(documents[number : number + self._PER_DOCUMENT])
                ]
                index.add(self._document(number).id, units)

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        library = stack.enter_context(Library.open(folder / "library"))
        index = TokenIndex.open(library, self._identity, create=False)
        numbers = {self._document(number).id: number for number in range(0, len(data.starts) - 1, self._PER_DOCUMENT)}

        def search(query: Floats) -> list[int]:
            found = index.search(query, k=K)
            return [
                numbers[id] + position for id, position in zip(found.documents, found.positions.tolist(), strict=True)
            ]

        return search

    @staticmethod
    def _document(number: int) -> Document:
        sha256 = hashlib.sha256(str(number).encode()).hexdigest()
        own = sha256[:12]
        element = Element(f"{own}.1.0", own, "text", 1, Box(72, 72, 500, 90), f"Document {number}")
        return Document(own, sha256, f"{number}.pdf", "", "en", (Page(1, 595, 842, text=element.text),), (element,))


# Others --------------------------------------------------------------------------------------------------------------


class ScoreMultiVector(InMemory):
    needs = "colpali_engine"

    def __init__(self, *, by_length: bool) -> None:
        self.name = "colpali-engine score_multi_vector, float32" + (", documents by length" if by_length else "")
        self._by_length = by_length

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        import torch
        from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor

        lengths = np.diff(data.starts)
        order = np.argsort(lengths, kind="stable") if self._by_length else np.arange(len(lengths))
        documents = data.documents
        passages = [torch.from_numpy(documents[i]) for i in order.tolist()]

        def search(query: Floats) -> list[int]:
            scores = BaseVisualRetrieverProcessor.score_multi_vector([torch.from_numpy(query)], passages, device="cpu")
            return order[best(scores[0].numpy())].tolist()

        return search


class TorchProduct(InMemory):
    """One matrix product over all tokens, then the greatest of each document's."""

    name = "torch, one product and a segmented maximum, float32"
    needs = "torch"

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        import torch

        vectors, lengths, length = torch.from_numpy(data.vectors), torch.from_numpy(np.diff(data.starts)), data.length

        def search(query: Floats) -> list[int]:
            products = vectors @ torch.from_numpy(query).T
            if length is not None:
                greatest = products.view(-1, length, len(query)).amax(dim=1)
            else:
                greatest = torch.segment_reduce(products, "max", lengths=lengths, axis=0)
            return best(greatest.sum(dim=1).numpy())

        return search


class MaxsimCpu(InMemory):
    name = "maxsim-cpu, float32"
    needs = "maxsim_cpu"

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        import maxsim_cpu

        if data.length is not None:
            equal = data.vectors.reshape(-1, data.length, data.vectors.shape[1])
            return lambda query: best(maxsim_cpu.maxsim_scores(query, equal))
        documents = data.documents
        return lambda query: best(np.asarray(maxsim_cpu.maxsim_scores_variable(query, documents)))


class LanceDB(OnDisk):
    """Column of float32, which it searches four times as fast as float16; with an index, candidates are ranked by it."""

    needs = "lancedb"

    def __init__(self, *, indexed: bool) -> None:
        self.name = "LanceDB multi-vector, " + ("IVF_PQ, refined" if indexed else "flat")
        self._indexed = indexed

    def build(self, data: Data, folder: Path) -> None:
        import lancedb.index
        import pyarrow

        def batches() -> Iterator[pyarrow.RecordBatch]:
            for first in range(0, len(data.starts) - 1, 500):
                starts = data.starts[first : first + 501]
                numbers = data.vectors[starts[0] : starts[-1]].reshape(-1)
                tokens = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers), data.vectors.shape[1])
                lists = pyarrow.ListArray.from_arrays(pyarrow.array((starts - starts[0]).astype(np.int32)), tokens)
                ids = pyarrow.array(np.arange(first, first + len(starts) - 1))
                yield pyarrow.record_batch({"id": ids, "vector": lists})

        kind = pyarrow.list_(pyarrow.list_(pyarrow.float32(), data.vectors.shape[1]))
        schema = pyarrow.schema({"id": pyarrow.int64(), "vector": kind})
        table = lancedb.connect(folder).create_table("documents", data=batches(), schema=schema)
        if self._indexed:
            config = lancedb.index.IvfPq(
                distance_type="cosine", num_partitions=256, num_sub_vectors=16, max_iterations=20, sample_rate=64
            )
            table.create_index("vector", config=config)

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        import lancedb

        table = lancedb.connect(folder).open_table("documents")

        def search(query: Floats) -> list[int]:
            asked = table.search(query, vector_column_name="vector").distance_type("cosine").limit(K)
            if self._indexed:
                asked = asked.nprobes(20).refine_factor(20)
            found: list[int] = asked.select(["id", "_distance"]).to_arrow()["id"].to_pylist()
            return found

        return search


class QdrantEdge(OnDisk):
    """Without a graph, as Qdrant advises for token vectors, and a segment for each of two cores."""

    needs = "qdrant_edge"

    def __init__(self, *, quantised: bool) -> None:
        self.name = "Qdrant Edge, " + ("scalar quantised, rescored" if quantised else "float16")
        self._quantised = quantised

    def build(self, data: Data, folder: Path) -> None:
        import qdrant_edge as qdrant

        quantisation = qdrant.ScalarQuantizationConfig(type=qdrant.ScalarType.Int8, quantile=0.99, always_ram=True)
        config = qdrant.EdgeConfig(
            vectors={
                "tokens": qdrant.EdgeVectorParams(
                    size=data.vectors.shape[1],
                    distance=qdrant.Distance.Dot,
                    multivector_config=qdrant.MultiVectorConfig(qdrant.MultiVectorComparator.MaxSim),
                    datatype=qdrant.VectorStorageDatatype.Float16,
                    hnsw_config=qdrant.HnswIndexConfig(m=0, ef_construct=4, full_scan_threshold=10_000),
                    quantization_config=quantisation if self._quantised else None,
                )
            },
            optimizers=qdrant.EdgeOptimizersConfig(default_segment_number=2, indexing_threshold=1000),
        )
        shard = qdrant.EdgeShard.create(str(folder), config)
        documents = data.documents
        for first in range(0, len(documents), 100):
            points = [
                qdrant.Point(first + i, {"tokens": vectors.tolist()}, {})
                for i, vectors in enumerate(documents[first : first + 100])
            ]
            shard.update(qdrant.UpdateOperation.upsert_points(points))
        shard.optimize()
        shard.flush()
        shard.close()

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        import qdrant_edge as qdrant

        shard = qdrant.EdgeShard.load(str(folder))
        stack.callback(shard.close)
        parameters = qdrant.SearchParams(
            exact=not self._quantised,
            quantization=qdrant.QuantizationSearchParams(rescore=True, oversampling=4.0) if self._quantised else None,
        )

        def search(query: Floats) -> list[int]:
            nearest = qdrant.Query.Nearest(query.tolist(), using="tokens")
            request = qdrant.QueryRequest(limit=K, query=nearest, with_payload=False, params=parameters)
            return [point.id for point in shard.query(request)]

        return search


class FastPlaid(OnDisk):
    """In a process and environment of its own (maxsim_fast_plaid.py); the time includes handing the question over."""

    name = "fast-plaid, 4 bits"

    def __init__(self, python: str | None) -> None:
        self.needs = "svrag" if python else "fast_plaid"
        self._python = python or sys.executable

    def prepare(self, data: Data, folder: Path) -> None:
        np.save(folder.with_suffix(".vectors.npy"), data.vectors)
        np.save(folder.with_suffix(".starts.npy"), data.starts)

    def build(self, data: Data, folder: Path) -> None:
        subprocess.run([*self._command(folder), "build"], check=True)

    def open(self, data: Data, folder: Path, stack: ExitStack) -> Search:
        child = stack.enter_context(
            subprocess.Popen([*self._command(folder), "search"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        asked, answered = child.stdin, child.stdout
        if asked is None or answered is None:
            raise RuntimeError("a process without pipes")

        def search(query: Floats) -> list[int]:
            asked.write(json.dumps(query.tolist()).encode() + b"\n")
            asked.flush()
            found: list[int] = json.loads(answered.readline())
            return found

        return search

    def _command(self, folder: Path) -> list[str]:
        return [self._python, str(Path(__file__).with_name("maxsim_fast_plaid.py")), str(folder)]
