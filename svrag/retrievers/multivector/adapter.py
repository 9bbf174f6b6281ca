"""LoRA weights put onto their base model, every one of them or an error.

peft only warns of weights that are missing and says nothing of those it has no place for. A head that is neither in
the base nor in the adapter is random: transformers makes a new one at each load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.retrievers.multivector.checkpoint import check_weights

_PREFIX = "base_model.model."


def put_on(name: str, folder: Path, model: Any, missing: Iterable[str], renamed: Mapping[str, str]) -> Any:
    """`model` with the adapter of `folder` in it (in place); returns the model.

    Args:
        name: of the adapter, for messages.
        missing: weights that the base model's checkpoint lacked.
        renamed: what older checkpoints call things: patterns of names of the base's weights and what they became.

    Raises:
        InputError: weights are missing or left over, in the adapter or in the base below it; the adapter belongs to
            another base.
    """
    import torch
    from peft import LoraConfig, PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
    from peft.utils import load_peft_weights

    config = PeftConfig.from_pretrained(str(folder))
    if not isinstance(config, LoraConfig):
        raise InputError(f"{name} is an adapter of kind {config.peft_type}: only LoRA is supported")
    config.inference_mode = True
    config.task_type = None  # of a language model, peft would ask for methods that a bare transformer lacks
    saved = load_peft_weights(str(folder), device="cpu")
    try:
        adapted = get_peft_model(model, config, autocast_adapter_dtype=False)
    except ValueError as error:  # nothing in the base is named as the adapter's settings say
        raise _other_base(name, config, str(error).splitlines()[0]) from error
    shapes = {key: value.shape for key, value in _of_adapter(get_peft_model_state_dict, adapted).items()}
    weights = {_current(key, shapes, renamed): value for key, value in saved.items()}
    check_weights(f"the adapter {name}", shapes.keys() - weights.keys(), weights.keys() - shapes.keys())
    for key, value in weights.items():
        if value.shape != shapes[key]:
            raise _other_base(name, config, f"{key} is {tuple(value.shape)}, not {tuple(shapes[key])}")
    whole = {key.removeprefix(_PREFIX) for key in weights if ".lora_" not in key}
    unsaved = sorted(set(missing) - whole)
    if unsaved:
        raise InputError(
            f"the adapter {name} stands on weights that nobody saved ({', '.join(unsaved[:3])}): they were made anew "
            "when it was trained and would be random now; save it again with the head in modules_to_save"
        )
    with torch.no_grad():
        set_peft_model_state_dict(adapted, weights)
    return adapted.get_base_model().eval()


def _of_adapter(state: Any, adapted: Any) -> dict[str, Any]:
    """The adapter's own weights by the names they are saved with; embeddings are none, so the Hub is not asked."""
    return dict(state(adapted, save_embedding_layers=False))


def _current(key: str, known: Mapping[str, Any], renamed: Mapping[str, str]) -> str:
    """Today's name of a weight of the adapter."""
    if key in known:
        return key
    bare = key.removeprefix(_PREFIX)
    for pattern, now in renamed.items():
        changed, times = re.subn(pattern, now, bare)
        if times and _PREFIX + changed in known:
            return _PREFIX + changed
    return key


def _other_base(name: str, config: Any, why: str) -> InputError:
    return InputError(
        f"the adapter {name} does not fit its base model {config.base_model_name_or_path} ({why[:160]}): "
        "correct base_model_name_or_path in its adapter_config.json"
    )
