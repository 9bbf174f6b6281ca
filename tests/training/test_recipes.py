"""Recipes: every one that comes along loads, files and rows are found and merged, and each mistake is one clear line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from svrag.errors import InputError
from svrag.training.config import ElementModel, FileData, GraphFiles, LibraryData, PairData, Recipe, RetrieverModel
from svrag.training.recipes import (
    CONFIGS,
    check_files,
    dumped,
    find_recipe,
    load_recipe,
    names,
    rows_of,
    save_resolved,
)

BASE = """
model: {kind: retriever, name: owner/model}
data: {train: {kind: pairs, path: pairs.jsonl}}
loss: {name: infonce}
output: {folder: runs/x}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(BASE)
    return path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(path: Path, *overrides: str, row: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load_recipe(path, overrides, row)
    said = str(caught.value)
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


# What comes along ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
def test_every_recipe_in_configs_loads(name: str) -> None:
    recipe = load_recipe(Path(name))
    assert recipe.output.folder.parts[:2] == ("runs", name)


def test_every_file_in_configs_is_a_recipe_or_a_table_of_one() -> None:
    tables = {yaml.safe_load(file.read_text()).get("rows") for file in CONFIGS.glob("*.yaml")}
    assert {file.name for file in CONFIGS.iterdir()} == {f"{name}.yaml" for name in names()} | (tables - {None})


def test_sv_rags_names_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    intern = load_recipe(Path("train_colInternVL2_4b_model.yaml"))
    assert isinstance(intern.model, RetrieverModel)
    assert intern.model.name == "OpenGVLab/InternVL2-4B"
    assert load_recipe(Path("train_colphi_model.yaml")) == load_recipe(Path("configs/colphi3v.yaml"))


def test_a_file_here_comes_before_one_in_configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "colphi3v.yaml", BASE)
    assert load_recipe(Path("colphi3v.yaml")).output.folder == Path("runs/x")
    assert find_recipe(Path("colphi3v")) == CONFIGS / "colphi3v.yaml"


def test_an_unknown_name_is_told_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recipe colqwen9: .* configs has .*colqwen2_5.*element_graph"):
        load_recipe(Path("colqwen9"))
    with pytest.raises(InputError, match="is a folder"):
        load_recipe(tmp_path)


# The 42 rows --------------------------------------------------------------------------------------------------------

ELEMENT_GRAPH = Path("element_graph")
PUBLISHED = [
    "a_baseline_infonce",
    "b_gpe_type_infonce",
    "c_gpe_type_role_infonce",
    "d_gpe_full_infonce",
    "e_grcl_no_gpe",
    "f_grcl_gpe",
    "g_grcl_gpe_cov",
    "h_full_method",
    "m_shuffled_role",
    "n_random_role",
    "o_no_query_pe_dropout",
    "p_encoder_clip_l14",
    "gamma_03",
    "gamma_07",
    "cov_00",
    "cov_01",
    "cov_05",
    "cov_10",
    "cons_00",
    "cons_01",
    "cons_03",
    "cons_10",
    "lora_r4",
    "lora_r16",
    "lora_r32",
    "lr_1e4",
    "lr_1e5",
    "tau_005",
    "tau_010",
    "anchor_caption",
    "anchor_refer",
    "anchor_nlqa",
    "edge_caption_of",
    "edge_refer_to",
    "edge_contains",
    "tokens_016",
    "tokens_064",
    "h_best_combo",
    "h_best_combo_16k",
    "h_gpe_strong",
    "h_seed_43",
    "h_seed_44",
]


def test_the_rows_are_those_published() -> None:
    assert rows_of(ELEMENT_GRAPH) == PUBLISHED
    assert len(PUBLISHED) == 42


def test_every_row_loads_into_a_folder_of_its_own() -> None:
    recipes = [load_recipe(ELEMENT_GRAPH, row=row) for row in PUBLISHED]
    assert [recipe.row for recipe in recipes] == PUBLISHED
    assert [recipe.output.folder for recipe in recipes] == [Path("runs/element_graph", row) for row in PUBLISHED]


# What each row changes of h_full_method, from the published names and the table of the facts.
KNOBS = {
    "a_baseline_infonce": {"model.facets": [], "loss.name": "grcl_binary", "loss.coverage": 0, "loss.consistency": 0},
    "b_gpe_type_infonce": {
        "model.facets": ["type"],
        "loss.name": "grcl_binary",
        "loss.coverage": 0,
        "loss.consistency": 0,
    },
    "d_gpe_full_infonce": {"loss.name": "grcl_binary", "loss.coverage": 0, "loss.consistency": 0},
    "e_grcl_no_gpe": {"model.facets": [], "loss.coverage": 0, "loss.consistency": 0},
    "g_grcl_gpe_cov": {"loss.consistency": 0},
    "n_random_role": {"sampler.roles": "random"},
    "p_encoder_clip_l14": {"model.vision": "openai/clip-vit-large-patch14"},
    "lora_r32": {"adapter.rank": 32, "adapter.alpha": 64},
    "lr_1e4": {"optimisation.rate": 1e-4},
    "anchor_nlqa": {"sampler.caption_of": 0, "sampler.refer_to": 0, "sampler.question": 1},
    "edge_refer_to": {"sampler.edges": ["refer_to"]},
    "tokens_016": {"model.tokens": 16},
    "h_best_combo_16k": {
        "loss.temperature": 0.1,
        "loss.coverage": 0.5,
        "optimisation.rate": 1e-4,
        "optimisation.steps": 16000,
        "optimisation.warmup": 400,
        "evaluation.every": 1000,
    },
    "h_gpe_strong": {"model.gate": 0},
    "h_seed_44": {"optimisation.seed": 44},
}


def differences(one: Recipe, other: Recipe) -> set[str]:
    """Keys, part.name, under which two recipes do not say the same."""
    first, second = one.model_dump(), other.model_dump()
    return {
        f"{part}.{key}" if isinstance(value, dict) else part
        for part, value in first.items()
        for key in (value if isinstance(value, dict) else [""])
        if (value[key] != second[part][key] if isinstance(value, dict) else value != second[part])
    }


@pytest.mark.parametrize(("row", "changed"), KNOBS.items(), ids=list(KNOBS))
def test_a_row_changes_its_knobs_and_nothing_else(row: str, changed: dict[str, object]) -> None:
    full, recipe = load_recipe(ELEMENT_GRAPH), load_recipe(ELEMENT_GRAPH, row=row)
    assert full.row == "h_full_method"
    assert differences(full, recipe) == {"row", "output.folder", *changed}
    said = recipe.model_dump(mode="json")
    assert {key: said[key.split(".")[0]][key.split(".")[1]] for key in changed} == changed


def test_the_full_method_is_what_was_published() -> None:
    recipe = load_recipe(ELEMENT_GRAPH)
    assert recipe.adapter is not None
    assert isinstance(recipe.model, ElementModel)
    assert (recipe.adapter.rank, recipe.adapter.alpha, recipe.adapter.dropout) == (8, 16, 0.05)
    assert (recipe.optimisation.rate, recipe.optimisation.batch, recipe.optimisation.steps) == (3e-5, 16, 8000)
    assert (recipe.loss.temperature, recipe.loss.coverage, recipe.loss.consistency) == (0.07, 0.3, 0.5)
    assert (recipe.sampler.pool, recipe.sampler.positives, recipe.sampler.gamma) == (12, 4, 0.5)
    assert recipe.model.facets == ("type", "role", "depth", "pos")


def test_what_is_set_comes_after_the_row() -> None:
    recipe = load_recipe(ELEMENT_GRAPH, ["optimisation.rate=2e-5", "row=lr_1e4", "output.folder=mine"])
    assert (recipe.row, recipe.optimisation.rate, recipe.output.folder) == ("lr_1e4", 2e-5, Path("mine"))


def test_an_unknown_row_is_told_those_there_are(base: Path) -> None:
    with pytest.raises(InputError, match=r"element_graph_rows.yaml has no row h_ful; it has a_baseline_infonce, "):
        load_recipe(ELEMENT_GRAPH, row="h_ful")
    assert "has no rows to choose from" in refused(base, row="h_full_method")
    assert rows_of(base) == []


# Files --------------------------------------------------------------------------------------------------------------


def test_a_recipe_may_build_on_another(base: Path, tmp_path: Path) -> None:
    middle = written(tmp_path, "middle.yaml", "extends: base.yaml\noptimisation: {steps: 5, rate: 1e-3}\n")
    top = written(tmp_path, "top.yaml", f"extends: {middle}\noptimisation: {{steps: 7}}\nadapter: null\n")
    recipe = load_recipe(top)
    assert (recipe.optimisation.steps, recipe.optimisation.rate) == (7, 1e-3)
    assert recipe.adapter is None
    assert recipe.loss == load_recipe(base).loss


def test_a_recipe_may_build_on_one_in_configs(tmp_path: Path) -> None:
    mine = "extends: element_graph\ndata: {train: {kind: library, library: .svrag}, held_out: null}\n"
    recipe = load_recipe(written(tmp_path, "mine.yaml", mine), row="gamma_03")
    assert recipe.data.train == LibraryData(kind="library", library=Path(".svrag"))
    assert recipe.sampler.gamma == 0.3


def test_recipes_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    one = written(tmp_path, "one.yaml", "extends: two.yaml\n")
    written(tmp_path, "two.yaml", "extends: one.yaml\n")
    with pytest.raises(InputError, match=r"extends itself: one.yaml -> two.yaml -> one.yaml"):
        load_recipe(one)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: [", "line 1: not valid YAML"),
        ("- a\n- b\n", "must hold keys and values"),
        ("", "must hold keys and values"),
        ("loss: {name: infonce}\nloss: {name: grcl}\n", "line 2: not valid YAML (loss is there twice)"),
        ("output: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("extends: 3\n", "extends must be the name of a file, not 3"),
        ("rows: nope.yaml\nrow: x\n", "cannot read"),
        ("a: \x01\n", "not valid YAML"),
    ],
)
def test_files_that_are_no_recipes(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, "broken.yaml", text)
    with pytest.raises(InputError) as caught:
        load_recipe(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_rows_is_no_recipe() -> None:
    with pytest.raises(
        InputError, match=r"has no part of a recipe; if it is a table of rows: svrag train RECIPE --row"
    ):
        load_recipe(Path("element_graph_rows"))


def test_a_binary_file_is_no_recipe(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="no text in UTF-8"):
        load_recipe(path)


# Overrides ----------------------------------------------------------------------------------------------------------


def test_overrides_are_yaml_under_dotted_keys(base: Path) -> None:
    recipe = load_recipe(
        base,
        [
            "optimisation.rate=5e-5",
            "optimisation.checkpointing=true",
            "adapter.targets=[q_proj, v_proj]",
            "data.held_out={kind: pairs, path: other.jsonl, limit: 3}",
            "optimisation.steps=3",
            "optimisation.steps=4",
            "model.name=a=b",
        ],
    )
    assert recipe.optimisation.rate == 5e-5
    assert recipe.optimisation.checkpointing
    assert recipe.adapter is not None
    assert recipe.adapter.targets == ("q_proj", "v_proj")
    assert recipe.data.held_out == PairData(kind="pairs", path=Path("other.jsonl"), limit=3)
    assert recipe.optimisation.steps == 4
    assert recipe.model.name == "a=b"


def test_data_of_another_kind_take_the_place_of_the_old(base: Path) -> None:
    recipe = load_recipe(base, ["data.train.kind=library", "data.train.library=.svrag", "loss.name=grcl"])
    assert recipe.data.train == LibraryData(kind="library", library=Path(".svrag"))
    kept = load_recipe(base, ["data.train.limit=3"]).data.train
    assert isinstance(kept, PairData)
    assert (kept.path, kept.limit) == (Path("pairs.jsonl"), 3)


# Mistakes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optimisation.rat=1", "unknown key optimisation.rat: did you mean optimisation.rate?"),
        ("optimisation.temperature=1", "unknown key optimisation.temperature: did you mean loss.temperature?"),
        ("modl=1", "unknown key modl: did you mean model?"),
        ("output.xyz=1", "unknown key output.xyz; known are folder, log_every, keep, tensorboard"),
        ("data.train.limits=1", "unknown key data.train.limits: did you mean data.train.limit?"),
        ("data.train.corpus={path: a, idd: b}", "unknown key data.train.corpus.idd: did you mean data.train.corpus.id?"),
        ("data.train={kind: library, libary: x}", "unknown key data.train.libary: did you mean data.train.library? (and"),
        ("data.train.kind=library", "data.train.library is missing"),
        ("data.train.kind=libary", "data.train.kind must be one of pairs, triplets, lists, graphs, library, not 'libary'"),
        ("optimisation.steps=many", "optimisation.steps must be a whole number, not 'many'"),
        ("optimisation.steps=1.5", "optimisation.steps must be a whole number, not 1.5"),
        ("optimisation.steps=true", "optimisation.steps must be a whole number, not True"),
        ("optimisation.steps=0", "optimisation.steps must be more than 0, not 0"),
        ("optimisation.rate=fast", "optimisation.rate must be a number, not 'fast'"),
        ("optimisation.checkpointing=1", "optimisation.checkpointing must be true or false, not 1"),
        ("loss.temperature=.inf", "loss.temperature must be a number, not inf"),
        ("loss.name=foo", "loss.name must be one of infonce, pairwise, negatives, grcl, grcl_binary, triplet, kl_distil"),
        ("model.name=12", "model.name must be text, not 12"),
        ("adapter.dropout=1.5", "adapter.dropout must be at most 1, not 1.5"),
        ("adapter.targets=3", "adapter.targets must be text or a list, not 3"),
        ("adapter.targets=[a, 2]", "adapter.targets.1 must be text, not 2"),
        ("output.folder=", "output.folder must be a path, not nothing"),
        ("data=null", "data must be keys and values, not nothing"),
        ("sampler.edges=[refers]", "sampler.edges.0 must be one of caption_of, refer_to, contains, rea"),
        ("loss.consistency=0.5", "loss.consistency compares with and without a graph position embedding: "),
        ("model.facets=[type]", "model.facets are of elements in graphs: "),
        ("sampler.pool=3", "sampler draws from graphs: "),
        ("loss.name=margin_mse", "loss.name margin_mse learns from a teacher's scores: data.train.kind must be lists"),
        ("loss.name=triplet", "loss.name triplet compares a query with its own documents only: loss.candidates must be"),
        ("data.train={kind: lists, path: x}", "loss.name infonce does not learn from a teacher's scores: "),
        ("data={held_out: {kind: pairs, path: x}, held_out_share: 0.5}", "data.held_out and data.held_out_share are two"),
        ("evaluation.patience=2", "evaluation.patience needs data that are held out: "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_key(base: Path, override: str, said: str) -> None:
    assert refused(base, override).startswith(said)


def test_missing_parts_and_kinds_are_named(tmp_path: Path) -> None:
    empty = written(tmp_path, "some.yaml", "model: {name: x}\nloss: {name: infonce}\n")
    assert refused(empty) == "model.kind is missing: it must be one of elements, retriever (and 2 more)"


def test_nothing_to_draw_is_a_mistake() -> None:
    overrides = [f"sampler.{name}=0" for name in ("caption_of", "refer_to", "question")]
    with pytest.raises(InputError, match="nothing would be drawn"):
        load_recipe(ELEMENT_GRAPH, overrides)


@pytest.mark.parametrize("text", ["optimisation.steps", "=3", "a..b=3", "rows=x.yaml", "extends=x.yaml", "a={"])
def test_an_override_that_is_none(base: Path, text: str) -> None:
    assert f"--set {text}" in refused(base, text)


def test_files_that_are_not_there_are_named_with_their_key(base: Path, tmp_path: Path) -> None:
    recipe = load_recipe(base, ["data.train.path=nope.jsonl"])
    with pytest.raises(InputError, match=r"^data\.train\.path: there is no nope\.jsonl; --set data\.train\.path=PATH"):
        check_files(recipe)
    written(tmp_path, "pairs.jsonl", "{}")
    there = load_recipe(base, [f"data.train.path={tmp_path / 'pairs.jsonl'}"])
    check_files(there)
    held_out = f"data.held_out={{kind: pairs, path: {tmp_path}, corpus: {{path: nope}}}}"
    without_corpus = load_recipe(base, [f"data.train.path={tmp_path}", held_out])
    with pytest.raises(InputError, match=r"^data\.held_out\.corpus\.path"):
        check_files(without_corpus)
    no_library = load_recipe(
        ELEMENT_GRAPH, [f"data={{train: {{kind: library, library: {tmp_path / 'nope'}}}, held_out: null}}"]
    )
    with pytest.raises(
        InputError, match=r"^data\.train\.library: there is no .*; svrag add PATH\.\.\. makes a library"
    ):
        check_files(no_library)
    not_downloaded = load_recipe(ELEMENT_GRAPH)
    with pytest.raises(InputError, match=r"^data\.train\.graphs"):
        check_files(not_downloaded)
    with pytest.raises(
        InputError, match=rf"the first lines of {re.escape(str(CONFIGS))}/element_graph\.yaml say how to get"
    ):
        check_files(not_downloaded, find_recipe(ELEMENT_GRAPH))
    with pytest.raises(InputError, match=r"there is no nope\.jsonl; --set"):
        check_files(recipe, base)


# What is kept -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["element_graph", "colqwen2_5", "element_graph_colqwen2_5"])
def test_a_saved_recipe_loads_to_the_same(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(Path(name), ["optimisation.steps=3"])
    save_resolved(recipe, tmp_path / "run", "0123abcd")
    assert load_recipe(tmp_path / "run" / "recipe.yaml") == recipe
    kept = json.loads((tmp_path / "run" / "made_with.json").read_text())
    assert kept["data"] == "0123abcd"
    assert {"svrag", "python", "torch", "transformers", "pydantic"} <= set(kept["versions"])


def test_a_saved_recipe_says_defaults_too(base: Path) -> None:
    said = yaml.safe_load(dumped(load_recipe(base)))
    assert set(said) == set(Recipe.model_fields)
    assert said["optimisation"]["seed"] == 42


def test_a_folder_that_cannot_be_written_is_named(base: Path, tmp_path: Path) -> None:
    written(tmp_path, "file", "")
    with pytest.raises(InputError, match=r"^output\.folder: cannot write to "):
        save_resolved(load_recipe(base), tmp_path / "file" / "run", "0")


def test_kinds_of_data_are_told_apart(base: Path) -> None:
    assert isinstance(load_recipe(base).data.train, FileData)
    assert isinstance(load_recipe(ELEMENT_GRAPH).data.train, GraphFiles)
