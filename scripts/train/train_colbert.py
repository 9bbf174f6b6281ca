"""Fine-tunes a retriever by a recipe, on one process or on several: the same as `svrag train`.

    torchrun --nproc_per_node=8 scripts/train/train_colbert.py colqwen2_5 --set optimisation.batch=32

What recipes hold: docs/training.md.
"""

from __future__ import annotations

import sys

from svrag.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["train", *sys.argv[1:]]))
