from __future__ import annotations

from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.library import full_text, opening
from svrag.library.catalogue import LONGEST_TAG, MOST_TAGS, pages_read_by_ocr, rename, set_tags, tags
from svrag.library.ingest import add_paths
from svrag.library.rereading import reread
from svrag.library.store import Library
from tests.documents_made import LINES, write_encrypted, write_paper
from tests.library.made import add, document


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def test_a_name_is_what_is_typed_on_one_line(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *LINES))
    rename(library, made.id, "  The \x1b[31m kiln\n report ")
    assert [d.name for d in library.documents()] == ["The [31m kiln report"]
    assert library.find("The [31m kiln report").path.endswith("kiln.pdf")
    for name in ("", " \n", "x" * 201):
        with pytest.raises(InputError):
            rename(library, made.id, name)
    with pytest.raises(InputError, match="unknown document"):
        rename(library, "feedfeedfeed", "x")


def test_tags_are_a_set_whatever_their_case(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *LINES))
    other = add(library, tmp_path, document("other.pdf", LINES[0]))
    set_tags(library, made.id, ["to read", "Kilns", "kilns", " ", "2024"])
    assert tags(library) == {made.id: ("2024", "kilns", "to read")}
    set_tags(library, other.id, ["kilns"])
    set_tags(library, made.id, [])
    assert tags(library) == {other.id: ("kilns",)}
    with pytest.raises(InputError, match="too long"):
        set_tags(library, other.id, ["x" * (LONGEST_TAG + 1)])
    with pytest.raises(InputError, match="too many"):
        set_tags(library, other.id, [str(i) for i in range(MOST_TAGS + 1)])
    with pytest.raises(InputError, match="unknown document"):
        set_tags(library, "feedfeedfeed", ["x"])
    assert tags(library) == {other.id: ("kilns",)}
    library.remove(other.id)
    assert tags(library) == {}


def test_a_changed_file_keeps_its_tags(library: Library, tmp_path: Path) -> None:
    old = add(library, tmp_path, document("kiln.pdf", LINES[0]))
    set_tags(library, old.id, ["kilns"])
    new = add(library, tmp_path, document("kiln.pdf", LINES[1]))
    assert tags(library) == {new.id: ("kilns",)}


def test_a_document_is_read_anew_under_its_name_with_its_tags(library: Library, tmp_path: Path) -> None:
    paths = [write_paper(tmp_path / "kiln.pdf", pages=2), write_encrypted(tmp_path / "secret.pdf", "open")]
    add_paths(library, paths, password="open", workers=1)
    for stored in library.documents():
        before = library.document(stored.id)
        rename(library, stored.id, f"My {stored.name}")
        set_tags(library, stored.id, ["kilns"])
        with library.transaction() as connection:
            connection.execute("UPDATE elements SET text = 'spoilt' WHERE id LIKE ?", (f"{stored.id}.%",))
        pages: list[tuple[int, int]] = []
        reread(library, stored.id, workers=1, progress=lambda done, total, pages=pages: pages.append((done, total)))
        after = library.document(stored.id)
        assert pages[-1] == (stored.pages, stored.pages)
        assert after.elements == before.elements
        assert after.name == f"My {stored.name}"
        assert library.stored(stored.id).source.is_file()
    assert set(tags(library).values()) == {("kilns",)}
    assert len(library.documents()) == 2
    assert full_text.match(library, ["nine"])


def test_a_copy_that_is_broken_changes_nothing(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *LINES))
    with pytest.raises(InputError):
        reread(library, made.id, workers=1)
    assert library.document(made.id) == made
    with pytest.raises(InputError, match="unknown document"):
        reread(library, "feedfeedfeed", workers=1)


def test_pages_that_were_read_by_ocr_are_counted(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *LINES))
    add(library, tmp_path, document("other.pdf", *LINES))
    assert pages_read_by_ocr(library) == {}
    with library.transaction() as connection:
        connection.execute("UPDATE pages SET ocr = 1 WHERE number = 2 AND document = 1")
    assert pages_read_by_ocr(library) == {made.id: 1}


def test_a_library_from_before_there_were_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from svrag.library import schema

    without = next(n for n, script in enumerate(schema.MIGRATIONS) if "CREATE TABLE tags" in script)
    with monkeypatch.context() as before:
        before.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:without])
        before.setattr(schema, "SCHEMA_VERSION", without)
        before.setattr(opening, "SCHEMA_VERSION", without)
        with Library.open(tmp_path / "old") as old:
            made = add(old, tmp_path, document("kiln.pdf", *LINES))
    with Library.open(tmp_path / "old") as library:
        assert tags(library) == {}
        set_tags(library, made.id, ["kilns"])
        assert tags(library) == {made.id: ("kilns",)}
        assert library.document(made.id) == made
