from __future__ import annotations

import importlib.util
import shutil
import sys
import sysconfig
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from svrag.retrievers import maxsim as package
from svrag.retrievers.maxsim import scan as module
from svrag.retrievers.maxsim.quantise import from_int8, to_bits, to_int8
from svrag.retrievers.maxsim.scan import exact, kernel, kernels, scan, scan_bits
from tests.retrievers.maxsim.made import clustered, maxsim, starts_of, vectors

LENGTHS = st.lists(st.one_of(st.integers(0, 40), st.sampled_from([0, 1, 127, 128, 129, 300])), max_size=7)
DIMENSIONS = st.one_of(st.integers(1, 200), st.sampled_from([64, 96, 128, 320, 1024]))
TOKENS = st.one_of(st.integers(0, 70), st.sampled_from([16, 32, 33, 48]))
KERNELS = st.sampled_from(kernels())
each_kernel = pytest.mark.parametrize("using", kernels())


def signs(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.where(drawn > 0, 1, -1) / np.sqrt(drawn.shape[1])


@settings(deadline=None)
@given(LENGTHS, DIMENSIONS, TOKENS, KERNELS, st.integers(0, 2**32 - 1))
def test_every_kernel_does_what_the_definition_says(
    lengths: list[int], dimension: int, tokens: int, using: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    starts, query = starts_of(lengths), vectors(rng, tokens, dimension)
    drawn = vectors(rng, int(starts[-1]), dimension)
    scale = np.abs(query).max(axis=1, keepdims=True, initial=0) / 127
    rounded = to_int8(query) * scale
    codes = to_int8(drawn)
    for found, expected in (
        (scan(codes, starts, query, using=using), maxsim(from_int8(codes), starts, rounded)),
        (scan_bits(to_bits(drawn), starts, query, using=using), maxsim(signs(drawn), starts, rounded)),
        (exact(drawn, starts, query, using=using), maxsim(drawn, starts, query)),
        (exact(codes, starts, query, using=using), maxsim(from_int8(codes), starts, query)),
        (exact(drawn.astype(np.float16), starts, query, using=using), maxsim(drawn.astype(np.float16), starts, query)),
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


@given(st.integers(1, 1024), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_whole_numbers_are_the_same_to_the_bit(dimension: int, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-127, 128, (length, dimension), dtype=np.int8)
    query = rng.integers(-127, 128, (1, dimension)).astype(np.float32)
    query[0, 0] = 127  # so that its codes are these very numbers
    wide = codes.astype(np.int64)
    squares = (wide * wide).sum(axis=1).astype(np.float32)
    inverse = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    expected = ((wide @ query[0].astype(np.int64)).astype(np.float32) * inverse).max()
    for using in kernels():
        assert scan(codes, starts_of([length]), query, using=using).tolist() == [expected], using


@each_kernel
@pytest.mark.parametrize("dimension", [3072, 65536])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_greatest_sums_do_not_overflow(using: str, dimension: int, sign: int) -> None:
    codes = np.full((3, dimension), sign * 127, dtype=np.int8)
    query = np.ones((2, dimension), dtype=np.float32)
    found = scan(codes, starts_of([1, 2]), query, using=using)
    np.testing.assert_allclose(found, sign * 2 * np.sqrt(dimension), rtol=1e-4)


@each_kernel
def test_negative_best_matches_are_kept_and_nothing_is_the_least(using: str) -> None:
    query = np.ones((3, 100), dtype=np.float32)
    away = -(vectors(np.random.default_rng(0), 20, 100) ** 2)
    found = scan(to_int8(away), starts_of([5, 0, 14, 1]), query, using=using)
    assert (found[[0, 2, 3]] < -1).all()
    assert found[1] == -np.inf
    assert scan(to_int8(away), starts_of([]), query, using=using).shape == (0,)
    assert scan(to_int8(away), starts_of([3, 0]), query[:0], using=using).tolist() == [0, -np.inf]


@each_kernel
def test_zero_vectors_match_nothing_and_break_nothing(using: str) -> None:
    codes = np.zeros((3, 70), dtype=np.int8)
    codes[2] = 5
    query = np.concatenate([np.zeros((1, 70)), np.ones((1, 70))]).astype(np.float32)
    for function in (scan, exact):
        np.testing.assert_allclose(function(codes, starts_of([2, 1]), query, using=using), [0, np.sqrt(70)], rtol=1e-6)


@each_kernel
@pytest.mark.parametrize("function", [scan, scan_bits, exact])
def test_documents_may_lie_anywhere(using: str, function: Callable[..., NDArray[np.float32]]) -> None:
    rng = np.random.default_rng(1)
    drawn, query = vectors(rng, 5000, 40), vectors(rng, 9, 40)
    stored = {scan: to_int8, scan_bits: to_bits, exact: np.asarray}[function](drawn)
    lengths = rng.integers(0, 60, 80)
    starts = rng.integers(0, 5000 - 60, 80)
    starts[7], lengths[7] = 0, 4999
    ends = starts + lengths
    found = function(stored, starts, query, ends=ends, using=using)
    for i in range(80):
        alone = function(stored[starts[i] : ends[i]], starts_of([int(lengths[i])]), query, using=using)
        np.testing.assert_allclose(found[i], alone[0], rtol=1e-6)


@each_kernel
def test_threads_change_nothing(using: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ALONE", 0)
    rng = np.random.default_rng(2)
    codes = rng.integers(-127, 128, (9000, 64), dtype=np.int8)
    starts = starts_of([0, 3000, 1, 0, 5, *[30] * 199, 0])
    query = vectors(rng, 20, 64)
    alone = scan(codes, starts, query, threads=1, using=using)
    for threads in (None, 2, 5):
        assert (scan(codes, starts, query, threads=threads, using=using) == alone).all()


@each_kernel
def test_a_memory_map_is_read_and_little_else_needed(using: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(-127, 128, (100_000, 128), dtype=np.int8)
    codes.tofile(tmp_path / "codes")
    mapped = np.memmap(tmp_path / "codes", dtype=np.int8, mode="r", shape=codes.shape)
    starts, query = np.arange(0, 100_001, 50), vectors(rng, 4, 128)
    tracemalloc.start()
    found = scan(mapped, starts, query, threads=1, using=using)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found == scan(codes, starts, query, using=using)).all()
    assert peak < codes.nbytes / 3


@each_kernel
def test_halves_of_every_size(using: str) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(-1, 1)
    found = exact(finite, np.arange(len(finite) + 1), np.ones((1, 1), dtype=np.float32), using=using)
    assert (found == finite[:, 0].astype(np.float32)).all()


def test_eight_bits_find_what_floats_find() -> None:
    rng = np.random.default_rng(4)
    drawn = clustered(rng, 1000, 16, 128)
    starts = np.arange(0, 16_001, 16)
    codes = to_int8(drawn)
    found = dict.fromkeys(kernels(), 0)
    for _ in range(10):
        query = drawn[rng.integers(0, len(drawn), 32)] + 0.5 * vectors(rng, 32, 128)
        best = set(np.argsort(-exact(drawn, starts, query, using="numpy"))[:10].tolist())
        for using in found:
            found[using] += len(best & set(np.argsort(-scan(codes, starts, query, using=using))[:10].tolist()))
    assert min(found.values()) / 100 >= 0.99, found


CODES = np.ones((10, 16), dtype=np.int8)
QUERY = np.ones((2, 16), dtype=np.float32)


@each_kernel
@pytest.mark.parametrize(
    ("codes", "starts", "query", "more", "says"),
    [
        (CODES, [0, 11], QUERY, {}, "not within the 10 rows"),
        (CODES, [-1, 5], QUERY, {}, "not within"),
        (CODES, [0, 5, 4, 10], QUERY, {}, "ends before it starts"),
        (CODES, np.array([], dtype=int), QUERY, {}, "one more number"),
        (CODES, [[0, 5]], QUERY, {}, "row of whole numbers"),
        (CODES, [0.0, 5.0], QUERY, {}, "row of whole numbers"),
        (CODES, [0, 5], QUERY, {"ends": np.array([4])}, "2 starts and 1 ends"),
        (CODES, [0, 8], QUERY, {"ends": np.array([4, 7])}, "ends before it starts"),
        (CODES, [2**63, 2**63 + 1], QUERY, {}, "not within"),
        (CODES.astype(np.int16), [0, 5], QUERY, {}, "int8, not int16"),
        (CODES[0], [0, 5], QUERY, {}, "of shape"),
        (CODES[:, :0], [0, 5], QUERY[:, :0], {}, "of shape"),
        (CODES[:, ::2], [0, 5], QUERY[:, ::2], {}, "one behind another"),
        (CODES, [0, 5], QUERY[:, :15], {}, r"\(tokens, 16\)"),
        (CODES, [0, 5], QUERY[0], {}, r"\(tokens, 16\)"),
        (CODES, [0, 5], CODES, {}, "floats, not int8"),
        (CODES, [0, 5], QUERY * np.nan, {}, "not finite"),
        (CODES, [0, 5], QUERY, {"threads": 0}, "threads"),
        (CODES, [0, 5], QUERY, {"using": "abacus"}, "no kernel 'abacus'"),
    ],
)
def test_what_does_not_fit_is_refused(
    using: str,
    codes: NDArray[np.int8],
    starts: list[int] | NDArray[np.int64],
    query: NDArray[np.float32],
    more: dict[str, object],
    says: str,
) -> None:
    with pytest.raises(ValueError, match=says):
        scan(codes, np.array(starts), query, **{"using": using, **more})  # type: ignore[arg-type]


def test_bits_and_vectors_are_checked_too() -> None:
    with pytest.raises(ValueError, match="1 bytes a vector do not fit a query of 16"):
        scan_bits(np.zeros((3, 1), dtype=np.uint8), np.array([0, 3]), QUERY)
    with pytest.raises(ValueError, match="uint8, not int8"):
        scan_bits(CODES, np.array([0, 3]), QUERY)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="float16 or float32 or int8, not float64"):
        exact(np.zeros((3, 16)), np.array([0, 3]), QUERY)
    with pytest.raises(ValueError, match="order of bytes"):
        exact(np.zeros((3, 16), dtype=">f4"), np.array([0, 3]), QUERY)


def test_the_compiled_module_trusts_nobody() -> None:
    compiled = pytest.importorskip("svrag.retrievers.maxsim._scan", reason="the kernel was not compiled")
    begins, ends, scales = np.array([0, 4]), np.array([4, 9]), np.ones(2, dtype=np.float32)
    codes, scores = np.ones((10, 16), dtype=np.int8), np.zeros(2, dtype=np.float32)
    right = ("c", 0, 16, codes, begins, ends, 0, 2, codes[:2], scales, scores)
    compiled.scan(*right)
    assert scores.tolist() == [32 / 4, 32 / 4]
    for place, wrong in (
        (0, "abacus"),
        (1, 5),
        (1, -1),
        (2, 0),
        (2, 17),
        (2, 65537),
        (2, -(2**63)),
        (3, codes[:8]),
        (4, np.array([0, -1])),
        (4, np.array([0, 5, 5])),
        (5, np.array([4, 3])),
        (5, np.array([4, 2**62])),
        (6, -1),
        (6, 3),
        (7, 3),
        (8, codes[:3]),
        (9, scales[:1]),
        (10, scores[:1].copy()),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - which one it is does not matter
            compiled.scan(*right[:place], wrong, *right[place + 1 :])
    with pytest.raises((TypeError, BufferError)):
        compiled.scan(*right[:10], scores.tobytes())  # cannot be written


def test_without_a_compiled_kernel_numpy_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "svrag.retrievers.maxsim._scan"
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr(package, "_scan", raising=False)
    spec = importlib.util.spec_from_file_location("scan_without_a_compiler", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    without = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(without)
    assert without.kernels() == ("numpy",)
    assert without.kernel() == "numpy"
    rng = np.random.default_rng(5)
    codes, query = to_int8(vectors(rng, 50, 128)), vectors(rng, 5, 128)
    np.testing.assert_allclose(
        without.scan(codes, starts_of([20, 30]), query), scan(codes, starts_of([20, 30]), query), rtol=1e-5
    )


def test_it_is_compiled_where_a_compiler_is() -> None:
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None or not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("there is no compiler here")
    assert kernel().startswith("c"), "install again to compile the kernel: pip install --editable ."
    assert kernels()[-2:] == ("c", "numpy")
