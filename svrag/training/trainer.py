"""The training loop: transformers' Trainer, with steps, data order, evaluation and checkpoints of retrievers.

The gradient of a step is that of (sum over its questions of their losses) / (its questions), however they are split into
processes and accumulated batches: each batch's sum is divided by the questions that this process has in the step,
and DDP and FSDP average over processes. Each process has as many (`svrag.training.order`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.utils import broadcast_object_list  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments

from svrag.errors import InputError
from svrag.training import sharded
from svrag.training.batch import Batch, Chunk, Example, TokenBatch
from svrag.training.batches import Sizes, TokenBatches, TopicStream
from svrag.training.cached import cached_backward
from svrag.training.checkpoints import (
    last_checkpoint,
    load_weights,
    put_weights,
    save_weights,
    trained,
    write_identity,
    writing,
)
from svrag.training.collate import CPU_PASS, Collator
from svrag.training.config import Batches
from svrag.training.examples import topics_of
from svrag.training.held_out import evaluate
from svrag.training.models.trainable import Trainable
from svrag.training.objective import Objective
from svrag.training.order import Order, Permutations
from svrag.training.vectors import chunks_of, together


class Encoders(nn.Module):
    """A network on all chunks of a batch in one call.

    DDP looks for weights without a gradient in what its last call gave: were each chunk a call, those that only
    pictures need would be taken for unused whenever texts come last.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, chunks: Sequence[Mapping[str, Tensor]]) -> list[tuple[Tensor, Tensor]]:
        return [self.network(**inputs) for inputs in chunks]


class RetrievalTrainer(Trainer):
    """Trains what `Trainable` opened.

    Args:
        objective: of a batch's vectors.
        chunk: items that are read at once with gradients (`svrag.training.cached`); None keeps all activations of a
            batch.
        held_out: examples for evaluation; none where there is none.
        own_pool: at evaluation a question ranks its own documents only.
        at_once: items read at once at evaluation.
        identity: of the recipe, kept in checkpoints.
        shard: weights are shared out among processes (FSDP2), not copied to each (DDP).
        batches: how examples are put together; None takes as many of all alike.
        group: examples in a row that stay in a row.
    """

    def __init__(
        self,
        trainable: Trainable,
        arguments: TrainingArguments,
        objective: Objective,
        examples: Sequence[Example],
        *,
        chunk: int | None,
        held_out: Sequence[Example] | None = None,
        own_pool: bool = False,
        at_once: int = 8,
        identity: Mapping[str, Any],
        shard: bool = False,
        batches: Batches | None = None,
        group: int = 1,
        callbacks: list[TrainerCallback] | None = None,
    ) -> None:
        self._objective, self._cached = objective, chunk is not None
        together = CPU_PASS if arguments.device.type == "cpu" else None
        self._collator = Collator(trainable, chunk=chunk or together, placeless=objective.needs_placeless)
        self._reader = Collator(trainable, chunk=at_once, placeless=False)
        self._held_out, self._own_pool, self._identity = held_out, own_pool, identity
        self.sharded, self._batches, self._group, self._trainable = shard, batches, group, trainable
        encoders = Encoders(trainable.network).eval()  # what trains it tells all of it
        if shard:
            sharded.share_out(encoders, trainable.layers, arguments.device)
        super().__init__(
            model=encoders,
            args=arguments,
            data_collator=cast(Any, self._collator),
            train_dataset=cast(Any, examples),
            eval_dataset=cast(Any, held_out),
            callbacks=callbacks,
        )
        # The Trainer's word for a model that averages its gradients itself: it is not put into DDP.
        self.is_distributed_loading_by_transformers = shard

    def _move_model_to_device(self, model: nn.Module, device: torch.device) -> None:
        """It was opened there, or is shared out there."""

    def get_train_dataloader(self) -> DataLoader[Any]:
        """One long epoch: the order knows where its examples begin anew."""
        arguments = self.args
        return DataLoader(
            cast(Any, self.train_dataset),
            batch_sampler=self._order(),
            collate_fn=self._collator,
            num_workers=arguments.dataloader_num_workers,
            generator=torch.Generator().manual_seed(arguments.seed),
        )

    def _order(self) -> Sampler[list[int]]:
        examples, arguments, batches = cast(Any, self.train_dataset), self.args, self._batches
        accumulate, processes = arguments.gradient_accumulation_steps, arguments.world_size
        stream: Callable[[int], int] = Permutations(len(examples), arguments.seed, self._group)
        if batches and batches.category:
            stream = TopicStream(topics_of(examples, batches.category), batches.groups, arguments.seed)
        if batches and batches.tokens:
            return TokenBatches(
                stream,
                Sizes(examples, self._trainable),
                tokens=batches.tokens,
                most=arguments.per_device_train_batch_size * processes,
                processes=processes,
                process=arguments.process_index,
                batches=arguments.max_steps * accumulate,
            )
        return Order(
            len(examples),
            batch=arguments.per_device_train_batch_size,
            accumulate=accumulate,
            processes=processes,
            process=arguments.process_index,
            steps=arguments.max_steps,
            seed=arguments.seed,
            stream=stream,
        )

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor | int:
        """Questions of a step, of a process in the mean: the same for all, unless batches are of so many tokens."""
        if not (self._batches and self._batches.tokens):
            return self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        count = torch.tensor(sum(len(batch.pool) for batch in batch_samples), device=device)
        mean: Tensor = cast(Any, self.accelerator).reduce(count, "sum") / self.args.world_size
        return mean

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: the Trainer counts those of language models."""
        return 0

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Adds a batch's share to the gradients. The sum of what all processes' batches of a step give is
        `processes` times its loss, as the Trainer expects.

        Raises:
            InputError: the loss is no number.
        """
        if not self._encoders.training:  # telling all of its layers at every step would take as long as the optimiser
            model.train()
        batch: Batch = inputs.to(self.args.device)
        assert num_items_in_batch is not None, "the Trainer asks for it"
        scale = 1.0 / float(num_items_in_batch)
        objective = partial(self._objective, step=self.state.global_step)
        if self._cached:
            encode, backward = partial(_encoded, model), cast(Callable[[Tensor], None], self.accelerator.backward)
            if self.sharded:
                passes = partial(sharded.passes, spare=self._collator.spare)
                total = cached_backward(encode, batch, objective, backward, scale, passes=passes)
            else:
                alone = partial(self.accelerator.no_sync, model)
                total = cached_backward(encode, batch, objective, backward, scale, alone=alone)
        else:
            chunks = chunks_of(batch)
            nothing: Tensor | float = 0.0
            if self.sharded:
                made, nothing = sharded.encode(model, chunks, self._collator.spare)
            else:
                made = model([chunk.inputs for chunk in chunks])
            total = objective(batch, *together(batch, [TokenBatch(*tokens) for tokens in made]))
            self.accelerator.backward(total * scale + nothing)
        loss = total.detach() * scale
        if not torch.isfinite(loss):
            raise self._no_number("loss", float(loss))
        return loss

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        """Raises:
        InputError: it is no number; the weights are still as they were.
        """
        norm = super()._get_grad_norm(model, grad_norm)  # type: ignore[no-untyped-call]
        if not torch.isfinite(torch.as_tensor(norm)):
            raise self._no_number("gradient's norm", float(norm))
        return norm

    def _no_number(self, what: str, value: float) -> InputError:
        last = last_checkpoint(Path(str(self.args.output_dir)))
        kept = f"{last} is from before" if last else "there is no checkpoint yet"
        return InputError(
            f"the {what} of step {self.state.global_step + 1} is {value}: lower optimisation.rate, raise "
            f"optimisation.warmup, or set optimisation.precision to float32 ({kept})"
        )

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Metrics of the held-out examples, logged."""
        assert self._held_out is not None, "the Trainer evaluates where there is something to evaluate on"
        model = self._encoders.eval()

        def encode(chunk: Chunk) -> TokenBatch:
            return _encoded(model, chunk.to(self.args.device))

        found = evaluate(
            encode,
            self._reader,
            self._held_out,
            own_pool=self._own_pool,
            shortened=self._objective.shortened,
            device=self.args.device,
            share=not self.sharded,
        )
        # All processes have computed them; that they go on or stop alike must not depend on how each rounds.
        (found,) = broadcast_object_list([found])
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in found.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """With the epoch of the examples, where the Trainer knows of one only."""
        arguments = self.args
        read = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
        self.state.epoch = self.state.global_step * read / len(cast(Any, self.train_dataset))
        super().log(logs, start_time)

    def _init_training_state(self, *arguments: Any, **options: Any) -> tuple[int, int]:
        """Of a run that goes on, with its best checkpoint where it is now: the folder may have been moved."""
        begin: tuple[int, int] = super()._init_training_state(*arguments, **options)
        best = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.best_global_step}"
        if best.is_dir():
            self.state.best_model_checkpoint = str(best)
        return begin

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """What a checkpoint holds of the model: the weights that are trained."""
        folder = Path(str(output_dir or self.args.output_dir))
        weights = sharded.gathered(self._encoders) if self.sharded else trained(self._network)
        if self.args.should_save:
            save_weights(weights, folder)
            write_identity(folder, self._identity)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Raises:
        InputError: it could not be written.
        """
        with writing(Path(str(self.args.output_dir)) / f"checkpoint-{self.state.global_step}"):
            super()._save_checkpoint(model, trial)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.sharded:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        sharded.save_optimizer(
            self._encoders, cast(Any, self.optimizer), Path(output_dir), write=self.args.should_save
        )
        if self.args.should_save:
            torch.save(cast(Any, self.lr_scheduler).state_dict(), Path(output_dir) / "scheduler.pt")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not self.sharded:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        sharded.load_optimizer(self._encoders, cast(Any, self.optimizer), Path(checkpoint))
        schedule = torch.load(Path(checkpoint) / "scheduler.pt", weights_only=True)
        cast(Any, self.lr_scheduler).load_state_dict(schedule)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Raises:
        InputError: the weights are broken or another model's.
        """
        weights = load_weights(Path(resume_from_checkpoint))
        if self.sharded:
            sharded.put(model or self._encoders, weights)
        else:
            put_weights(self._network, weights)

    def _load_best_model(self) -> None:
        self._load_from_checkpoint(str(self.state.best_model_checkpoint))

    @property
    def _encoders(self) -> nn.Module:
        """Under FSDP with its sharded weights, under DDP without what averages gradients."""
        return cast(nn.Module, self.model)

    @property
    def _network(self) -> nn.Module:
        return cast(Encoders, self.model).network


def _encoded(model: nn.Module, chunk: Chunk) -> TokenBatch:
    ((vectors, mask),) = model([chunk.inputs])
    return TokenBatch(vectors, mask)
