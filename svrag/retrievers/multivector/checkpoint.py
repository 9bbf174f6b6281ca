"""Weights that are missing or left over are an error; and what tells one set of weights from another.

transformers only warns, and goes on with random weights in place of the missing ones. Knows nothing of families.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from svrag.errors import InputError
from svrag.retrievers.loads import hear_transformers, holds

if TYPE_CHECKING:
    import torch
    from torch import nn

_SAMPLE = 256  # values of each weight that the fingerprint reads
# Never used for token vectors, whether or not a checkpoint has them: the layer that predicts words (often tied to the
# embeddings), the one that predicts several, and tables that are computed anew.
_UNUSED = re.compile(r"(?:^|\.)(?:lm_head|mtp)\.|(?:^|\.)(?:inv_freq|position_ids)$")
_UNUSED_TO_WRITE = re.compile(r"(?:^|\.)mtp\.|(?:^|\.)(?:inv_freq|position_ids)$")


def check_weights(
    name: str,
    missing: Iterable[str],
    unexpected: Iterable[str],
    *,
    head: tuple[str, ...] = (),
    predicts: bool = False,
) -> None:
    """Compare what a checkpoint holds with what its model has.

    Args:
        name: of the model, for the message.
        missing: weights that the model has and the checkpoint lacks.
        unexpected: weights of the checkpoint that the model has no place for.
        head: how the names of the layer may begin that turns hidden states into token vectors. Where only that is
            missing, the checkpoint is a language model that was never trained to retrieve.
        predicts: the model is to write text, so that the layer that predicts words counts, too.

    Raises:
        InputError: there are such weights, other than those that nothing depends on.
    """
    unused = _UNUSED_TO_WRITE if predicts else _UNUSED
    lacks = sorted(key for key in missing if not unused.search(key))
    extra = sorted(key for key in unexpected if not unused.search(key))
    if lacks and head and all(key.startswith(head) for key in lacks) and not extra:
        raise InputError(
            f"{name} has no trained layer for token vectors (missing {_some(lacks)}): it would be random; "
            "name a model that was trained to retrieve, not the one that it started from"
        )
    for what, keys in (("missing", lacks), ("unexpected", extra)):
        if keys:
            raise InputError(
                f"the weights of {name} do not fit its architecture: {what} {_some(keys)}; get the checkpoint again, "
                "or the versions of transformers and colpali-engine that it was made with"
            )


def fingerprint(model: nn.Module, settings: object) -> str:
    """16 hex digits of some of every weight and of `settings` (prompts, sizes of pictures), whose repr counts.

    Weights are compared as bfloat16, so that a model has one fingerprint on a GPU and on a CPU.
    """
    import torch

    digest = hashlib.sha256(repr(settings).encode())
    for key, weight in sorted(model.state_dict().items()):
        values = weight.detach().flatten()
        some = values[:: max(1, len(values) // _SAMPLE)].to(torch.bfloat16).view(torch.int16).cpu().numpy()
        digest.update(f"{key} {tuple(weight.shape)} ".encode() + some.tobytes())
    return digest.hexdigest()[:16]


def device_and_dtype() -> tuple[str, torch.dtype]:
    """Where models run: a GPU in bfloat16 if it has that, else float32 on what there is."""
    import torch

    if torch.cuda.is_available():
        return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return ("mps" if torch.backends.mps.is_available() else "cpu"), torch.float32


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bar and no report of weights while loading: what is wrong is raised."""
    from transformers.utils import logging

    hear_transformers()
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


@contextlib.contextmanager
def quiet_loading(name: str) -> Iterator[None]:
    """`quiet`, and what goes wrong while loading becomes an InputError of one line."""
    with quiet():
        try:
            yield
        except InputError:
            raise
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, ImportError) as error:
            said = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise InputError(f"cannot load {name}: {said[:200]}") from error


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def load_pretrained(model_class: Any, folder: Path, **options: Any) -> tuple[Any, list[str], list[str]]:
    """(model, missing, unexpected): transformers' from_pretrained, with what it would only warn of."""
    model, report = model_class.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=any(folder.glob("*.safetensors")),  # older weights are read as numbers only, too
        output_loading_info=True,
        **options,
    )
    holds(model)
    return model.eval(), sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
