from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from svrag.errors import InputError, LibraryError
from svrag.graph.build import build_graph
from svrag.library import files, full_text
from svrag.library.schema import SCHEMA_VERSION
from svrag.library.store import Library
from svrag.retrievers.lexical.analysis import analyse
from svrag.retrievers.lexical.fields import field_tokens
from tests.library.made import add, document

SENTENCES = ("The kiln was fired for nine hours.", "Salt was thrown into the chamber.", "The bowls weigh 318 grams.")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def test_a_document_and_its_graph_come_back_as_they_were(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    graph = build_graph(made)
    assert library.document(made.id) == made
    assert library.graph(made.id).nodes == graph.nodes
    assert set(library.graph(made.id).edges) == set(graph.edges)
    (stored,) = library.documents()
    assert (stored.name, stored.pages, stored.elements) == ("kiln.pdf", 2, len(made.elements))
    assert stored.source.read_bytes() == (tmp_path / "kiln.pdf").read_bytes()


def test_the_same_bytes_again_change_nothing(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    before = library.documents()
    add(library, tmp_path, made)
    assert library.documents() == before


def test_a_changed_file_replaces_what_was_added_from_its_path(library: Library, tmp_path: Path) -> None:
    old = add(library, tmp_path, document("kiln.pdf", SENTENCES[0]))
    other = add(library, tmp_path, document("other.pdf", SENTENCES[1]))
    new = add(library, tmp_path, document("kiln.pdf", SENTENCES[2]))
    assert {d.id for d in library.documents()} == {new.id, other.id}
    assert full_text.match(library, ["nine"]) == []
    assert library.elements([e.id for e in old.elements]) == []
    kept = {path.name for path in (library.folder / "files").iterdir()}
    assert kept == {d.source.name for d in library.documents()}


def test_removing_leaves_nothing_behind(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    library.remove(made.id)
    library.remove("0" * 12)
    assert library.documents() == []
    with sqlite3.connect(library.folder / "library.db") as connection:
        for table in ("pages", "elements", "edges", "element_words", "page_words"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert list((library.folder / "files").iterdir()) == []


def test_the_same_bytes_under_another_suffix_leave_no_second_copy(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    library.add(made, library.graph(made.id), (tmp_path / "kiln.pdf").rename(tmp_path / "kiln.bin"))
    assert [path.suffix for path in (library.folder / "files").iterdir()] == [".pdf"]


def test_what_a_killed_process_left_goes_with_the_next_change_and_not_by_reading(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    left = [library.folder / "files" / name for name in (".adding-x", "0" * 64 + ".pdf")]
    for path in left:
        path.write_bytes(b"half")
    sweeps = []
    sweep = files.drop_all_but
    monkeypatch.setattr(files, "drop_all_but", lambda *given: (sweeps.append(given), sweep(*given)))
    with Library.open(library.folder) as other:
        assert other.documents()[0].id == kept.id
        assert all(path.exists() for path in left)
        for n in range(5):
            made = add(other, tmp_path, document(f"{n}.pdf", SENTENCES[0]))
            assert not any(path.exists() for path in left)
            other.remove(made.id)
        assert len(sweeps) == 1  # the time of the others does not grow with the library
        names = {path.name for path in (library.folder / "files").iterdir()}
        assert names == {document.source.name for document in other.documents()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ar"), st.integers(0, 5)), max_size=12))
def test_any_order_of_adding_and_removing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """The full text and the statistics always are those of the documents that are there, counted by hand."""
    folder = tmp_path_factory.mktemp("steps")
    made = [document(f"{i}.pdf", *SENTENCES[: 1 + i % 3], pages=1 + i % 2) for i in range(6)]
    present: set[int] = set()
    with Library.open(folder / "library") as library:
        for what, i in steps:
            if what == "a":
                add(library, folder, made[i])
                present.add(i)
            else:
                library.remove(made[i].id)
                present.discard(i)
        elements = [e for i in present for e in made[i].elements]
        tokens = analyse("kiln salt grams heat firing", "en")
        holding = {e.id for e in elements if set(tokens) & {t for field in field_tokens(e, "en").all() for t in field}}
        assert {found.id for found in full_text.match(library, tokens)} == holding
        counts = Counter(
            token
            for e in elements
            for token in set(tokens) & {t for field in field_tokens(e, "en").all() for t in field}
        )
        assert full_text.token_counts(library, tokens) == dict(counts)
        assert full_text.statistics(
            library,
        ).count == len(elements)
        if elements:
            lengths = [field_tokens(e, "en").lengths() for e in elements]
            means = [sum(column) / len(lengths) for column in zip(*lengths, strict=True)]
            assert full_text.statistics(
                library,
            ).mean_lengths == pytest.approx(means)


def test_looking_in_some_documents_only(library: Library, tmp_path: Path) -> None:
    first = add(library, tmp_path, document("a.pdf", *SENTENCES))
    second = add(library, tmp_path, document("b.pdf", *SENTENCES))
    assert {m.document_id for m in full_text.match(library, ["kiln"])} == {first.id, second.id}
    assert {m.document_id for m in full_text.match(library, ["kiln"], documents=[second.id])} == {second.id}
    assert {m.type for m in full_text.match(library, ["kiln"], pages_only=True)} == {"page"}
    assert "page" not in {m.type for m in full_text.match(library, ["kiln"])}
    assert {e.document_id for e in library.labelled([first.id], "TABLE 1")} == {first.id}
    assert full_text.statistics(library, [first.id], pages_only=True).count == 2


@pytest.mark.parametrize(
    "token", ['"', "*", "NEAR", "a OR b", "kiln*", "-kiln", "body:kiln", "' ; DROP TABLE documents", ""]
)
def test_no_token_is_a_query_of_its_own(library: Library, tmp_path: Path, token: str) -> None:
    add(library, tmp_path, document("a.pdf", *SENTENCES))
    assert full_text.match(library, [token]) == []


def test_finding_by_id_name_stem_and_path(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    for reference in (made.id, made.id[:5], "kiln.pdf", "kiln", str(tmp_path / "kiln.pdf")):
        assert library.find(reference).id == made.id
    with pytest.raises(InputError, match="unknown document 'glaze'"):
        library.find("glaze")


def test_a_name_that_two_documents_have(library: Library, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        add(library, tmp_path / folder, document("kiln.pdf", folder))
    with pytest.raises(InputError, match="may be 2 documents"):
        library.find("kiln.pdf")


def test_pages_and_their_errors(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    assert library.page(made.id, 2) == made.pages[1]
    with pytest.raises(InputError, match="has no page 3: it has 2"):
        library.page(made.id, 3)
    with pytest.raises(InputError, match="unknown document"):
        library.document("0" * 12)


def test_edges_touch_the_elements_asked_for(library: Library, tmp_path: Path) -> None:
    made = add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    caption = next(e for e in made.elements if e.type == "caption")
    edges = library.edges_of([caption.id])
    assert ("caption_of", caption.id, caption.target_id) in {(e.type, e.source, e.target) for e in edges}
    expected = {e for e in build_graph(made).edges if caption.id in (e.source, e.target)}
    assert set(edges) == expected


def test_settings_are_kept(library: Library) -> None:
    assert library.setting("colour") is None
    library.set_setting("colour", "red")
    library.set_setting("colour", "blue")
    with Library.open(library.folder) as again:
        assert again.setting("colour") == "blue"


def test_readers_see_the_last_state_while_another_writes(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("a.pdf", *SENTENCES))
    with Library.open(library.folder) as first, Library.open(library.folder) as second:
        with library._writing() as connection:
            connection.execute("DELETE FROM documents")
            assert len(first.documents()) == len(second.documents()) == 1
            assert full_text.match(first, ["kiln"])
        assert first.documents() == second.documents() == []


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    Library.open(folder).close()
    failures: list[BaseException] = []

    def write(who: int) -> None:
        try:
            with Library.open(folder) as library:
                for i in range(5):
                    add(library, tmp_path, document(f"{who}-{i}.pdf", SENTENCES[0], pages=1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Library.open(folder) as library:
        assert len(library.documents()) == 20
        assert all(d.source.is_file() for d in library.documents())


def test_a_newer_schema_is_left_alone(library: Library) -> None:
    library.close()
    with sqlite3.connect(library.folder / "library.db") as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(LibraryError, match="upgrade svrag"):
        Library.open(library.folder)


def test_another_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "library.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(LibraryError, match="is not a library of svrag"):
        Library.open(tmp_path)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(LibraryError, match="not empty"):
        Library.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_broken_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "library.db").write_bytes(b"SQLite format 3\x00" + b"nonsense" * 500)
    with pytest.raises(LibraryError, match=r"broken|not a library"):
        Library.open(tmp_path)


def test_nothing_stored_is_a_pickle(library: Library, tmp_path: Path) -> None:
    add(library, tmp_path, document("kiln.pdf", *SENTENCES))
    with sqlite3.connect(library.folder / "library.db") as connection:
        for table, columns in (("elements", ("section_path", "continues")), ("documents", ("warnings",))):
            for column in columns:
                for (value,) in connection.execute(f"SELECT {column} FROM {table}"):
                    json.loads(value)
        kinds = connection.execute("SELECT DISTINCT typeof(text) FROM elements").fetchall()
    assert kinds == [("text",)]
