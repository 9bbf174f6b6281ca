from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.output import check_folder_of, write_text


def test_what_can_be_written_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (Path("here.json"), tmp_path / "there.json"):
        check_folder_of(path)
        write_text(path, "größer\n")
        assert path.read_bytes() == "größer\n".encode()


def test_what_cannot_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write .*out\.json: there is no folder .*none"):
        check_folder_of(tmp_path / "none" / "out.json")
    with pytest.raises(InputError, match=r"cannot write .*: Is a directory"):
        write_text(tmp_path, "")
