"""Broken, encrypted and odd files from other projects' test suites: each opens or is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from svrag.library.ingest import add_paths
from svrag.library.store import Library
from tests.library.made import add, document


@pytest.mark.timeout(400)
def test_every_odd_file_opens_or_is_refused_in_one_line(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "robustness"
    if not folder.is_dir():
        pytest.skip(f"no odd files in {folder}")
    paths = sorted(folder.glob("*.pdf"))
    with Library.open(tmp_path / "library") as library:
        kept = add(library, tmp_path, document("kiln.pdf", "The kiln is cold."))
        report = add_paths(library, paths)
        assert len(report.added) + len(report.unchanged) + len(report.skipped) == len(paths)
        assert len(report.added) > len(paths) / 2
        for skipped in report.skipped:
            assert skipped.reason
            assert "\n" not in skipped.reason
            assert "Traceback" not in skipped.reason
        for stored in report.added:
            made = library.document(stored.id)
            assert made.pages
            for element in made.elements:
                page = made.pages[element.page - 1]
                assert -0.1 <= element.box.x0 <= element.box.x1 <= page.width + 0.1
                assert -0.1 <= element.box.y0 <= element.box.y1 <= page.height + 0.1
        assert library.document(kept.id) == kept
