from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from svrag.errors import LibraryError
from svrag.library.store import Library
from svrag.library.tokens.identity import Precision, Unit
from svrag.library.tokens.index import TokenIndex, drop, indexes
from svrag.library.tokens.storing import LONG_UNIT
from svrag.retrievers.maxsim.quantise import from_int8, to_bits, to_int8
from tests.library.made import add, document
from tests.library.tokens.made import DIMENSION, NEAR, by_hand, documents, draw, identity, scores, units

QUERY = draw(77, 6)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library")


def filled(
    library: Library, folder: Path, count: int = 4, **settings: object
) -> tuple[TokenIndex, dict[str, list[Unit]]]:
    index = TokenIndex.open(library, identity(**settings), create=True)
    stored = {id: units(library, id, seed) for seed, id in enumerate(documents(library, folder, count))}
    for id, own in stored.items():
        index.add(id, iter(own))
    return index, stored


def kept(vectors: np.ndarray, precision: Precision) -> np.ndarray:
    """What the index's codes stand for."""
    if precision == "binary":
        signs = np.unpackbits(to_bits(vectors), axis=1, count=vectors.shape[1], bitorder="little")
        return ((signs * 2.0 - 1.0) / np.sqrt(vectors.shape[1])).astype(np.float32)
    return vectors.astype(np.float16).astype(np.float32) if precision == "float16" else from_int8(to_int8(vectors))


@pytest.mark.parametrize("precision", ["int8", "float16", "binary"])
def test_finds_what_a_comparison_with_everything_finds(library: Library, tmp_path: Path, precision: Precision) -> None:
    index, stored = filled(library, tmp_path, precision=precision)
    as_kept = {
        id: [Unit(u.position, u.type, u.page, kept(u.vectors, precision)) for u in own] for id, own in stored.items()
    }
    truth = by_hand(QUERY, as_kept)
    found = index.search(QUERY, k=1000)
    assert scores(found).keys() == truth.keys()
    # The question is rounded to eight bits too, but not before float16.
    for key, score in scores(found).items():
        assert score == pytest.approx(truth[key], abs=0.002 if precision == "float16" and len(truth) <= 100 else 0.03)
    assert np.all(found.scores[1:] <= found.scores[:-1])
    few = index.search(QUERY, k=5)
    assert (few.documents, few.positions.tolist()) == (found.documents[:5], found.positions[:5].tolist())


def test_a_unit_that_is_unlike_the_question_keeps_its_negative_score(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    (id,) = documents(library, tmp_path, 1)
    index.add(id, [Unit(0, "text", 1, -QUERY[:1]), Unit(1, "text", 1, np.empty((0, DIMENSION), np.float32))])
    found = index.search(QUERY[:1], k=10)
    assert found.positions.tolist() == [0]  # a unit without vectors is not there
    assert found.scores[0] == pytest.approx(-1, abs=0.01)


def test_restrictions(library: Library, tmp_path: Path) -> None:
    index, stored = filled(library, tmp_path)
    truth = by_hand(QUERY, stored)
    ids = list(stored)
    place = {(id, unit.position): unit for id, own in stored.items() for unit in own}
    everything = scores(index.search(QUERY, k=1000))
    for within, types, pages in (
        ([ids[2]], None, None),
        ([ids[3], ids[0], "unknown"], ("page",), None),
        (None, ("table", "text"), None),
        (None, ("text",), {(ids[1], 2), (ids[3], 1), ("unknown", 1)}),
        ([ids[1]], None, {(ids[1], 2), (ids[3], 1)}),
        ([], None, None),
        (None, (), None),
        (None, None, []),
    ):
        wanted = {
            key
            for key in truth
            if (within is None or key[0] in within)
            and (types is None or place[key].type in types)
            and (pages is None or (key[0], place[key].page) in pages)
        }
        found = scores(index.search(QUERY, k=1000, documents=within, types=types, pages=pages))
        assert found == pytest.approx({key: everything[key] for key in wanted}, abs=NEAR)


def test_documents_come_and_go(library: Library, tmp_path: Path) -> None:
    index, stored = filled(library, tmp_path)
    ids = list(stored)
    left = scores(index.search(QUERY, k=1000, documents=[ids[1], ids[3]]))
    assert index.documents() == set(ids)
    with Library.open(library.folder) as other:  # another connection, as of another process
        other.remove(ids[0])
    library.remove(ids[2])
    assert scores(index.search(QUERY, k=1000)) == left
    assert index.documents() == {ids[1], ids[3]}
    changed = units(library, ids[1], seed=50)
    index.add(ids[1], changed)  # in place of what there was
    index.add(ids[0], stored[ids[0]])  # somebody removed it while it was encoded
    assert index.documents() == {ids[1], ids[3]}
    again = scores(index.search(QUERY, k=1000))
    assert {key: score for key, score in again.items() if key[0] == ids[3]} == pytest.approx(
        {key: score for key, score in left.items() if key[0] == ids[3]}, abs=NEAR
    )
    truth = by_hand(QUERY, {ids[1]: changed})
    assert {key: again[key] for key in truth} == pytest.approx(truth, abs=0.03)
    assert len(again) == len(stored[ids[3]]) + len(truth)


def test_a_document_that_is_replaced_by_a_newer_file_is_gone(library: Library, tmp_path: Path) -> None:
    index, stored = filled(library, tmp_path, count=2)
    add(library, tmp_path, document("0.pdf", "Other words."))
    assert set(index.search(QUERY, k=1000).documents) == index.documents() == {list(stored)[1]}


def test_a_document_without_units_is_in_the_index(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    (id,) = documents(library, tmp_path, 1)
    assert index.search(QUERY, k=10).documents == ()
    index.add(id, [])
    assert index.documents() == {id}
    assert index.search(QUERY, k=10).documents == ()


def test_equal_scores_come_by_document_and_position(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(), create=True)
    ids = documents(library, tmp_path, 3)
    for id in sorted(ids, reverse=True):
        index.add(id, [Unit(position, "text", 1, QUERY) for position in (0, 1)])
    found = index.search(QUERY, k=5)
    assert (
        list(zip(found.documents, found.positions.tolist(), strict=True))
        == [(id, position) for id in sorted(ids) for position in (0, 1)][:5]
    )


def test_models_side_by_side(library: Library, tmp_path: Path) -> None:
    index, stored = filled(library, tmp_path, count=2)
    id = next(iter(stored))
    other = TokenIndex.open(library, identity("other", dimension=8), create=True)
    other.add(id, [Unit(3, "figure", 1, draw(1, 4, 8))])
    assert indexes(library) == [identity(), identity("other", dimension=8)]
    assert scores(other.search(draw(1, 1, 8), k=10)).keys() == {(id, 3)}
    before = scores(index.search(QUERY, k=1000))
    drop(library, "other")
    drop(library, "never there")
    assert indexes(library) == [identity()]
    assert [path.name for path in (library.folder / "tokens").iterdir()] == ["1"]
    assert scores(index.search(QUERY, k=1000)) == before
    with pytest.raises(LibraryError, match="no index of other here: make it with `svrag add PATH --retriever other`"):
        other.search(draw(1, 1, 8), k=10)
    with pytest.raises(LibraryError, match="no index of other"):
        other.add(id, [])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (identity(fingerprint="g"), "another version or other prompts of the model"),
        (identity(dimension=8), "another version"),
        (identity(precision="binary"), "other settings"),
        (identity(pool_factor=2), "other settings"),
    ],
)
def test_another_model_under_the_same_name_is_refused(library: Library, wanted: object, said: str) -> None:
    with pytest.raises(LibraryError, match="no index of model here"):
        TokenIndex.open(library, identity(), create=False)
    TokenIndex.open(library, identity(), create=True)
    for create in (True, False):
        with pytest.raises(LibraryError, match=said + ".*svrag add PATH --retriever model --reindex"):
            TokenIndex.open(library, wanted, create=create)  # type: ignore[arg-type]
    assert TokenIndex.open(library, identity(), create=False).documents() == set()


def test_vectors_that_do_not_fit_are_refused_and_leave_nothing(library: Library, tmp_path: Path) -> None:
    index, stored = filled(library, tmp_path, count=2)
    id = next(iter(stored))
    for wrong in (np.ones((2, DIMENSION + 1), np.float32), np.full((2, DIMENSION), np.nan, np.float32)):
        with pytest.raises(ValueError, match=r"dimension|finite"):
            index.add(id, [*stored[id], Unit(99, "text", 1, wrong)])
    assert len(index.search(QUERY, k=1000).documents) == sum(map(len, stored.values()))


@pytest.mark.parametrize(("precision", "part"), [("int8", 4), ("binary", 32)])
def test_room(library: Library, tmp_path: Path, precision: Precision, part: int) -> None:
    index = TokenIndex.open(library, identity(precision=precision, dimension=128), create=True)
    (id,) = documents(library, tmp_path, 1)
    vectors = [draw(i, 64, 128) for i in range(10)]
    index.add(id, [Unit(i, "text", 1, own) for i, own in enumerate(vectors)])
    size = sum(path.stat().st_size for path in (library.folder / "tokens").rglob("*.*"))
    assert size * part == sum(own.nbytes for own in vectors)
    row = library.connection.execute(
        "SELECT sum(length(counts) + length(positions) + length(pages) + length(types)) FROM token_documents"
    ).fetchone()
    assert row == (13 * 10,)


def test_pages_and_long_elements_are_pooled(library: Library, tmp_path: Path) -> None:
    index = TokenIndex.open(library, identity(pool_factor=4), create=True)
    (id,) = documents(library, tmp_path, 1)
    lengths = {"page": 1030, "text": LONG_UNIT, "table": LONG_UNIT + 1, "figure": 30}
    made = [
        Unit(position, kind, 1, draw(position, length))  # type: ignore[arg-type]
        for position, (kind, length) in enumerate(lengths.items())
    ]
    index.add(id, made)
    (blob,) = library.connection.execute("SELECT counts FROM token_documents").fetchone()
    assert np.frombuffer(blob, "<u4").tolist() == [257, LONG_UNIT, 64, 30]
    page = sum(path.stat().st_size for path in (library.folder / "tokens").rglob("*.*")) - (LONG_UNIT + 94) * DIMENSION
    assert 16 * page <= 1030 * DIMENSION * 4
    truth = by_hand(QUERY, {id: made})
    found = scores(index.search(QUERY, k=10))
    assert found.keys() == truth.keys()
    assert found[id, 3] == pytest.approx(truth[id, 3], abs=0.03)


def test_a_library_without_any_index(library: Library, tmp_path: Path) -> None:
    documents(library, tmp_path, 1)
    assert indexes(library) == []
    drop(library, "model")
    assert not (library.folder / "tokens").exists()
