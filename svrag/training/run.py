"""A training run from its recipe: model, data, loop, checkpoints, and the best of them as a model to search with.

The run's folder holds recipe.yaml and made_with.json, checkpoints/, tensorboard/, and model/, which `load_multivector`
takes. One process, or several under torchrun.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.errors import InputError
from svrag.training.config import Recipe

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from svrag.training.models.trainable import Trainable


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Attributes:
    folder: of the model, the best one where something was held out, else the last.
    best: value of the recipe's metric; None where nothing was held out.
    steps: that were made, with those before a resumption.
    seconds: that this call took.
    history: what was logged, in order: "step" and "loss", "grad_norm", "learning_rate" or "eval_" metrics.
    """

    folder: Path
    best: float | None
    steps: int
    seconds: float
    history: tuple[dict[str, float], ...]


def train(recipe: Recipe, *, resume: bool = False, tell: Callable[[str], None] = print) -> TrainResult:
    """Train by the recipe. Under torchrun every process calls it.

    Args:
        resume: go on with the last checkpoint in the run's folder; from the beginning where there is none yet.
        tell: is told of each line about the run, in the first process.

    Raises:
        InputError: model, data or folder are not as they should be, the loss is no number, or the disk is full.
    """
    started = time.monotonic()
    try:
        return _train(recipe, resume, tell, started)
    except ModuleNotFoundError as error:
        raise InputError(f'training needs {error.name}: pip install "svrag[train]"') from None


def _train(recipe: Recipe, resume: bool, tell: Callable[[str], None], started: float) -> TrainResult:
    import torch
    from transformers import PrinterCallback

    from svrag.training.checkpoints import check_identity, identity, last_checkpoint
    from svrag.training.data.hashing import hash_of
    from svrag.training.examples import datasets_of
    from svrag.training.models.opening import open_for_training, reads_pictures
    from svrag.training.objective import Objective
    from svrag.training.recipes import save_resolved
    from svrag.training.trainer import RetrievalTrainer

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # loaders fork
    optimisation, folder = recipe.optimisation, recipe.output.folder
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    which = identity(recipe, processes)
    last = last_checkpoint(folder / "checkpoints")
    if last and not resume:
        raise InputError(f"{folder} holds a run already: go on with --resume, or name another output.folder")
    if last:
        check_identity(last, which)
    per_step = optimisation.batch * optimisation.accumulate * processes
    examples, held_out = datasets_of(recipe, pictures=reads_pictures(recipe.model), per_step=per_step)
    if not len(examples):
        raise InputError("data.train holds no examples")
    an_epoch = math.ceil(len(examples) / per_step)
    steps = optimisation.steps or math.ceil(len(examples) * optimisation.epochs / per_step)
    arguments = _arguments(recipe, steps, an_epoch, held_out is not None)
    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    trainable = open_for_training(
        recipe.model, recipe.adapter, seed=optimisation.seed, device=arguments.device, dtype=dtype
    )
    if optimisation.checkpointing:
        trainable.checkpoint_activations()
    if arguments.should_save:
        save_resolved(recipe, folder, hash_of(recipe.data.train))
    trainer = RetrievalTrainer(
        trainable,
        arguments,
        Objective(recipe.loss),
        examples,
        chunk=optimisation.chunk,
        held_out=held_out,
        own_pool=recipe.loss.candidates == "pool",
        at_once=recipe.evaluation.batch,
        identity=which,
        callbacks=_callbacks(recipe, arguments, tell),
    )
    trainer.remove_callback(PrinterCallback)
    if arguments.should_save:
        tell(
            f"{folder}: {steps} steps of {per_step} out of {len(examples)} examples"
            + (f", from {last}" if last else "")
        )
    # Dropout is drawn anew in each process.
    torch.manual_seed(optimisation.seed + arguments.process_index)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    model = folder / "model"
    if arguments.should_save:
        _save(trainable, model)
    trainer.accelerator.wait_for_everyone()
    best = trainer.state.best_metric
    return TrainResult(
        model, best, trainer.state.global_step, time.monotonic() - started, tuple(trainer.state.log_history)
    )


def _arguments(recipe: Recipe, steps: int, an_epoch: int, held_out: bool) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    optimisation, output = recipe.optimisation, recipe.output
    gpu = torch.cuda.is_available()
    often = recipe.evaluation.every or min(an_epoch, steps)
    options: dict[str, Any] = {}
    if not gpu and "RANK" in os.environ:
        options["ddp_backend"] = "gloo"
    if optimisation.parallel == "fsdp":
        options["fsdp"] = True
        options["fsdp_config"] = {"version": 2}
    arguments = TrainingArguments(
        output_dir=str(output.folder / "checkpoints"),
        per_device_train_batch_size=optimisation.batch,
        gradient_accumulation_steps=optimisation.accumulate,
        max_steps=steps,
        learning_rate=optimisation.rate,
        lr_scheduler_type=optimisation.schedule,
        warmup_steps=optimisation.warmup,
        weight_decay=optimisation.weight_decay,
        max_grad_norm=optimisation.clip,
        bf16=optimisation.precision == "bf16" and gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        seed=optimisation.seed,
        eval_strategy="steps" if held_out else "no",
        eval_steps=often,
        save_strategy="steps",
        save_steps=often,
        save_total_limit=recipe.output.keep + 1,
        load_best_model_at_end=held_out,
        metric_for_best_model=f"eval_{recipe.evaluation.metric}" if held_out else None,
        greater_is_better=True if held_out else None,
        restore_callback_states_from_checkpoint=True,
        logging_steps=output.log_every,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=optimisation.workers,
        remove_unused_columns=False,
        # Weights that only pictures need get no gradient from texts.
        ddp_find_unused_parameters=True,
        # Processes may read different numbers of chunks: nothing may be exchanged in a forward pass.
        ddp_broadcast_buffers=False,
        **options,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # several GPUs are for several processes, not for threads
    return arguments


def _callbacks(recipe: Recipe, arguments: TrainingArguments, tell: Callable[[str], None]) -> list[Any]:
    from transformers import EarlyStoppingCallback
    from transformers.integrations.integration_utils import TensorBoardCallback

    from svrag.training.progress import Progress

    callbacks: list[Any] = [Progress(tell)]
    if recipe.evaluation.patience:
        callbacks.append(EarlyStoppingCallback(recipe.evaluation.patience))
    if recipe.output.tensorboard and arguments.should_save:
        from torch.utils.tensorboard import SummaryWriter

        callbacks.append(TensorBoardCallback(SummaryWriter(str(recipe.output.folder / "tensorboard"))))
    return callbacks


def _save(trainable: Trainable, folder: Path) -> None:
    """All of the model or none of it.

    Raises:
        InputError: it cannot be written.
    """
    from svrag.training.checkpoints import writing

    made = folder.with_name(f".{folder.name}")
    shutil.rmtree(made, ignore_errors=True)
    with writing(made):
        made.mkdir(parents=True)
        trainable.save(made)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
