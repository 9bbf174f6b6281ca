from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.evaluation.benchmarks import BENCHMARKS


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_empty_folder_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as raised:
        BENCHMARKS[name](tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
