"""A training run from its recipe: model, data, loop, checkpoints, and the best of them as a model to search with.

The run's folder holds recipe.yaml and made_with.json, checkpoints/, tensorboard/, and model/, which `load_multivector`
takes. One process, or several under torchrun.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.documents.processes import usable_cores
from svrag.errors import InputError
from svrag.training.config import Recipe

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import TrainingArguments

    from svrag.training.batch import Example
    from svrag.training.models.trainable import Trainable
    from svrag.training.trainer import RetrievalTrainer

CHECKPOINTS, MODEL = "checkpoints", "model"


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
    except InputError as error:
        # What a loader's process raises comes with its traceback; the last line is what it said.
        said = str(error).rstrip().splitlines()
        if len(said) == 1:
            raise
        raise InputError(said[-1].removeprefix(f"{InputError.__module__}.{InputError.__name__}: ")) from error
    except ModuleNotFoundError as error:
        raise InputError(f'training needs {error.name}: pip install "svrag[train]"') from None


def _train(recipe: Recipe, resume: bool, tell: Callable[[str], None], started: float) -> TrainResult:
    import torch

    from svrag.training.checkpoints import check_data, check_identity, identity, last_checkpoint
    from svrag.training.data.hashing import hash_of
    from svrag.training.examples import datasets_of, skipped_rows
    from svrag.training.models.lora import blend, second_factors
    from svrag.training.models.opening import reads_pictures
    from svrag.training.recipes import save_resolved

    folder, processes = recipe.output.folder, _processes()
    last = last_checkpoint(folder / CHECKPOINTS)
    if last and not resume:
        raise InputError(f"{folder} holds a run already: go on with --resume, or name another output.folder")
    data = hash_of(recipe.data.train)
    if last:
        check_identity(last, identity(recipe, processes))
        check_data(folder, data)
    per_step = recipe.optimisation.batch * recipe.optimisation.accumulate * processes
    examples, held_out = datasets_of(recipe, pictures=reads_pictures(recipe.model), per_step=per_step)
    if not len(examples):
        raise InputError("data.train holds no examples")
    trainer, trainable = trainer_of(recipe, examples, held_out, tell)
    before = {} if trainer.sharded else second_factors(trainable.network)
    first = trainer.is_world_process_zero()
    if first:
        save_resolved(recipe, folder, data)
        start = f", from {last}" if last else ""
        if skipped := skipped_rows(examples):
            tell(f"left out: {skipped} rows without a question or a document")
        tell(f"{folder}: {trainer.args.max_steps} steps of {per_step} out of {len(examples)} examples{start}")
    try:
        with _quiet():
            trainer.train(resume_from_checkpoint=str(last) if last else None)
    except torch.OutOfMemoryError:
        raise InputError(
            "the GPU's memory is full: set optimisation.chunk (or lower it), optimisation.checkpointing to true, or a "
            f"smaller optimisation.batch; --resume goes on in {folder}"
        ) from None
    state = trainer.state
    if first:
        # Of shared out weights no process has all, but the checkpoint does.
        kept = Path(state.best_model_checkpoint or str(last_checkpoint(folder / CHECKPOINTS)))
        with _quiet():
            if trainer.sharded:
                trainable, before = _read_again(recipe, kept)
            if recipe.adapter is not None:
                blend(trainable.network, before, recipe.adapter.blend)
            _save(trainable, folder / MODEL)
    trainer.accelerator.wait_for_everyone()
    return TrainResult(
        folder / MODEL,
        state.best_metric,
        state.global_step,
        time.monotonic() - started,
        tuple(state.log_history),
    )


def trainer_of(
    recipe: Recipe,
    examples: Sequence[Example],
    held_out: Sequence[Example] | None = None,
    tell: Callable[[str], None] = print,
) -> tuple[RetrievalTrainer, Trainable]:
    """The trainer that a recipe asks for, on examples of whatever origin, and the model that it trains.

    Raises:
        InputError: no such model, its files do not fit, or the recipe asks for what its family cannot do.
    """
    import torch
    from transformers import PrinterCallback

    from svrag.training.checkpoints import identity
    from svrag.training.data.anchors import AnchorData
    from svrag.training.losses.flops import FLOPS
    from svrag.training.models.opening import makes_terms, open_for_training
    from svrag.training.objective import Objective
    from svrag.training.pooling import DocumentPooling
    from svrag.training.trainer import RetrievalTrainer

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # loaders fork
    optimisation = recipe.optimisation
    if recipe.sparsity and not makes_terms(recipe.model):
        raise InputError("sparsity is for sparse encoders: set model.family to sparse, or leave sparsity out")
    arguments = _arguments(recipe, len(examples), held_out is not None)
    shard = optimisation.parallel == "fsdp" and arguments.world_size > 1
    trainable = open_for_training(
        recipe.model,
        recipe.adapter,
        seed=optimisation.seed,
        device="cpu" if shard else arguments.device,
        dtype=torch.bfloat16 if arguments.bf16 else torch.float32,
    )
    if arguments.bf16 and arguments.device.type == "cpu":
        _attend_by_products(trainable.network)
    if optimisation.checkpointing:
        trainable.checkpoint_activations()
    # Weights that only pictures need get no gradient from texts.
    arguments.ddp_find_unused_parameters = not trainable.all_used
    trainer = RetrievalTrainer(
        trainable,
        arguments,
        Objective(
            recipe.loss,
            pooling=DocumentPooling(recipe.pooling, optimisation.seed) if recipe.pooling else None,
            sparsity=FLOPS(recipe.sparsity) if recipe.sparsity else None,
        ),
        examples,
        chunk=optimisation.chunk,
        held_out=held_out,
        own_pool=recipe.loss.candidates == "pool",
        at_once=recipe.evaluation.batch,
        identity=identity(recipe, arguments.world_size),
        shard=shard,
        batches=recipe.batches,
        group=recipe.sampler.group if isinstance(examples, AnchorData) else 1,
        callbacks=_callbacks(recipe, arguments, tell),
    )
    trainer.remove_callback(PrinterCallback)
    # Dropout is drawn anew in each process.
    torch.manual_seed(optimisation.seed + arguments.process_index)
    return trainer, trainable


def _attend_by_products(network: nn.Module) -> None:
    """Attention as products and a softmax: on a CPU torch's own way is the slower one in bfloat16."""
    from transformers import PreTrainedModel

    for module in network.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Libraries do not tell the user what they will call things one day, or that they count instead of reading dates,
    and draw no bar for each file that they write."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _workers() -> int:
    """As many as there are cores for each process: with more of them torch warns, and batches wait."""
    return max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies matrices of bfloat16 itself (AMX); elsewhere they are slower than float32."""
    import torch

    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def _arguments(recipe: Recipe, examples: int, held_out: bool) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    optimisation, output = recipe.optimisation, recipe.output
    gpu = torch.cuda.is_available()
    epoch = examples / (optimisation.batch * optimisation.accumulate * _processes())  # in steps
    steps = optimisation.steps or math.ceil(optimisation.epochs * epoch)
    often = recipe.evaluation.every or min(math.ceil(epoch), steps)
    options: dict[str, Any] = {}
    if not gpu and "RANK" in os.environ:
        options["ddp_backend"] = "gloo"
    arguments = TrainingArguments(
        output_dir=str(output.folder / CHECKPOINTS),
        per_device_train_batch_size=optimisation.batch,
        gradient_accumulation_steps=optimisation.accumulate,
        max_steps=steps,
        learning_rate=optimisation.rate,
        lr_scheduler_type=optimisation.schedule,
        warmup_steps=optimisation.warmup,
        weight_decay=optimisation.weight_decay,
        max_grad_norm=optimisation.clip,
        bf16=optimisation.precision == "bf16" and (torch.cuda.is_bf16_supported() if gpu else _cpu_has_bf16()),
        use_cpu=not gpu,
        seed=optimisation.seed,
        eval_strategy="steps" if held_out else "no",
        eval_steps=often,
        save_strategy="steps",
        save_steps=often,
        save_total_limit=recipe.output.keep + held_out,
        load_best_model_at_end=held_out,
        metric_for_best_model=f"eval_{recipe.evaluation.metric}" if held_out else None,
        greater_is_better=True if held_out else None,
        restore_callback_states_from_checkpoint=True,
        logging_steps=min(output.log_every, steps),
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=min(optimisation.workers, _workers()),
        remove_unused_columns=False,
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


def _read_again(recipe: Recipe, checkpoint: Path) -> tuple[Trainable, dict[str, Tensor]]:
    """The model as a checkpoint has it, on the CPU, and what `second_factors` were before."""
    import torch

    from svrag.training.checkpoints import load_weights, put_weights
    from svrag.training.models.lora import second_factors
    from svrag.training.models.opening import open_for_training

    trainable = open_for_training(
        recipe.model, recipe.adapter, seed=recipe.optimisation.seed, device="cpu", dtype=torch.float32
    )
    before = second_factors(trainable.network)
    put_weights(trainable.network, load_weights(checkpoint))
    return trainable, before


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
        for file in made.rglob("*.safetensors"):
            file.chmod(0o644)  # written for their owner alone; who may read a model is the folder's to say
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
