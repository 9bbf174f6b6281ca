"""fast-plaid as maxsim.py asks it, in its own environment, for its torch is another. Needs fast-plaid and numpy only.

    python benchmarks/maxsim_fast_plaid.py FOLDER build|search

FOLDER.vectors.npy and FOLDER.starts.npy are the documents. `search` reads a question as a line of JSON and answers with
the numbers of the ten best documents, until there are no more lines.
"""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np
import torch
from fast_plaid import search


def main() -> None:
    folder, task = sys.argv[1:]
    engine = search.FastPlaid(index=folder, device="cpu")
    if task == "build":
        vectors, starts = np.load(f"{folder}.vectors.npy", mmap_mode="r"), np.load(f"{folder}.starts.npy").tolist()
        documents = [torch.from_numpy(vectors[a:b].copy()) for a, b in itertools.pairwise(starts)]
        engine.create(documents_embeddings=documents, nbits=4)
    else:
        for line in sys.stdin:
            query = torch.tensor(json.loads(line), dtype=torch.float32)
            found = engine.search(queries_embeddings=query[None], top_k=10)[0]
            print(json.dumps([int(document) for document, _ in found]), flush=True)


if __name__ == "__main__":
    main()
