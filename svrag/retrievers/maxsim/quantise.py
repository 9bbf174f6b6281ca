"""Token vectors of length 1 made small: eight bits or one bit for each dimension.

What a search compares are directions, so an eight-bit vector needs no scale beside it: its codes, divided by their own
length, are the vector. Nothing here searches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 512  # at a time: what is worked on stays in the cache, and no second copy of all vectors is made


def to_int8(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Codes from -127 to 127, each vector's greatest component at one of the ends; of a zero vector zeros.

    Args:
        vectors: (n, dimension), of any length.

    Returns:
        (n, dimension). Rounding turns a vector of 128 dimensions by about a third of a degree.

    Raises:
        ValueError: not two-dimensional, or a component is not finite.
    """
    _check(vectors)
    codes = np.empty(vectors.shape, dtype=np.int8)
    space = np.empty((_ROWS, vectors.shape[1]), dtype=np.float32)
    for first in range(0, len(vectors), _ROWS):
        block = np.asarray(vectors[first : first + _ROWS], dtype=np.float32)
        scaled = space[: len(block)]
        largest = np.abs(block, out=scaled).max(axis=1, initial=0.0)
        if not np.isfinite(largest).all():
            raise ValueError("a vector has a component that is not finite: leave such tokens out")
        # A vector shorter than any model makes would have an infinite factor.
        factor = np.divide(127, largest, out=np.zeros_like(largest), where=largest > 1e-30)
        np.multiply(block, factor[:, None], out=scaled)
        codes[first : first + _ROWS] = np.rint(scaled, out=scaled)
    return codes


def to_halves(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    """float16, rounded to the nearest as `astype` does it, in half the time: that takes the numbers one by one.

    Args:
        vectors: (n, dimension) of finite components below 65504, as those of vectors of length 1 are.
    """
    _check(vectors)
    halves = np.empty(vectors.shape, dtype=np.uint16)
    scaled_space = np.empty((_ROWS, vectors.shape[1]), dtype=np.float32)
    rounded_space = np.empty((_ROWS, vectors.shape[1]), dtype=np.uint32)
    for first in range(0, len(vectors), _ROWS):
        block = vectors[first : first + _ROWS]
        scaled, rounded, made = scaled_space[: len(block)], rounded_space[: len(block)], halves[first : first + _ROWS]
        # With the exponent counted as float16 does, the upper bits of the float32 are those of the float16.
        bits = np.multiply(block, np.float32(2.0**-112), out=scaled).view(np.uint32)
        np.right_shift(bits, 13, out=rounded)
        rounded &= 1  # of two that are equally near, the even one
        rounded += 0x0FFF
        rounded += bits
        rounded >>= 13
        made[:] = rounded
        np.right_shift(bits, 16, out=rounded)
        made |= rounded.astype(np.uint16) & 0x8000  # the sign
    return halves.view(np.float16)


def from_int8(codes: NDArray[np.int8]) -> NDArray[np.float32]:
    """The vectors of length 1 that `codes` stand for, (n, dimension); zeros stay zeros."""
    _check(codes)
    vectors = codes.astype(np.float32)
    vectors *= inverse_lengths(vectors)[:, None]
    return vectors


def to_bits(vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The signs: a bit is set where the component is positive, the first dimension in the lowest bit of the first byte.

    Returns:
        (n, dimension / 8, rounded up).
    """
    _check(vectors)
    return np.packbits(vectors > 0, axis=1, bitorder="little")


def inverse_lengths(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / |codes| of each row, (n,); 0 of a row of zeros. What a product with the codes is multiplied by."""
    squares = np.matmul(codes[:, None, :], codes[:, :, None]).reshape(-1)  # half of what einsum takes
    inverse: NDArray[np.float32] = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    return inverse


def _check(vectors: NDArray[np.float32] | NDArray[np.int8]) -> None:
    if vectors.ndim != 2:
        raise ValueError(f"vectors must be (n, dimension), not of shape {vectors.shape}")
