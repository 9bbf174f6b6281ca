"""From the data part of a recipe to examples, for files and for element graphs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.config import Recipe
from svrag.training.examples import datasets_of
from svrag.training.run import train, trainer_of
from tests.evaluation.files_made import write_json, write_lines
from tests.retrievers.elements.tiny import write_bert
from tests.training.data.test_graphs import edge, node

DOCUMENTS = 4


def write_graphs(folder: Path) -> dict[str, str]:
    """Each document has a figure with its caption, and two paragraphs, of which one speaks of it."""
    graphs, elements = {}, []
    for number in range(DOCUMENTS):
        figure, caption, one, two = (f"{number}-{part}" for part in ("figure", "caption", "one", "two"))
        graphs[f"d{number}"] = {
            "schema_version": "v2.1",
            "nodes": [
                node(figure, "figure", "method"),
                node(caption, "caption", "method"),
                node(one, "text", "intro"),
                node(two, "text", "result"),
            ],
            "edges": [edge(caption, figure, "caption_of"), edge(one, figure, "refer_to")],
        }
        texts = {
            figure: f"kiln {number}",
            caption: f"Figure {number}: A kiln.",
            one: f"See Figure {number}.",
            two: "Hot",
        }
        kinds = {figure: "figure", caption: "caption", one: "text", two: "text"}
        elements += [
            {"id": id, "doc_id": f"d{number}", "type": kinds[id], "text": f"{text} {number}"}
            for id, text in texts.items()
        ]
    return {
        "kind": "graphs",
        "graphs": str(write_json(folder / "graphs.json", graphs)),
        "elements": str(write_lines(folder / "elements.jsonl", elements)),
    }


def graph_recipe(folder: Path, **parts: dict[str, Any]) -> Recipe:
    made: dict[str, Any] = {
        "model": {"kind": "elements", "vision": None, "text": str(write_bert(folder / "bert")), "dimension": 8},
        "adapter": {"rank": 2, "alpha": 4},
        "data": {"train": write_graphs(folder), "held_out_share": 0.25},
        "sampler": {"pool": 4, "positives": 2},
        "loss": {"name": "grcl", "candidates": "pool", "score": "mean", "temperature": 0.1, "consistency": 0.5},
        "optimisation": {"steps": 3, "batch": 2, "rate": 1e-3},
        "output": {"folder": str(folder / "run"), "tensorboard": False},
    }
    for name, part in parts.items():
        made[name] = {**made[name], **part}
    return Recipe.model_validate(made)


def test_anchors_are_as_many_as_the_steps_take_or_as_there_are(tmp_path: Path) -> None:
    examples, held_out = datasets_of(graph_recipe(tmp_path), pictures=False, per_step=2)
    assert len(examples) == 3 * 2
    assert held_out is not None
    # A caption and a text that speaks of a figure, of each document.
    assert len(held_out) == 2
    examples, _ = datasets_of(graph_recipe(tmp_path, optimisation={"steps": None}), pictures=False, per_step=2)
    assert len(examples) == 2 * (DOCUMENTS - 1)


def test_groups_of_anchors_are_whole_and_not_in_what_is_held_out(tmp_path: Path) -> None:
    grouped = graph_recipe(tmp_path, sampler={"group": 4})
    examples, held_out = datasets_of(grouped, pictures=False, per_step=2)
    assert len(examples) == 8, "three steps of two, rounded up"
    assert held_out is not None
    _, alone = datasets_of(graph_recipe(tmp_path), pictures=False, per_step=2)
    assert list(held_out) == list(alone or ())


def test_a_run_reads_groups_in_a_row(tmp_path: Path) -> None:
    grouped = graph_recipe(tmp_path, sampler={"group": 2}, optimisation={"steps": 6})
    examples, held_out = datasets_of(grouped, pictures=False, per_step=2)
    trainer, _ = trainer_of(grouped, examples, held_out, lambda line: None)
    order = list(trainer._order())
    assert [first + 1 for first, _ in order] == [second for _, second in order]
    assert sorted(row for rows in order for row in rows) == list(range(12))
    assert order != sorted(order)


def test_documents_that_are_held_out_are_whole_ones(tmp_path: Path) -> None:
    recipe = graph_recipe(tmp_path, optimisation={"steps": 20})
    examples, held_out = datasets_of(recipe, pictures=False, per_step=2)
    assert held_out is not None

    def asked(some: Any) -> set[str]:
        return {example.query.text for example in some}

    assert asked(examples)
    assert asked(held_out)
    assert not asked(examples) & asked(held_out)
    again = datasets_of(recipe, pictures=False, per_step=2)
    assert [list(some) for some in again if some] == [list(examples), list(held_out)]


def test_an_element_encoder_is_trained_on_graphs_and_answers(tmp_path: Path) -> None:
    told: list[str] = []
    result = train(graph_recipe(tmp_path), tell=told.append)
    assert told[0].endswith("3 steps of 2 out of 6 examples")
    assert result.best is not None
    encoder = load_multivector(str(result.folder))
    assert encoder.reads_places
    assert encoder.questions(["kiln"])[0].vectors.shape[1] == 8


def test_held_out_files_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = [{"query": f"question {number}", "document": f"answer {number}"} for number in range(5)]
    path, other = tmp_path / "train.jsonl", tmp_path / "held_out.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    other.write_text("\n".join(map(json.dumps, rows[:2])))
    recipe = Recipe.model_validate(
        {
            "model": {"kind": "retriever", "name": "none"},
            "data": {
                "train": {"kind": "pairs", "path": str(path)},
                "held_out": {"kind": "pairs", "path": str(other)},
            },
            "loss": {"name": "infonce"},
            "output": {"folder": str(tmp_path)},
        }
    )
    examples, held_out = datasets_of(recipe, pictures=True, per_step=4)
    assert held_out is not None
    assert [len(examples), len(held_out)] == [5, 2]


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_rows_are_held_out_or_learnt_from(share: float, tmp_path: Path) -> None:
    rows = [{"query": f"question {number}", "document": f"answer {number}"} for number in range(5)]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    recipe = Recipe.model_validate(
        {
            "model": {"kind": "retriever", "name": "none"},
            "data": {"train": {"kind": "pairs", "path": str(path)}, "held_out_share": share},
            "loss": {"name": "infonce"},
            "output": {"folder": str(tmp_path)},
        }
    )
    examples, held_out = datasets_of(recipe, pictures=True, per_step=4)
    assert held_out is not None
    assert len(held_out) == round(5 * share)
    texts = [one.query.text for some in (examples, held_out) for one in some]
    assert sorted(texts) == [row["query"] for row in rows]
