from __future__ import annotations

from numpy import generic
from numpy.typing import NDArray

def scan(
    kernel: str,
    kind: int,
    dimension: int,
    vectors: NDArray[generic],
    begins: NDArray[generic],
    ends: NDArray[generic],
    first: int,
    last: int,
    query: NDArray[generic],
    scales: NDArray[generic],
    scores: NDArray[generic],
    /,
) -> None: ...
def kernels() -> list[str]: ...
