from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.errors import InputError
from svrag.graph.model import Edge, ElementGraph, Node
from svrag.graph.places import places_of
from svrag.graph.relevance import Relevance
from svrag.training.batch import Example, Item
from svrag.training.config import Anchors
from svrag.training.data.anchors import AnchorData, GraphDocument, GraphQuestion, split_documents, with_roles


def document(name: str, *, texts: int = 20, figures: int = 3, questions: int = 2, mentions: int = 3) -> GraphDocument:
    """A heading over everything; text i speaks of figure i; each figure has a caption that `items` has in it."""
    nodes = [Node(f"{name}.h", "section_header", 1, (), "method", "")]
    nodes += [Node(f"{name}.t{i}", "text", 1, ("H",), "result", "") for i in range(texts)]
    edges = [Edge(f"{name}.t{i}", f"{name}.f{i % figures}", "refer_to", 0.9) for i in range(mentions)]
    edges += [Edge(a.id, b.id, "reading_next", 1.0) for a, b in itertools.pairwise(nodes[1:])]
    for i in range(figures):
        nodes += [
            Node(f"{name}.c{i}", "caption", 1, ("H",), "result", ""),
            Node(f"{name}.f{i}", "figure", 2, ("H",), "appendix", ""),
        ]
        edges.append(Edge(f"{name}.c{i}", f"{name}.f{i}", "caption_of", 0.7))
    edges += [Edge(f"{name}.h", node.id, "contains", 1.0) for node in nodes[1:]]
    graph = ElementGraph(name, tuple(nodes), tuple(edges))
    places = places_of(graph)
    items = {id: Item(f"words of {id}", place=place) for id, place in places.items() if ".c" not in id}
    bare = items | {id: Item(f"bare {id}", place=places[id]) for id in items if ".f" in id}
    anchors = {id: Item(f"asks {id}", place=place) for id, place in places.items() if ".c" in id or ".t" in id}
    asked = tuple(GraphQuestion(f"{name}?{i}", (f"{name}.f{i % figures}",)) for i in range(questions))
    return GraphDocument(graph, items, anchors, asked, bare)


DOCUMENTS = [document(name) for name in "abcd"]


def kind_of(example: Example) -> str:
    text = example.query.text
    return "question" if "?" in text else "caption_of" if ".c" in text else "refer_to"


def ids_of(example: Example) -> list[str]:
    return [item.text.split()[-1] for item in example.documents]


def test_pools_are_as_the_sampler_says() -> None:
    relevance = {d.graph.document_id: Relevance(d.graph) for d in DOCUMENTS}
    data = AnchorData(DOCUMENTS, Anchors(), seed=1, length=300)
    kinds = Counter(kind_of(example) for example in data)
    assert all(70 < kinds[kind] < 130 for kind in ("caption_of", "refer_to", "question"))
    for example in data:
        ids, kind = ids_of(example), kind_of(example)
        own = ids[0][0]
        asking = ids[0] if kind == "question" else example.query.text.split()[-1]
        assert len(set(ids)) == len(ids) == 12
        assert not any(id.endswith(".h") for id in ids), "headings are never searched for"
        assert asking not in ids or kind == "question"
        assert (example.query.place is None) == (kind == "question")
        near = [id for id in ids if id in Relevance(DOCUMENTS["abcd".index(own)].graph, hops=1).of(asking)]
        assert ids[: len(near)] == near
        assert 1 <= len(near) <= 4
        strangers = sum(id[0] != own for id in ids)
        assert strangers == round((12 - len(near)) / 4)
        expected = relevance[own].of(asking)
        assert example.relevance == pytest.approx([expected.get(id, 0.0) for id in ids])
        assert all(
            item.text.startswith("bare") == (kind == "caption_of") for item in example.documents if ".f" in item.text
        )
        if kind == "question":
            assert example.relevance[0] == 1.0


@given(st.integers(0, 2**31), st.lists(st.integers(0, 49), min_size=1, max_size=5))
def test_an_example_depends_on_seed_and_index_alone(seed: int, indices: list[int]) -> None:
    whole = AnchorData(DOCUMENTS, Anchors(), seed, 50)
    apart = AnchorData(DOCUMENTS, Anchors(), seed, 500)
    for index in indices:
        assert apart[index] == whole[index] == whole[index - 50]
    assert whole[indices[0] : indices[0] + 2] == [apart[i] for i in range(indices[0], min(indices[0] + 2, 50))]


def test_anchors_of_a_group_have_document_kind_and_negatives_in_common() -> None:
    relevance = {d.graph.document_id: Relevance(d.graph, hops=1) for d in DOCUMENTS}
    data = AnchorData(DOCUMENTS, Anchors(group=4), 1, 240)
    drawn, kinds = set[str](), Counter[str]()
    for start in range(0, 240, 4):
        group = data[start : start + 4]
        (kind,) = {kind_of(example) for example in group}
        pools = [ids_of(example) for example in group]
        (own,) = {ids[0][0] for ids in pools}
        drawn.add(own)
        kinds[kind] += 1
        there = {"caption_of": 3, "refer_to": 3, "question": 2}[kind]
        assert len({example.query.text for example in group}) == there, "none comes again before all have come"
        far: list[list[str]] = []
        for example, ids in zip(group, pools, strict=True):
            asking = ids[0] if kind == "question" else example.query.text.split()[-1]
            near = relevance[own].of(asking)
            assert len(ids) == len(set(ids)) == 12
            assert asking not in ids or kind == "question"
            assert 1 <= sum(id in near for id in ids) <= 4, "negatives of the group that are near to it are left out"
            far.append([id for id in ids if id not in near])
        for which in (True, False):  # of its document, and of others
            parts = [[id for id in ids if (id[0] == own) == which] for ids in far]
            longest = max(map(len, parts))
            assert len({id for ids in parts for id in ids}) < 2 * longest, "mostly the same ones"
    assert drawn == set("abcd")
    assert all(10 <= kinds[kind] <= 30 for kind in ("caption_of", "refer_to", "question"))


@given(st.integers(1, 7), st.integers(0, 2**31))
def test_examples_of_groups_depend_on_seed_and_index_alone(group: int, seed: int) -> None:
    data = AnchorData(DOCUMENTS, Anchors(group=group), seed, 3 * group)
    backwards = AnchorData(DOCUMENTS, Anchors(group=group), seed, 3 * group)
    assert [backwards[i] for i in reversed(range(3 * group))] == list(data)[::-1]


def test_seeds_and_indices_draw_differently() -> None:
    data = AnchorData(DOCUMENTS, Anchors(), 1, 40)
    assert len({example.documents for example in data}) > 35
    assert [e.documents for e in AnchorData(DOCUMENTS, Anchors(), 2, 40)] != [e.documents for e in data]
    with pytest.raises(IndexError):
        data[40]


def test_kinds_that_are_not_there_leave_their_share_to_others() -> None:
    lonely = [document(name, questions=0) for name in "ab"]
    assert Counter(map(kind_of, AnchorData(lonely, Anchors(), 1, 400)))["question"] == 0
    shares = Counter(map(kind_of, AnchorData(lonely, Anchors(caption_of=0.2, refer_to=0.4), 1, 600)))
    assert shares["refer_to"] / shares["caption_of"] == pytest.approx(2, rel=0.25)
    only = AnchorData(DOCUMENTS, Anchors(caption_of=0.0, question=0.0), 1, 50)
    assert set(map(kind_of, only)) == {"refer_to"}
    assert only.counts() == {"refer_to": 12}
    with pytest.raises(InputError, match="caption_of: 6, refer_to: 6, question: 0"):
        AnchorData(lonely, Anchors(caption_of=0.0, refer_to=0.0), 1, 50)


def test_more_positives_are_a_setting_and_those_left_out_are_no_negatives() -> None:
    gold = tuple(f"a.t{i}" for i in range(0, 20, 2))
    many = [
        GraphDocument(d.graph, d.items, d.anchors, (GraphQuestion("a?", gold),) if d is DOCUMENTS[0] else ())
        for d in DOCUMENTS
    ]
    for positives in (1, 4, 9):
        for example in AnchorData(many, Anchors(caption_of=0.0, refer_to=0.0, positives=positives), 3, 30):
            ids = ids_of(example)
            assert set(ids[:positives]) <= set(gold)
            assert not set(ids[positives:]) & set(gold)
            assert not any(id[0] == "a" and id in {f"a.t{i}" for i in range(20)} for id in ids[positives:]), (
                "neighbours"
            )
    for positives in (0, 12):
        with pytest.raises(InputError, match="between 1 and 11"):
            AnchorData(many, Anchors.model_construct(**{**Anchors().__dict__, "positives": positives}), 1, 5)


def test_relevance_can_be_limited_to_some_edges() -> None:
    data = AnchorData(DOCUMENTS, Anchors(edges=("refer_to",), hops=1), 1, 60)
    for example in data:
        if kind_of(example) == "caption_of":
            assert not any(example.relevance), "its figure is in the pool, and tells nothing"
        if kind_of(example) == "refer_to":
            assert [g for g in example.relevance if g] == pytest.approx([0.8 * 0.9 * 1.3 * 1.1])


def test_one_document_and_small_ones() -> None:
    alone = AnchorData([DOCUMENTS[0]], Anchors(), 1, 20)
    assert all({id[0] for id in ids_of(example)} == {"a"} for example in alone)
    assert {len(example.documents) for example in alone} == {12}
    small = AnchorData([document("a", texts=2, figures=1, mentions=1)], Anchors(), 1, 20)
    assert all(1 <= len(example.documents) <= 3 for example in small)
    beside = AnchorData([document("a", texts=2, figures=1, mentions=1), document("b")], Anchors(question=0.0), 1, 40)
    assert {len(example.documents) for example in beside} == {12}, "others fill the pool"


def test_control_roles() -> None:
    own = DOCUMENTS[0]
    shuffled, random = with_roles(own, "shuffled", 1), with_roles(own, "random", 1)
    roles = [node.section_role for node in own.graph.nodes]
    assert with_roles(own, "own", 1) is own
    assert sorted(node.section_role for node in shuffled.graph.nodes) == sorted(roles)
    for changed in (shuffled, random):
        assert [node.section_role for node in changed.graph.nodes] != roles
        assert with_roles(own, "shuffled", 1) == shuffled
        for items in (changed.items, changed.anchors, changed.uncaptioned):
            assert items is not None
            places = places_of(changed.graph)
            assert {id: item.place for id, item in items.items()} == {id: places[id] for id in items}
    assert len({node.section_role for node in random.graph.nodes}) > 4
    drawn = AnchorData(DOCUMENTS, Anchors(roles="random"), 1, 5)[0].documents
    assert len({item.place.role for item in drawn if item.place}) > 4


def test_whole_documents_are_held_out() -> None:
    documents = [document(f"{i:02}") for i in range(10)]
    training, out = split_documents(documents, 0.3, seed=5)
    assert len(out) == 3
    assert {id(d) for d in training} | {id(d) for d in out} == {id(d) for d in documents}
    again = split_documents(list(reversed(documents)), 0.3, seed=5)[1]
    assert {d.graph.document_id for d in again} == {d.graph.document_id for d in out}, "whatever the order"
    assert {d.graph.document_id for d in split_documents(documents, 0.3, seed=6)[1]} != {
        d.graph.document_id for d in out
    }
    assert len(split_documents(documents, 0.001, seed=5)[1]) == 1
    with pytest.raises(InputError, match="none is left to train on"):
        split_documents(documents[:1], 0.3, seed=5)
