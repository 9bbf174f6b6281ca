"""Topics in their shares in every stretch, batches within their tokens, and both the same for any number of processes."""

from __future__ import annotations

import json
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.errors import InputError
from svrag.training.batch import Example, Item
from svrag.training.batches import Sizes, TokenBatches, TopicStream
from svrag.training.config import Recipe, TopicGroup
from svrag.training.order import Order, Permutations
from svrag.training.recipes import load_recipe
from svrag.training.run import train
from tests.retrievers.dense.networks import write_qwen
from tests.training.models.families import QUESTIONS, TEXTS, Stripes
from tests.training.models.one_vector import opened
from tests.training.runs import in_two

TOPICS = ["main", "soft", "hard", "cross", "unused"]


def groups(*shares: float) -> list[TopicGroup]:
    return [TopicGroup(topics=(topic,), share=share) for topic, share in zip(TOPICS, shares, strict=False)]


def topics(*counts: int) -> list[str]:
    made = [topic for topic, count in zip(TOPICS, counts, strict=False) for _ in range(count)]
    return np.random.default_rng(0).permutation(made).tolist()


@settings(max_examples=40, deadline=None)
@given(
    shares=st.lists(st.floats(0.05, 1), min_size=4, max_size=4),
    begin=st.integers(0, 3000),
    size=st.integers(1, 64),
    seed=st.integers(0, 9),
)
def test_every_stretch_has_each_group_in_its_share(shares: list[float], begin: int, size: int, seed: int) -> None:
    rows = topics(9, 40, 5, 13, 7)
    stream = TopicStream(rows, groups(*shares), seed)
    drawn = [rows[stream(place)] for place in range(begin, begin + size)]
    assert "unused" not in drawn
    for topic, share in zip(TOPICS, np.array(shares) / sum(shares), strict=False):
        assert abs(drawn.count(topic) - size * share) < 3


def test_a_group_gives_all_its_examples_before_one_comes_again_and_each_time_in_another_order() -> None:
    rows = topics(10, 10, 10, 10)
    stream = TopicStream(rows, groups(1, 1, 1, 1), 3)
    main = [number for number in map(stream, range(80)) if rows[number] == "main"]
    assert len(main) == 20
    assert sorted(main[:10]) == sorted(main[10:]) == [i for i, topic in enumerate(rows) if topic == "main"]
    assert main[:10] != main[10:]


def test_a_place_depends_on_the_seed_alone_and_not_on_what_was_asked_before() -> None:
    rows = topics(9, 4, 5, 13)
    one, other = TopicStream(rows, groups(4, 3, 2, 1), 1), TopicStream(rows, groups(4, 3, 2, 1), 1)
    places = [5, 2500, 17, 0, 999, 1000]
    assert [one(place) for place in places] == [other(place) for place in reversed(places)][::-1]
    another = TopicStream(rows, groups(4, 3, 2, 1), 2)
    assert [one(place) for place in range(50)] != [another(place) for place in range(50)]


def test_topics_are_shared_out_among_processes_as_one_would_read_them() -> None:
    rows = topics(9, 4, 5, 13)

    def order(batch: int, processes: int, process: int) -> list[list[int]]:
        stream = TopicStream(rows, groups(4, 3, 2, 1), 1)
        made = Order(
            31, batch=batch, accumulate=1, processes=processes, process=process, steps=9, seed=1, stream=stream
        )
        return list(made)

    split = [order(4, 3, process) for process in range(3)]
    assert [list(chain(*parts)) for parts in zip(*split, strict=True)] == order(12, 1, 0)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([TopicGroup(topics=("main", "absent"), share=1), TopicGroup(topics=("none",), share=1)], "no row is of none"),
        ([TopicGroup(topics=("main",), share=1), TopicGroup(topics=("main",), share=1)], "a topic is in two groups"),
        ([TopicGroup(topics=("main",), share=0)], "every share is 0"),
    ],
)
def test_groups_that_make_no_batch(made: list[TopicGroup], said: str) -> None:
    with pytest.raises(InputError, match=f"batches.groups: {said}"):
        TopicStream(topics(3, 3), made, 0)


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.integers(1, 300),
    most=st.integers(4, 12),
    processes=st.integers(1, 4),
    lengths=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 40)), min_size=2, max_size=20),
)
def test_batches_are_within_their_tokens_and_the_stream_is_read_in_its_order(
    tokens: int, most: int, processes: int, lengths: list[tuple[int, int]]
) -> None:
    def made(of: int, process: int) -> list[list[int]]:
        stream = Permutations(len(lengths), 5)
        order = TokenBatches(
            stream, lengths.__getitem__, tokens=tokens, most=most, processes=of, process=process, batches=6
        )
        assert len(order) == 6
        return list(order)

    split = [made(processes, process) for process in range(processes)]
    joined = [list(chain(*parts)) for parts in zip(*split, strict=True)]
    stream = Permutations(len(lengths), 5)
    assert list(chain(*joined)) == [stream(place) for place in range(sum(map(len, joined)))]
    place = 0
    for batch, parts in zip(joined, zip(*split, strict=True), strict=True):
        place += len(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        assert min(map(len, parts)) >= 1

        def size(some: list[int]) -> int:
            return sum(lengths[i][0] for i in some) * max(lengths[i][1] for i in some)

        assert size(batch) <= tokens or len(batch) == processes
        assert len(batch) <= most
        assert len(batch) == most or size([*batch, stream(place)]) > tokens  # no smaller than it has to be
    if all(len(batch) > processes for batch in joined):
        assert joined == made(1, 0)


def test_tokens_are_counted_as_the_model_reads_them(tmp_path: Path) -> None:
    trainable = opened(write_qwen(tmp_path), family="dense", longest=12)
    examples = [
        Example(Item(text="q"), (Item(text="abc"), Item(text="abcdefg")), (1.0, 0.0)),
        Example(Item(text="q"), (Item(text="a" * 50),), (1.0,)),
        Example(Item(text="q"), (Item(picture=Stripes(1)),), (1.0,)),
    ]
    sizes = Sizes(examples, trainable)
    assert sizes(0) == (2, 7)
    assert sizes(1) == (1, 12)
    with pytest.raises(InputError, match=r"batches\.tokens counts tokens of texts, but the data have pictures"):
        sizes(2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_qwen(tmp_path_factory.mktemp("model"))  # which has no dropout


def recipe(folder: Path, model: Path, **batches: Any) -> Recipe:
    rows = [{"title": QUESTIONS[i % 4], "abstract": f"{TEXTS[i % 4]} {i}", "topic": TOPICS[i % 3]} for i in range(24)]
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Recipe.model_validate(
        {
            "model": {"kind": "retriever", "name": str(model), "family": "dense"},
            "adapter": {"rank": 4, "dropout": 0.0},
            "data": {
                "train": {
                    "kind": "pairs",
                    "path": str(folder / "rows.jsonl"),
                    "query": "title",
                    "document": "abstract",
                },
                "held_out_share": 0.25,
            },
            "batches": batches,
            "loss": {"name": "infonce", "score": "mean", "temperature": 0.1},
            "optimisation": {"steps": 4, "batch": 6, "accumulate": 2, "rate": 1e-3, "precision": "float32"},
            "output": {"folder": str(folder / "run"), "log_every": 1, "tensorboard": False},
        }
    )


def losses(result: Any) -> list[float]:
    return [step["loss"] for step in result.history if "loss" in step]


def shared(folder: Path, model: Path, batch: int) -> list[float]:
    made = recipe(folder, model, category="topic", groups=[{"topics": ["main"], "share": 1}], tokens=250)
    changed = made.model_copy(update={"optimisation": made.optimisation.model_copy(update={"batch": batch})})
    return losses(train(changed, tell=lambda _: None))


def test_a_run_of_two_processes_is_that_of_one(tmp_path: Path, model: Path) -> None:
    alone = shared(tmp_path / "one", model, 6)
    two = in_two(lambda: shared(tmp_path / "two", model, 3), tmp_path)
    assert len(alone) == 4
    assert alone[-1] < alone[0]
    assert two[0] == pytest.approx(alone, rel=1e-4)


def test_only_rows_of_the_named_topics_are_read(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from svrag.training.data.files import FileExamples

    read: list[str] = []
    get = FileExamples.__getitem__

    def seen(self: FileExamples, index: Any) -> Any:
        example = get(self, index)
        read.append(example.documents[0].text)
        return example

    made = recipe(tmp_path, model, category="topic", groups=[{"topics": ["main", "hard"], "share": 1}])
    train(made.model_copy(update={"data": made.data.model_copy(update={"held_out_share": 0.0})}), tell=lambda _: None)
    monkeypatch.setattr(FileExamples, "__getitem__", seen)
    again = made.model_copy(
        update={
            "data": made.data.model_copy(update={"held_out_share": 0.0}),
            "output": made.output.model_copy(update={"folder": tmp_path / "again"}),
        }
    )
    train(again, tell=lambda _: None)
    kinds = {TOPICS[int(text.rpartition(" ")[2]) % 3] for text in islice(read, 1, None)}
    assert kinds == {"main", "hard"}


def test_a_column_that_is_not_there_is_one_line(tmp_path: Path, model: Path) -> None:
    made = recipe(tmp_path, model, category="field", groups=[{"topics": ["main"], "share": 1}])
    with pytest.raises(InputError, match="has no column field; it has title, abstract, topic"):
        train(made, tell=lambda _: None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            ["batches={category: topic, groups: [{topics: [a], shar: 1}]}"],
            "unknown key batches.groups.0.shar: did you",
        ),
        (
            ["batches={category: topic, groups: [{topics: [a], share: -1}]}"],
            "batches.groups.0.share must be at least 0",
        ),
        (["batches={category: topic}"], "batches.category names the column and batches.groups the topics: set both"),
        (["batches={tokens: 9}"], "batches.tokens makes batches of different sizes: say with optimisation.steps"),
    ],
)
def test_mistakes_in_a_recipe_are_one_line(changes: list[str], said: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "model: {kind: retriever, name: owner/model}\ndata: {train: {kind: pairs, path: pairs.jsonl}}\n"
        "loss: {name: infonce}\noutput: {folder: runs/x}\n"
    )
    with pytest.raises(InputError) as raised:
        load_recipe(file, changes)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
