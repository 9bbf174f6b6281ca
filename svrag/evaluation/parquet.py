"""Rows of parquet files as published on the Hugging Face Hub: a folder a part, each in one or several files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from svrag.errors import InputError

_AT_ONCE = 4096  # rows: full texts of papers are long


def rows(files: Sequence[Path], columns: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Each row's values of `columns`, and of those of `optional` that its file has.

    Raises:
        InputError: pyarrow is missing, a file is broken or lacks a column.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError("sets in parquet need pyarrow: pip install 'svrag[eval]'") from None
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                there = set(file.schema_arrow.names)
                missing = [name for name in columns if name not in there]
                if missing:
                    raise InputError(f"{path} has no column {missing[0]}: it has {', '.join(sorted(there))}")
                wanted = [*columns, *(name for name in optional if name in there)]
                for batch in file.iter_batches(_AT_ONCE, columns=wanted):
                    yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
