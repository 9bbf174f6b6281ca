from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from transformers import TrainingArguments

from svrag.errors import InputError
from svrag.training.batch import Example
from svrag.training.config import RetrieverModel
from svrag.training.models.opening import open_for_training
from svrag.training.objective import Objective
from svrag.training.run import trainer_of
from svrag.training.trainer import RetrievalTrainer
from tests.training.models.families import FAMILIES, examples, scored
from tests.training.runs import Ran, losses_of, recipe, run, trained


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FAMILIES["ColInternVL2"](tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def data() -> list[Example]:
    return examples("ColInternVL2")


def assert_same(one: Ran, two: Ran, error: float = 1e-5) -> None:
    assert two.losses == pytest.approx(one.losses, rel=error)
    assert one.gradient.norm() > 0.01
    assert (two.gradient - one.gradient).norm() / one.gradient.norm() < error


@pytest.mark.parametrize("loss", ["negatives", "grcl", "triplet", "kl_distillation"])
def test_batches_that_are_accumulated_are_as_one_batch_where_each_question_has_its_own_pool(
    loss: str, model: Path, data: list[Example], tmp_path: Path
) -> None:
    part = {"name": loss, "candidates": "pool"}
    data = scored("ColInternVL2") if loss == "kl_distillation" else data
    whole = run(recipe(model, tmp_path / "8x1", loss=part, optimisation={"batch": 8, "accumulate": 1}), data)
    parts = run(recipe(model, tmp_path / "1x8", loss=part, optimisation={"batch": 1, "accumulate": 8}), data)
    assert_same(whole, parts)


@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_give_the_loss_and_the_gradient_of_the_whole_batch(
    chunk: int, model: Path, data: list[Example], tmp_path: Path
) -> None:
    plain = run(recipe(model, tmp_path / "plain"), data)
    cached = run(recipe(model, tmp_path / "cached", optimisation={"chunk": chunk}), data)
    assert_same(plain, cached)


def test_activations_that_are_computed_again_give_the_same_gradient(
    model: Path, data: list[Example], tmp_path: Path
) -> None:
    plain = run(recipe(model, tmp_path / "plain"), data)
    again = run(recipe(model, tmp_path / "again", optimisation={"checkpointing": True}), data)
    assert_same(plain, again, error=1e-6)
    assert again.gradient.count_nonzero() > 0.4 * len(again.gradient)  # LoRA's second factors begin at 0


def test_activations_are_indeed_computed_again(model: Path, data: list[Example], tmp_path: Path) -> None:
    passes = []
    for checkpointing in (False, True):
        made = recipe(model, tmp_path / str(checkpointing), optimisation={"checkpointing": checkpointing, "steps": 1})
        trainer, trainable = trainer_of(made, data, tell=lambda _: None)
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        layer = next(m for m in trainable.network.modules() if type(m).__name__ == "Phi3MLP")
        layer.register_forward_pre_hook(counted)
        trainer.train()
        passes.append(count)
    assert passes[1] == 2 * passes[0]


@pytest.mark.parametrize("chunk", [None, 2])
def test_frozen_weights_may_be_bfloat16_and_what_is_trained_stays_float32(
    chunk: int | None, model: Path, data: list[Example], tmp_path: Path
) -> None:
    made = recipe(model, tmp_path, optimisation={"steps": 6})
    assert isinstance(made.model, RetrieverModel)
    trainable = open_for_training(made.model, made.adapter, seed=0, device="cpu", dtype=torch.bfloat16)
    arguments = TrainingArguments(
        str(tmp_path), max_steps=6, learning_rate=1e-3, bf16=True, use_cpu=True, logging_steps=1, report_to="none",
        per_device_train_batch_size=4, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = RetrievalTrainer(trainable, arguments, Objective(made.loss), data, chunk=chunk, identity={})
    trainer.train()
    losses = losses_of(trainer.state.log_history)
    assert losses[-1] < losses[0]
    plain = run(recipe(model, tmp_path / "plain", optimisation={"steps": 1}), data)
    assert losses[0] == pytest.approx(plain.losses[0], rel=0.05)
    weights = list(trainable.network.parameters())
    assert {weight.dtype for weight in weights if weight.requires_grad} == {torch.float32}
    assert {weight.dtype for weight in weights if not weight.requires_grad} == {torch.bfloat16}


def test_loaders_of_other_processes_prepare_the_same_batches(model: Path, data: list[Example], tmp_path: Path) -> None:
    one = run(recipe(model, tmp_path / "none"), data)
    two = run(recipe(model, tmp_path / "two", optimisation={"workers": 2}), data)
    assert one.losses == two.losses
    assert torch.equal(one.weights, two.weights)


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_do(
    model: Path, data: list[Example], tmp_path: Path
) -> None:
    made = recipe(model, tmp_path / "run", optimisation={"steps": 3}, evaluation={"every": 1})
    trainer, trainable = trainer_of(made, data, tell=lambda _: None)
    broken = trained(trainable.network)[0]
    step = trainer.training_step

    def breaking(*arguments: object) -> torch.Tensor:
        if trainer.state.global_step == 1:
            with torch.no_grad():
                broken.fill_(torch.nan)
        return step(*arguments)  # type: ignore[arg-type]

    trainer.training_step = breaking  # type: ignore[method-assign]
    with pytest.raises(InputError) as raised:
        trainer.train()
    said = str(raised.value)
    assert said.startswith("the loss of step 2 is nan: lower optimisation.rate")
    assert str(tmp_path / "run" / "checkpoints" / "checkpoint-1") in said
    assert "\n" not in said


def test_a_gradient_that_is_no_number_stops_the_run_before_it_reaches_the_weights(
    model: Path, data: list[Example], tmp_path: Path
) -> None:
    trainer, trainable = trainer_of(recipe(model, tmp_path), data, tell=lambda _: None)
    weights = trained(trainable.network)
    weights[0].register_hook(lambda gradient: gradient * torch.inf)
    before = [weight.detach().clone() for weight in weights]
    with pytest.raises(InputError, match=r"the gradient's norm of step 1 is (nan|inf): lower"):
        trainer.train()
    assert all(torch.equal(old, new) for old, new in zip(before, weights, strict=True))


def test_training_stops_when_nothing_gets_better_and_the_best_weights_are_taken(
    model: Path, data: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([0.2, 0.7, 0.5, 0.7, 0.9])
    seen: list[torch.Tensor] = []
    made = recipe(
        model,
        tmp_path,
        data={"held_out": {"kind": "pairs", "path": "none"}},
        optimisation={"steps": 9},
        evaluation={"every": 1, "patience": 2, "metric": "mrr"},
        output={"keep": 1},
    )
    trainer, trainable = trainer_of(made, data, held_out=data, tell=lambda _: None)

    def told(*_: object, **__: object) -> dict[str, float]:
        seen.append(trained(trainable.network)[-1].detach().clone())
        return {"mrr": next(values)}

    monkeypatch.setattr("svrag.training.trainer.evaluate", told)
    trainer.train()
    assert trainer.state.global_step == 4  # two evaluations after the best
    assert trainer.state.best_metric == 0.7
    assert torch.equal(trained(trainable.network)[-1], seen[1])
    assert not torch.equal(seen[1], seen[3])
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["checkpoint-2", "checkpoint-4"]


def test_dropout_is_drawn_in_every_step_and_never_at_an_evaluation(
    model: Path, data: list[Example], tmp_path: Path
) -> None:
    made = recipe(
        model, tmp_path, data={"held_out": {"kind": "pairs", "path": "none"}}, evaluation={"every": 1, "metric": "mrr"}
    )
    trainer, trainable = trainer_of(made, data, held_out=data, tell=lambda _: None)
    trainable.network.eval()  # as some families open it
    modes: list[tuple[bool, bool]] = []
    layers = list(trainable.network.modules())
    for layer in (layers[0], layers[-1]):
        layer.register_forward_pre_hook(lambda layer, _: modes.append((layer.training, torch.is_grad_enabled())))
    trainer.train()
    assert {(True, True), (False, False)} == set(modes)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full")
def test_a_checkpoint_that_cannot_be_written_is_one_line_and_leaves_nothing_behind(
    model: Path, data: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = torch.save

    def full(what: object, where: object) -> None:
        if str(where).endswith("optimizer.pt"):
            save(what, "/dev/full")
        save(what, where)

    monkeypatch.setattr(torch, "save", full)
    trainer, _ = trainer_of(recipe(model, tmp_path), data, tell=lambda _: None)
    with pytest.raises(InputError, match=r"cannot write .*checkpoint-1.*GB free.*make room, then go on with --resume"):
        trainer.train()
    assert list((tmp_path / "checkpoints").iterdir()) == []
