"""Tables in parquet files and Hugging Face datasets, mapped into memory: reading a row costs that row.

Parquet is written once as Arrow into the cache of `datasets` (HF_DATASETS_CACHE), as `load_dataset` does it.
Pictures are handed out as they are stored, not decoded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from svrag.errors import InputError


class ArrowTable:
    """A `Table` over a dataset of the `datasets` library."""

    def __init__(self, dataset: datasets.Dataset, path: Path) -> None:
        self.path = path
        self.columns = tuple(dataset.column_names)
        self._dataset = dataset.with_format("arrow")
        self._narrowed: dict[tuple[str, ...], datasets.Dataset] = {}

    def __len__(self) -> int:
        return len(self._dataset)

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        key = tuple(columns)
        if key not in self._narrowed:
            self._narrowed[key] = self._dataset.select_columns(list(columns))
        row: dict[str, Any] = self._narrowed[key][number].to_pylist()[0]
        return row

    def values(self, column: str) -> list[Any]:
        return [value for values in self._chunks(column) for value in values.to_pylist()]

    def filled(self, columns: Sequence[str]) -> list[int]:
        kept = range(len(self))
        there = [True] * len(self)
        for column in columns:
            flags = [bool(flag) for values in self._chunks(column) for flag in _there(values).to_pylist()]
            there = [a and b for a, b in zip(there, flags, strict=True)]
        return [number for number, flag in zip(kept, there, strict=True) if flag]

    def _chunks(self, column: str) -> Iterator[pa.Array]:
        """A column piece by piece: pictures need not all fit into memory."""
        for batch in self._dataset.select_columns([column]).iter(batch_size=256):
            yield from batch.column(column).chunks


def open_parquet(files: Sequence[Path], path: Path) -> ArrowTable:
    """The rows of several files, in their order.

    Args:
        path: that was asked for, for errors.

    Raises:
        InputError: one of them is no parquet file.
    """
    for file in files:
        try:
            with file.open("rb") as opened:
                if opened.read(4) != b"PAR1":
                    raise InputError(f"{file} is no parquet file, whatever its name says")
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror}") from None
    try:
        with _progress():
            dataset = datasets.Dataset.from_parquet([str(file) for file in files])
    except Exception as error:  # cut off or broken; DatasetGenerationError hides what pyarrow said
        raise InputError(f"{path} is not parquet that can be read: {_first_line(error)}") from None
    return _with_rows(dataset, path)


def open_folder(path: Path, split: str | None) -> ArrowTable:
    """What `save_to_disk` wrote, or parquet files as datasets on the Hub have them: data/train-00000-of-00082.parquet.

    Raises:
        InputError: neither, no such split, or one of several must be named.
    """
    if not (path / "state.json").is_file() and not (path / "dataset_dict.json").is_file():
        return _open_parquet_folder(path, split)
    try:
        loaded = datasets.load_from_disk(str(path))
    except Exception as error:  # whatever json, pyarrow and fsspec make of a broken one
        raise InputError(f"{path} is no dataset that can be read: {_first_line(error)}") from None
    if isinstance(loaded, datasets.Dataset):
        if split is not None:
            raise InputError(f"{path} has no splits: leave split {split} out")
        return _with_rows(loaded, path)
    return _with_rows(loaded[_chosen(path, split, list(loaded))], path)


def _open_parquet_folder(path: Path, split: str | None) -> ArrowTable:
    files = sorted(path.rglob("*.parquet"))
    if not files:
        raise InputError(f"{path} holds no dataset: no state.json of save_to_disk, and no *.parquet")
    by_split: dict[str, list[Path]] = {}
    for file in files:
        by_split.setdefault(file.stem.split("-")[0], []).append(file)
    return open_parquet(by_split[_chosen(path, split, list(by_split))], path)


def _chosen(path: Path, split: str | None, there: list[str]) -> str:
    if split is None and len(there) == 1:
        return there[0]
    if split is None:
        raise InputError(f"{path} has the splits {', '.join(there)}: name one as split")
    if split not in there:
        raise InputError(f"{path} has no split {split}; it has {', '.join(there)}")
    return split


def _with_rows(dataset: datasets.Dataset, path: Path) -> ArrowTable:
    if not len(dataset):
        raise InputError(f"{path} has no rows")
    return ArrowTable(dataset, path)


def _there(values: pa.Array) -> pa.Array:
    """Which are not null, blank or empty; a stored picture without bytes and path is null."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        full = pc.not_equal(pc.utf8_trim_whitespace(values), "")
    elif pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        full = pc.greater(pc.list_value_length(values), 0)
    elif pa.types.is_struct(values.type):
        names = [values.type.field(i).name for i in range(values.type.num_fields)]
        full = pa.array([False] * len(values))
        for name in names:
            full = pc.or_(full, pc.is_valid(pc.struct_field(values, name)))
        full = pc.and_(full, pc.is_valid(values))
    else:
        full = pc.is_valid(values)
    return pc.fill_null(full, False)


@contextmanager
def _progress() -> Iterator[None]:
    """The library's bars only in a terminal, and of one process."""
    quiet = not sys.stderr.isatty() or os.environ.get("RANK", "0") != "0"
    if quiet:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if quiet:
            datasets.enable_progress_bars()


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200]
