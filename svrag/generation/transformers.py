"""Chat models of transformers in this process: those that see (Qwen2.5-VL, Qwen3-VL, InternVL, SmolVLM...) or read only.

The checkpoint's own chat template makes the prompt; words that look like the model's own signs are broken up first.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from svrag.errors import InputError
from svrag.generation.local import LocalChat, Speaker
from svrag.generation.model import Message, Picture
from svrag.generation.signs import broken_up, own_signs, picture_of
from svrag.retrievers.loads import noted
from svrag.retrievers.multivector.checkpoint import check_weights, device_and_dtype, load_pretrained, quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint, base_of, locate


class TransformersChat(LocalChat):
    """A chat model by its name on the Hugging Face Hub or its folder, as one model or as LoRA weights over one.

    Loaded when it is first asked, and kept for the next `TransformersChat` of that name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, lambda: _loaded(name))


class TransformersSpeaker:
    """A model of transformers that has `generate`, with the processor or tokenizer it was trained with.

    Args:
        processor: of a model that sees; None of one that reads only.
        tokenizing: held while the tokenizer is used, which two threads cannot do at once.
    """

    def __init__(
        self,
        name: str,
        model: Any,
        tokenizer: Any,
        processor: Any | None,
        *,
        tokenizing: threading.Lock | None = None,
    ) -> None:
        """Raises:
        InputError: there is no chat template.
        """
        if not (processor or tokenizer).chat_template:
            raise InputError(f"{name} has no chat template: name a model that was trained to chat (-Instruct, -it)")
        text = model.config.get_text_config()
        self.context: int | None = text.to_dict().get("max_position_embeddings")
        self.sees = processor is not None
        self.turn = threading.Lock()
        self._model = model
        self._tokenizer = tokenizer
        self._processor = processor
        self._own = own_signs(tokenizer)
        self._tokenizing = tokenizing or threading.Lock()
        # Greedy; unset, or transformers warns that settings of sampling are without use.
        settings = model.generation_config
        settings.do_sample, settings.temperature, settings.top_p, settings.top_k = False, None, None, None
        if settings.eos_token_id is None:
            settings.eos_token_id = tokenizer.eos_token_id
        ends = settings.eos_token_id
        self._ends = {ends} if isinstance(ends, int) else set(ends or ())
        if settings.pad_token_id is None:
            settings.pad_token_id = next(iter(self._ends), 0)

    def prepare(self, messages: Sequence[Message]) -> dict[str, Any]:
        from jinja2 import TemplateError

        said = [self._said(message) for message in messages]
        with self._tokenizing:
            try:
                return self._tokens(said)
            except TemplateError:
                if said[0]["role"] != "system" or len(said) < 2:
                    raise
                # Some templates know no system message: its words come before the first of the user.
                first, second, *others = said
                content = [*first["content"], {"type": "text", "text": "\n\n"}, *second["content"]]
                return self._tokens([{"role": second["role"], "content": content}, *others])

    def length(self, prepared: dict[str, Any]) -> int:
        return int(prepared["input_ids"].shape[1])

    def write(self, prepared: dict[str, Any], most: int, hear: Callable[[int], bool]) -> None:
        import torch
        from transformers import StoppingCriteriaList

        model = self._model
        inputs = {
            key: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for key, value in prepared.items()
        }
        listener = _Listener(hear)
        with torch.inference_mode():
            model.generate(
                **inputs,
                max_new_tokens=most,
                streamer=listener,
                stopping_criteria=StoppingCriteriaList([listener.is_over]),
            )

    def ends(self, token: int) -> bool:
        return token in self._ends

    def text(self, tokens: Sequence[int]) -> str:
        with self._tokenizing:
            return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _said(self, message: Message) -> dict[str, Any]:
        content = [
            {"type": "image", "image": picture_of(part)}
            if isinstance(part, Picture)
            else {"type": "text", "text": broken_up(part.text, self._own)}
            for part in message.parts
        ]
        return {"role": message.role, "content": content}

    def _tokens(self, said: list[dict[str, Any]]) -> dict[str, Any]:
        options: dict[str, Any] = {
            "add_generation_prompt": True,
            "tokenize": True,
            "return_dict": True,
            "return_tensors": "pt",
        }
        if self._processor is not None:
            return dict(self._processor.apply_chat_template(said, **options))
        plain = [{**one, "content": "".join(part["text"] for part in one["content"])} for one in said]
        return dict(self._tokenizer.apply_chat_template(plain, **options))


class _Listener:
    """What `generate` calls a streamer, and the criterion by which it ends."""

    def __init__(self, hear: Callable[[int], bool]) -> None:
        self._hear = hear
        self._is_prompt = True  # which comes first
        self._go_on = True

    def put(self, value: Any) -> None:
        if not self._is_prompt and self._go_on:
            self._go_on = self._hear(int(value.item()))
        self._is_prompt = False

    def end(self) -> None:
        """All was told."""

    def is_over(self, tokens: Any, scores: Any, **_: Any) -> Any:
        """(rows of `tokens`,): whether each is at its end."""
        import torch

        return torch.full((tokens.shape[0],), not self._go_on, dtype=torch.bool, device=tokens.device)


@functools.lru_cache(maxsize=1)
@functools.partial(noted, kind="transformers:")
def _loaded(name: str) -> Speaker:
    """Raises:
    InputError: no such model, packages are not installed, weights are missing or left over.
    """
    try:
        checkpoint = locate(name)
        return _load(name, checkpoint)
    except ModuleNotFoundError as error:
        raise InputError(f'{name} needs {error.name}: pip install "svrag[models]"') from None


def _load(name: str, checkpoint: Checkpoint) -> Speaker:
    from svrag.generation import phi3

    if checkpoint.read("config.json").get("model_type") in (phi3.INTERN, phi3.PHI):
        with quiet_loading(name):
            return phi3.load(name, checkpoint)
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoProcessor,
        AutoTokenizer,
    )
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

    adapter = checkpoint if checkpoint.read("adapter_config.json") else None
    whole = base_of(adapter) if adapter else checkpoint
    device, dtype = device_and_dtype()
    with quiet_loading(name):
        sees = type(AutoConfig.from_pretrained(whole.folder)) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
        kind = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        model, missing, unexpected = load_pretrained(kind, whole.folder, dtype=dtype)
        check_weights(whole.name, missing, unexpected, predicts=True)
        if adapter:
            from svrag.retrievers.multivector.adapter import put_on

            model = put_on(name, adapter.folder, model, (), {})
        processor = AutoProcessor.from_pretrained(whole.folder, local_files_only=True) if sees else None
        tokenizer = processor.tokenizer if processor else AutoTokenizer.from_pretrained(whole.folder)
        return TransformersSpeaker(name, model.to(device), tokenizer, processor)
