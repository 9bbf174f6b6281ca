"""The parts of the experiment that can be wrong without anybody noticing; the run itself takes an hour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import element_graph, journals
from benchmarks.element_graph import ARMS, METRICS, REFERENCES, Plan, recipe_of, table
from svrag.documents.model import Box
from svrag.evaluation.question import EvalQuestion, GoldBox
from svrag.library.store import Library
from tests.library.made import add, document

PLAN = Plan(60, 6, 64, 5e-4, "float32", None)


def question(id: str, name: str, pages: tuple[int, ...] = (1,), boxes: tuple[GoldBox, ...] = ()) -> EvalQuestion:
    return EvalQuestion(id, name, f"{id}?", "", "", True, pages, boxes, (), True)


def test_each_document_is_in_one_fold() -> None:
    questions = [question(f"{n}", f"{n % 21:02}.pdf") for n in range(60)]
    folds = element_graph._folds(questions)
    assert len(folds) == 21
    assert [list(folds.values()).count(fold) for fold in range(3)] == [7, 7, 7]
    assert element_graph._folds(list(reversed(questions))) == folds


@pytest.mark.parametrize("name", ARMS)
def test_recipes_differ_in_what_an_arm_says(name: str, tmp_path: Path) -> None:
    arm = ARMS[name]
    recipe = recipe_of(arm, 3, PLAN, tmp_path, ["a"], tmp_path / "run")
    base = recipe_of(ARMS["grcl"], 3, PLAN, tmp_path, ["a"], tmp_path / "run")
    same = {"optimisation", "adapter", "output", "evaluation"}
    assert recipe.model_dump(include=same) == base.model_dump(include=same)
    assert recipe.optimisation.seed == 3
    assert bool(recipe.model.facets) == arm.gpe
    assert recipe.loss.name == (arm.loss or "grcl")
    if name == "refer_to":
        assert (recipe.sampler.caption_of, recipe.sampler.edges) == (0.0, ("refer_to",))
    else:
        changed = {"group": 3} if name == "grcl_group" else {}
        assert recipe.sampler == base.sampler.model_copy(update=changed)


def test_questions_become_training_data_by_box_or_page(tmp_path: Path) -> None:
    made = document("kilns.pdf", "Hot.", "Long.")
    target = next(e for e in made.elements if e.type == "table")
    with Library.open(tmp_path / "library") as library:
        add(library, tmp_path, made)
        boxed = question("boxed", "kilns.pdf", (1,), (GoldBox(1, Box(*target.box), (595, 842)),))
        element_graph._write_questions(tmp_path / "q.jsonl", library, [boxed, question("paged", "kilns.pdf", (2,))])
    lines = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert lines[0] == {"question": "boxed?", "document": made.id, "elements": [target.id]}
    assert lines[1] == {"question": "paged?", "document": made.id, "pages": [2]}


def test_the_table_is_of_whole_seeds_and_paired(tmp_path: Path) -> None:
    ids = [f"q{n}" for n in range(12)]
    documents = {id: f"{n % 6}.pdf" for n, id in enumerate(ids)}

    def measured(value: float, some: list[str]) -> dict[str, dict[str, float]]:
        return {id: dict.fromkeys(METRICS, value) for id in some}

    assert table(tmp_path) == "nothing is measured yet"
    references = {name: measured(0.25, ids) for name in REFERENCES}
    (tmp_path / "references-0-0.json").write_text(json.dumps({"documents": documents, **references}))
    for arm, value in (("zero-shot", 0.25), ("grcl", 0.5)):
        for seed in (1, 2, 3):
            for fold in range(3):
                if (seed, fold) != (3, 2):  # of the third seed a fold is missing
                    some = [id for n, id in enumerate(ids) if n % 3 == fold]
                    run = {"arm": arm, "seed": seed, "fold": fold}
                    run |= {"alone": measured(value + 0.125 * (seed == 2), some), "fused": measured(0.75, some)}
                    (tmp_path / f"{arm}-{seed}-{fold}.json").write_text(json.dumps(run))
    told = table(tmp_path)
    assert told.startswith("12 questions, 6 documents; seeds: {'zero-shot': 2, 'grcl': 2}")
    rows = {line.split("|")[1].strip(): line for line in told.splitlines() if line.startswith("| ")}
    assert "0.250 (0.250-0.250)" in rows["lexical"]
    assert told.count("0.562 (0.562-0.562) ±0.088") == len(METRICS), "mean of the seeds, and how far they lie apart"
    assert told.count("+0.250 (+0.250 to +0.250) p 0.001, by document p 0.001") == len(METRICS), "grcl - zero-shot"
    assert told.count("+0.500 (+0.500 to +0.500)") == 2 * len(METRICS), "both fused - lexical"
    assert "+0.000 (+0.000 to +0.000) p 1.000" in rows["lexical,dense"]


def test_a_journal_is_of_one_plan(tmp_path: Path) -> None:
    journals.begin(tmp_path, PLAN)
    journals.begin(tmp_path, PLAN)
    with pytest.raises(SystemExit, match="another plan"):
        journals.begin(tmp_path, Plan(61, 6, 64, 5e-4, "float32", None))
