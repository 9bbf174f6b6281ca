from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from svrag.errors import InputError
from svrag.retrievers.multivector.loading import load_multivector
from svrag.training.checkpoints import load_weights
from svrag.training.config import Recipe
from svrag.training.run import TrainResult, train
from tests.training.models.families import FAMILIES, QUESTIONS, TEXTS


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With BERT's dropout, and LoRA's."""
    return FAMILIES["text"](tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    rows = [{"query": query, "document": text} for query, text in zip(QUESTIONS, TEXTS, strict=True)]
    rows += [{"query": text, "document": text} for text in TEXTS]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def recipe(model: Path, data: Path, folder: Path, /, **parts: dict[str, Any]) -> Recipe:
    train_on = {"kind": "pairs", "path": str(data)}
    made: dict[str, Any] = {
        "model": {"kind": "retriever", "name": str(model)},
        "adapter": {"rank": 4, "alpha": 8, "dropout": 0.2},
        "data": {"train": train_on, "held_out": train_on},
        "loss": {"name": "infonce", "temperature": 0.1, "score": "mean"},
        "optimisation": {"steps": 6, "batch": 2, "accumulate": 2, "rate": 1e-2, "warmup": 2},
        "evaluation": {"every": 2},
        "output": {"folder": str(folder), "log_every": 1, "keep": 9},
    }
    for name, part in parts.items():
        made[name] = {**made.get(name, {}), **part}
    return Recipe.model_validate(made)


@pytest.fixture(scope="module")
def done(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult, list[str]]:
    """An uninterrupted run: its folder, what came of it, and what was told."""
    folder, told = tmp_path_factory.mktemp("run"), list[str]()
    return folder, train(recipe(model, data, folder), tell=told.append), told


def test_a_run_leaves_its_recipe_its_curves_its_checkpoints_and_a_model(
    done: tuple[Path, TrainResult, list[str]], model: Path
) -> None:
    folder, result, told = done
    assert result.steps == 6
    assert result.folder == folder / "model"
    checkpoints = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert checkpoints == ["checkpoint-2", "checkpoint-4", "checkpoint-6"]
    assert {"recipe.yaml", "made_with.json", "tensorboard", "model"} <= {path.name for path in folder.iterdir()}
    assert told[0] == f"{folder}: 6 steps of 4 out of 8 examples"
    assert re.fullmatch(r"step 1 of 6: loss [\d.]+, gradient [\d.]+, rate 0", told[1])
    assert any(re.match(r"step 2 of 6: ndcg@10 0\.\d+, mrr 0\.\d+", line) for line in told)
    assert [round(one["epoch"], 2) for one in result.history if "loss" in one] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    encoder = load_multivector(str(result.folder))
    before = load_multivector(str(model))
    difference = np.abs(encoder.questions([TEXTS[0]])[0].vectors - before.questions([TEXTS[0]])[0].vectors)
    assert difference.max() > 0.01


def test_curves_can_be_read(done: tuple[Path, TrainResult, list[str]]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, result, _ = done
    curves = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert {
        "train/loss",
        "train/grad_norm",
        "train/learning_rate",
        "eval/ndcg@10",
        "eval/mrr",
        "eval/recall@1",
    } <= set(curves.Tags()["scalars"])
    losses = [one["loss"] for one in result.history if "loss" in one]
    assert [event.value for event in curves.Scalars("train/loss")] == pytest.approx(losses)


def test_the_best_of_the_checkpoints_is_the_model(done: tuple[Path, TrainResult, list[str]], model: Path) -> None:
    folder, result, _ = done
    values = {one["step"]: one["eval_ndcg@10"] for one in result.history if "eval_ndcg@10" in one}
    best = min(step for step, value in values.items() if value == max(values.values()))
    assert result.best == values[best]
    weights = load_weights(folder / "checkpoints" / f"checkpoint-{best}")
    head = next(value for name, value in weights.items() if name.endswith("1.linear.weight"))
    from safetensors.torch import load_file

    assert torch.equal(head, load_file(folder / "model" / "1_Dense" / "model.safetensors")["linear.weight"])


def assert_equal(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_equal(mine, theirs)
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("step", [2, 4])
def test_a_resumed_run_ends_as_the_uninterrupted_one_bit_for_bit(
    step: int, done: tuple[Path, TrainResult, list[str]], model: Path, data: Path, tmp_path: Path
) -> None:
    folder, whole, _ = done
    kept = tmp_path / "checkpoints" / f"checkpoint-{step}"
    shutil.copytree(folder / "checkpoints" / kept.name, kept)
    torch.manual_seed(99)  # random generators are those of the checkpoint
    told: list[str] = []
    resumed = train(recipe(model, data, tmp_path), resume=True, tell=told.append)
    assert told[0].endswith(f"from {kept}")
    one, two = (path / "checkpoints" / "checkpoint-6" for path in (folder, tmp_path))
    assert_equal(load_weights(one), load_weights(two))
    for file in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        assert_equal(*(torch.load(path / file, weights_only=False) for path in (one, two)))
    timed = ("train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss")
    logs = [
        [{key: value for key, value in entry.items() if key not in timed} for entry in result.history]
        for result in (whole, resumed)
    ]
    assert logs[0] == logs[1]
    assert resumed.best == whole.best
    files = ("model.safetensors", "1_Dense/model.safetensors")
    assert all((whole.folder / name).read_bytes() == (resumed.folder / name).read_bytes() for name in files)


def test_a_run_is_not_started_over_another_and_not_resumed_by_another_recipe(
    done: tuple[Path, TrainResult, list[str]], model: Path, data: Path
) -> None:
    folder, _, _ = done
    with pytest.raises(InputError, match=r"holds a run already: go on with --resume, or name another output\.folder"):
        train(recipe(model, data, folder))
    changed = recipe(model, data, folder, optimisation={"rate": 3e-3})
    with pytest.raises(InputError, match=r"checkpoint-6 was made with optimisation\.rate = 0\.01, now it is 0\.003"):
        train(changed, resume=True)


def test_a_run_is_not_resumed_on_other_data(
    done: tuple[Path, TrainResult, list[str]], model: Path, data: Path, tmp_path: Path
) -> None:
    folder, _, _ = done
    run, changed = tmp_path / "run", tmp_path / data.name
    shutil.copytree(folder, run)
    for path in run.glob("checkpoints/*/recipe.json"):  # as if the file had always been there
        path.write_text(path.read_text().replace(str(data), str(changed)))
    changed.write_text(data.read_text().replace("kiln", "oven"))
    with pytest.raises(InputError, match=r"data\.train has changed since the run in .* began: put it back"):
        train(recipe(model, changed, run), resume=True)


def test_a_picture_that_a_loader_cannot_read_is_one_line(tmp_path: Path) -> None:
    seeing = FAMILIES["ColInternVL2"](tmp_path)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"query": "What?", "document": "broken.png"}))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    part = {"kind": "pairs", "path": str(pairs), "pictures": True}
    made = recipe(seeing, pairs, tmp_path / "run", data={"train": part, "held_out": None}, optimisation={"workers": 1})
    with pytest.raises(InputError, match=r"broken\.png") as raised:
        train(made, tell=lambda _: None)
    assert "\n" not in str(raised.value)
    assert "Caught" not in str(raised.value)


def test_what_changes_no_weight_may_change_before_a_run_is_resumed(
    done: tuple[Path, TrainResult, list[str]], model: Path, data: Path, tmp_path: Path
) -> None:
    folder, whole, _ = done
    shutil.copytree(folder / "checkpoints", tmp_path / "checkpoints")
    now = recipe(model, data, tmp_path, evaluation={"batch": 3}, output={"log_every": 5})
    assert train(now, resume=True, tell=lambda _: None).steps == whole.steps


def test_a_run_may_be_moved_and_keeps_its_best_checkpoint(
    done: tuple[Path, TrainResult, list[str]], model: Path, data: Path, tmp_path: Path
) -> None:
    folder, whole, _ = done
    moved = tmp_path / "there"
    shutil.copytree(folder / "checkpoints", moved / "checkpoints")
    for path in moved.glob("checkpoints/*/trainer_state.json"):
        path.write_text(path.read_text().replace(str(folder), "/nowhere"))
    resumed = train(recipe(model, data, moved), resume=True, tell=lambda _: None)
    assert resumed.best == whole.best
    assert (whole.folder / "model.safetensors").read_bytes() == (resumed.folder / "model.safetensors").read_bytes()


def test_a_broken_checkpoint_is_passed_over_for_the_one_before(
    done: tuple[Path, TrainResult, list[str]], model: Path, data: Path, tmp_path: Path
) -> None:
    folder, _, _ = done
    shutil.copytree(folder / "checkpoints", tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "checkpoint-6" / "trainer_state.json").unlink()  # it is written last
    told: list[str] = []
    train(recipe(model, data, tmp_path), resume=True, tell=told.append)
    assert told[0].endswith("checkpoint-4")


def test_weights_that_are_broken_are_one_line(
    done: tuple[Path, TrainResult, list[str]], model: Path, data: Path, tmp_path: Path
) -> None:
    folder, _, _ = done
    shutil.copytree(folder / "checkpoints", tmp_path / "checkpoints")
    weights = tmp_path / "checkpoints" / "checkpoint-6" / "trained.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match=r"trained\.safetensors is broken .*delete .*checkpoint-6, then --resume"):
        train(recipe(model, data, tmp_path), resume=True, tell=lambda _: None)


def test_epochs_are_as_many_steps_as_it_takes_and_without_held_out_data_the_last_weights_count(
    model: Path, data: Path, tmp_path: Path
) -> None:
    made = recipe(
        model,
        data,
        tmp_path,
        data={"held_out": None},
        output={"keep": 1},
        optimisation={"steps": None, "epochs": 1.5, "batch": 3},
        evaluation={"every": 1},
    )
    result = train(made, tell=lambda _: None)
    assert result.steps == 2  # 12 of 8 examples, 6 at a time
    assert result.best is None
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["checkpoint-2"]
    assert load_multivector(str(result.folder)).dimension == 8


def test_rows_that_are_held_out_are_chosen_by_the_seed_and_not_learnt_from(
    model: Path, data: Path, tmp_path: Path
) -> None:
    made = recipe(model, data, tmp_path, data={"held_out": None, "held_out_share": 0.25}, optimisation={"steps": 1})
    told: list[str] = []
    result = train(made, tell=told.append)
    assert told[0].endswith("1 steps of 4 out of 6 examples")
    assert result.best is not None


def test_a_share_that_leaves_nothing_is_one_line(model: Path, data: Path, tmp_path: Path) -> None:
    made = recipe(model, data, tmp_path, data={"held_out": None, "held_out_share": 0.01})
    with pytest.raises(InputError, match=r"data\.held_out_share: 0\.01 of 8 rows leaves one side empty"):
        train(made)


@pytest.mark.parametrize("has", [False, True])
def test_a_processor_that_multiplies_bfloat16_trains_in_it_and_saves_float32(
    has: bool, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has})
    kinds = set()

    def seen(module: torch.nn.Module, _: object, made: object) -> None:
        if isinstance(module, torch.nn.Linear) and isinstance(made, torch.Tensor):
            kinds.add(made.dtype)

    hook = torch.nn.modules.module.register_module_forward_hook(seen)
    try:
        made = train(recipe(model, data, tmp_path / "run", evaluation={"every": 6}), tell=lambda _: None)
    finally:
        hook.remove()
    assert (torch.bfloat16 in kinds) == has
    plain = recipe(model, data, tmp_path / "plain", optimisation={"precision": "float32", "steps": 1})
    losses = [
        next(entry["loss"] for entry in result.history if "loss" in entry)
        for result in (made, train(plain, tell=lambda _: None))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.03)
    assert load_multivector(str(made.folder)).questions(["pooling"])[0].vectors.dtype == np.float32


def test_half_of_an_update_lies_halfway(model: Path, data: Path, tmp_path: Path) -> None:
    def saved(blend: float) -> dict[str, torch.Tensor]:
        made = recipe(
            model, data, tmp_path / str(blend), adapter={"blend": blend}, optimisation={"precision": "float32"}
        )
        return load_file(train(made, tell=lambda _: None).folder / "model.safetensors")

    none, half, whole = saved(0.0), saved(0.5), saved(1.0)
    began = load_file(model / "model.safetensors")
    moved = 0.0
    for key, weight in began.items():
        name = next(name for name in whole if name.endswith(key))
        torch.testing.assert_close(none[name], weight)
        torch.testing.assert_close(half[name], (weight + whole[name]) / 2, atol=1e-6, rtol=1e-5)
        moved += float((whole[name] - weight).abs().sum())
    assert moved > 0
