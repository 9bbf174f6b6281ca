"""LoRA weights put onto their base model, every one of them or an error, and switched.

peft only warns of weights that are missing and says nothing of those it has no place for. A head that is neither in
the base nor in the adapter is random: transformers makes a new one at each load.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.retrievers.multivector.checkpoint import check_weights

_PREFIX = "base_model.model."
_LORA = re.compile(r"(.+)\.(lora_[AB])\.weight")
_LORA_OF = re.compile(r"\.lora_[AB]\..+$")


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


def put_beside(name: str, folder: Path, model: Any, rename: Callable[[str], str | None], *, called: str) -> None:
    """The adapter of `folder` into `model`, besides any that is there, and switched off: see `Switch`.

    Args:
        name: of the adapter, for messages.
        rename: from a name of a weight in the file, without "base_model.model." in front, to that of the layer in
            `model` and what of it; None for one without use.
        called: what the adapter is called in `model`.

    Raises:
        InputError: it is no LoRA adapter, or weights are missing or have no place.
    """
    import torch
    from peft import LoraConfig, PeftConfig, inject_adapter_in_model
    from peft.utils import load_peft_weights

    config = PeftConfig.from_pretrained(str(folder))
    if not isinstance(config, LoraConfig):
        raise InputError(f"{name} is an adapter of kind {config.peft_type}: only LoRA is supported")
    found: dict[str, Any] = {}
    unknown = []
    for key, weight in load_peft_weights(str(folder), device="cpu").items():
        place = rename(key.removeprefix(_PREFIX))
        split = _LORA.fullmatch(place) if place else None
        if place is None:
            continue
        if split is None:
            unknown.append(key)
        else:
            found[f"{split[1]}.{split[2]}.{called}.weight"] = weight
    layers = {_LORA_OF.sub("", key) for key in found}
    unknown += [layer for layer in layers if layer not in dict(model.named_modules())]
    check_weights(f"the adapter {name}", (), unknown)
    # Just the layers it has weights for: its own settings name them by names of another program's.
    config.target_modules, config.layers_to_transform, config.modules_to_save = sorted(layers), None, None
    config.inference_mode, config.task_type = True, None
    switch = Switch(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are several adapters now
            inject_adapter_in_model(config, model, adapter_name=called)
        places = {key: value for key, value in model.state_dict().items() if f".{called}." in key}
        check_weights(f"the adapter {name}", places.keys() - found.keys(), found.keys() - places.keys())
        for key, value in found.items():
            if value.shape != places[key].shape:
                raise _other_base(name, config, f"{key} is {tuple(value.shape)}, not {tuple(places[key].shape)}")
            with torch.no_grad():
                places[key].copy_(value)
    finally:
        switch.restore()
        model.requires_grad_(False).eval()


class Switch:
    """Which adapter of a model is on. Not to be used by two threads at once.

    No weight changes: a layer is told which of its adapters to add to what it computes, if any. Layers that an adapter
    has whole, as heads often are, come and go with it.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._before = [(layer, list(layer.active_adapters)) for layer in _adapted_layers(model)]

    @contextlib.contextmanager
    def to(self, called: str | None) -> Iterator[None]:
        """Within, the adapter of this name is on and no other; None: none is. Afterwards those of the beginning are."""
        try:
            for layer, _ in self._before:
                _turn(layer, [called] if called and _has(layer, called) else [])
            yield
        finally:
            for layer, names in self._before:
                _turn(layer, names)

    def restore(self) -> None:
        """Those that were on in the beginning; none in layers that have come since."""
        before = {id(layer): names for layer, names in self._before}
        for layer in _adapted_layers(self._model):
            _turn(layer, before.get(id(layer), []))


def _turn(layer: Any, names: list[str]) -> None:
    # What peft's `set_adapter` does; it also goes over all weights to say which are to be trained, and a model has a
    # hundred layers and more, for each word that it writes.
    layer._active_adapter = names


def _adapted_layers(model: Any) -> list[Any]:
    from peft.tuners.lora import LoraLayer
    from peft.utils import ModulesToSaveWrapper

    return [module for module in model.modules() if isinstance(module, LoraLayer | ModulesToSaveWrapper)]


def _has(layer: Any, called: str) -> bool:
    return any(called in getattr(layer, part) for part in layer.adapter_layer_names)


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
