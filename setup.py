"""The compiled kernel of the MaxSim scan; everything else is in pyproject.toml.

Where it cannot be compiled, installing goes on without it and numpy does the work.
"""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup

KERNEL = Path("svrag/retrievers/maxsim/kernel")

setup(
    ext_modules=[
        Extension(
            "svrag.retrievers.maxsim._scan",
            sources=[str(KERNEL / name) for name in ("module.c", "plain.c", "avx2.c", "avx512.c", "amx.c")],
            depends=[str(KERNEL / name) for name in ("kernel.h", "avx512.h")],
            extra_compile_args=["/O2"] if sys.platform == "win32" else ["-O3", "-std=c11"],
            optional=True,
        )
    ]
)
