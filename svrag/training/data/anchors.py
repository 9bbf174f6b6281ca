"""Examples from element graphs: an anchor, which stands for a question, and a pool of elements to find its partners in.

Anchors are captions (their partner is the figure or table), texts that speak of something, and questions. A pool holds
partners and neighbours of the anchor, further elements of the document and some of other documents; never a heading.
How relevant each is, the graph tells (svrag.graph.relevance); a question is as relevant as its nearest partner.
Anchors may come in groups of one document and kind that draw their negatives from the same few elements: a model reads
those once for all of them.

Facts of the method: Element Graph for Academic Multimodal Retrieval, schema v2.1 (github.com/monkcat/dl_project).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, get_args, overload

from svrag.errors import InputError
from svrag.graph.model import SECTION_ROLES, ElementGraph, SectionRole
from svrag.graph.places import places_of
from svrag.graph.relevance import Relevance
from svrag.training.batch import Example, Item
from svrag.training.config import Anchors

Kind = Literal["caption_of", "refer_to", "question"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_TRIES = 10  # for each element of another document: elements drawn twice count once


@dataclass(frozen=True, slots=True)
class GraphQuestion:
    """A question with the ids of the elements that answer it."""

    text: str
    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraphDocument:
    """One document as training data.

    Attributes:
        items: what is searched for, by element id; elements that the model can read nothing of are missing.
        anchors: captions, and texts that speak of something, as they stand for questions.
        uncaptioned: `items` without the words of captions, for pools that a caption asks in; None where it is `items`.
    """

    graph: ElementGraph
    items: Mapping[str, Item]
    anchors: Mapping[str, Item]
    questions: tuple[GraphQuestion, ...] = ()
    uncaptioned: Mapping[str, Item] | None = None

    def pool_items(self, kind: Kind) -> Mapping[str, Item]:
        """What pools of such anchors hold."""
        return self.items if kind != "caption_of" or self.uncaptioned is None else self.uncaptioned


@dataclass(frozen=True, slots=True)
class _Anchor:
    """The number of its document, the element that asks ("" for a question), what it reads, and its partners' ids."""

    document: int
    element: str
    query: Item
    partners: tuple[str, ...]


class AnchorData(Sequence[Example]):
    """`length` examples. Each depends on the seed and its index alone, so that a run can be resumed or shared.

    Those of a group follow each other: the first `sampler.group`, and so on.
    """

    def __init__(self, documents: Sequence[GraphDocument], sampler: Anchors, seed: int, length: int) -> None:
        """Kinds of anchors that the documents lack leave their share to the others.

        Raises:
            InputError: there are no anchors of the kinds that the sampler asks for, or its pool is too small.
        """
        if not 1 <= sampler.positives < sampler.pool:
            raise InputError(
                f"sampler.positives must be between 1 and {sampler.pool - 1} (sampler.pool - 1), not {sampler.positives}"
            )
        self._documents = [with_roles(document, sampler.roles, seed) for document in documents]
        self._sampler, self._seed, self._length = sampler, seed, length
        self._relevance: dict[int, tuple[Relevance, Relevance]] = {}
        self._anchors = {kind: list(_anchors(self._documents, kind)) for kind in KINDS}
        self._own: dict[tuple[Kind, int], list[_Anchor]] = {}
        for kind, anchors in self._anchors.items():
            for anchor in anchors:
                self._own.setdefault((kind, anchor.document), []).append(anchor)
        self._last: tuple[int, list[Example]] = (-1, [])  # the group that was drawn last, and its number
        self._candidates = {kind: [_candidates(document, kind) for document in self._documents] for kind in KINDS}
        shares = {"caption_of": sampler.caption_of, "refer_to": sampler.refer_to, "question": sampler.question}
        self._kinds = [kind for kind in KINDS if self._anchors[kind] and shares[kind] > 0]
        self._shares = [shares[kind] for kind in self._kinds]
        if not self._kinds:
            there = ", ".join(f"{kind}: {len(self._anchors[kind])}" for kind in KINDS)
            raise InputError(f"the documents have no anchors that the sampler asks for; they have {there}")

    def counts(self) -> dict[Kind, int]:
        """How many anchors there are of each kind that is drawn."""
        return {kind: len(self._anchors[kind]) for kind in self._kinds}

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        number, member = divmod(index % self._length, self._sampler.group)
        if self._last[0] != number:
            self._last = number, self._group(number)
        return self._last[1][member]

    def _group(self, number: int) -> list[Example]:
        """Examples with a document and a kind in common; where the document has fewer anchors, they come again."""
        draw = random.Random(f"{self._seed}/{number}")
        (kind,) = draw.choices(self._kinds, self._shares)
        first = draw.choice(self._anchors[kind])
        anchors = [first]
        while len(anchors) < self._sampler.group:
            own = self._own[kind, first.document]
            anchors += draw.sample(own, min(len(own), self._sampler.group - len(anchors)))
        candidates = self._candidates[kind][first.document]
        shuffled = draw.sample(candidates, len(candidates))
        strangers = self._strangers(kind, first.document, draw)
        return [self._example(kind, anchor, shuffled, strangers, draw) for anchor in anchors]

    def _example(
        self, kind: Kind, anchor: _Anchor, shuffled: Sequence[str], strangers: Sequence[Item], draw: random.Random
    ) -> Example:
        """Its negatives are the first of `shuffled`, the document's candidates, and of `strangers`."""
        relevance, neighbours = self._graphs(anchor.document)
        asking = (anchor.element,) if anchor.element else anchor.partners
        near = {id for one in asking for id in neighbours.of(one)}  # themselves among them
        candidates = self._candidates[kind][anchor.document]
        partners = draw.sample(anchor.partners, min(len(anchor.partners), self._sampler.positives))
        others = [id for id in candidates if id in near and id != anchor.element and id not in anchor.partners]
        neighbours_drawn = draw.sample(others, min(len(others), self._sampler.positives - len(partners)))
        missing = self._sampler.pool - len(partners) - len(neighbours_drawn)
        others_share = self._sampler.other_documents if len(self._documents) > 1 else 0.0
        # What is left of partners and neighbours is no negative.
        far = (id for id in shuffled if id not in near and id not in anchor.partners and id != anchor.element)
        ids = [*partners, *neighbours_drawn, *islice(far, missing - round(missing * others_share))]
        beside = strangers[: self._sampler.pool - len(ids)]
        items = self._documents[anchor.document].pool_items(kind)
        reached = [relevance.of(one) for one in asking]
        worth = [max(one.get(id, 0.0) for one in reached) for id in ids]
        return Example(
            anchor.query,
            (*(items[id] for id in ids), *beside),
            (*worth, *(0.0 for _ in beside)),
        )

    def _graphs(self, document: int) -> tuple[Relevance, Relevance]:
        """Of the edges that count, and of all for a single hop; made when first asked for: there may be many."""
        if document not in self._relevance:
            graph, sampler = self._documents[document].graph, self._sampler
            counted = Relevance(graph, gamma=sampler.gamma, hops=sampler.hops, edges=sampler.edges)
            self._relevance[document] = counted, Relevance(graph, hops=1)
        return self._relevance[document]

    def _strangers(self, kind: Kind, document: int, draw: random.Random) -> list[Item]:
        """As many elements of other documents as a pool can hold, each of which is as likely as the next."""
        if len(self._documents) < 2:
            return []
        found: dict[tuple[int, str], None] = {}
        for _ in range(self._sampler.pool * _TRIES):
            if len(found) == self._sampler.pool:
                break
            other = (document + draw.randrange(1, len(self._documents))) % len(self._documents)
            if candidates := self._candidates[kind][other]:
                found[other, draw.choice(candidates)] = None
        return [self._documents[other].pool_items(kind)[id] for other, id in found]


def split_documents(
    documents: Sequence[GraphDocument], share: float, seed: int
) -> tuple[list[GraphDocument], list[GraphDocument]]:
    """What is trained on, and a `share` of all documents that is held out: whole ones, at least one.

    Raises:
        InputError: nothing would be left to train on.
    """
    count = max(1, round(share * len(documents)))
    if count >= len(documents):
        raise InputError(
            f"data.held_out_share holds out {count} of {len(documents)} documents: none is left to train on; add more, "
            "or hold out none (--set data.held_out_share=0 --set evaluation.patience=null)"
        )
    order = sorted(documents, key=lambda document: document.graph.document_id)
    out = {document.graph.document_id for document in random.Random(f"held out/{seed}").sample(order, count)}
    return (
        [document for document in documents if document.graph.document_id not in out],
        [document for document in documents if document.graph.document_id in out],
    )


def with_roles(document: GraphDocument, roles: Literal["own", "shuffled", "random"], seed: int) -> GraphDocument:
    """For controls: the same with its section roles permuted among its elements, or drawn anew for each."""
    if roles == "own":
        return document
    graph = document.graph
    draw = random.Random(f"{seed}/{graph.document_id}")
    given: list[SectionRole] = [node.section_role for node in graph.nodes]
    if roles == "shuffled":
        draw.shuffle(given)
    else:
        given = draw.choices(SECTION_ROLES, k=len(given))
    nodes = tuple(replace(node, section_role=role) for node, role in zip(graph.nodes, given, strict=True))
    changed = replace(graph, nodes=nodes)
    places = places_of(changed)

    def placed(items: Mapping[str, Item]) -> dict[str, Item]:
        return {id: replace(item, place=places[id]) for id, item in items.items()}

    return replace(
        document,
        graph=changed,
        items=placed(document.items),
        anchors=placed(document.anchors),
        uncaptioned=None if document.uncaptioned is None else placed(document.uncaptioned),
    )


def _candidates(document: GraphDocument, kind: Kind) -> list[str]:
    items = document.pool_items(kind)
    return [node.id for node in document.graph.nodes if node.type != "section_header" and node.id in items]


def _anchors(documents: Sequence[GraphDocument], kind: Kind) -> Iterator[_Anchor]:
    """One for each edge, or question, with an anchor that can be read and a partner that can be in a pool."""
    for number, document in enumerate(documents):
        candidates = set(_candidates(document, kind))
        if kind == "question":
            for question in document.questions:
                if partners := tuple(id for id in dict.fromkeys(question.elements) if id in candidates):
                    yield _Anchor(number, "", Item(question.text), partners)
        else:
            for edge in document.graph.edges:
                if edge.type == kind and edge.source in document.anchors and edge.target in candidates:
                    yield _Anchor(number, edge.source, document.anchors[edge.source], (edge.target,))
