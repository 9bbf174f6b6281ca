"""The benchmarks by name: what loads each from its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from svrag.evaluation import (
    beir,
    demo,
    financebench,
    litsearch,
    mmdocir,
    mmlongbench,
    nanobeir,
    ohr_bench,
    sciegqa,
    slidevqa,
    spiqa,
)
from svrag.evaluation.question import EvalSet

BENCHMARKS: Mapping[str, Callable[[Path | None], EvalSet]] = {
    "mmlongbench": mmlongbench.load,
    "mmdocir": mmdocir.load,
    "financebench": financebench.load,
    "slidevqa": slidevqa.load,
    "spiqa": spiqa.load,
    "sciegqa": sciegqa.load,
    "ohr_bench": ohr_bench.load,
    "beir": beir.load,
    "nanobeir": nanobeir.load,
    "litsearch": litsearch.load,
    "demo": demo.load,
}
"""A loader takes the folder that `--data` named, if any, and raises an InputError of one line where that is no use."""
