"""A retriever's backbone answers, too: one model and two adapters, as in SV-RAG (arXiv 2411.01106, section 3).

The retriever's LoRA weights are on while it encodes; while it writes they are off, or those for answering take their
place. They are switched around each step of the model, under the lock that the retriever encodes under: a search waits
for one step, never for an answer. No weight is changed or merged.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.generation.local import LocalChat, Speaker
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.hub import Checkpoint, base_of, locate
from svrag.retrievers.multivector.loading import is_model_name, load_multivector

_KINDS = {
    "ColQwen2": "Qwen2VLForConditionalGeneration",
    "ColQwen2_5": "Qwen2_5_VLForConditionalGeneration",
    "ColQwen3": "Qwen3VLForConditionalGeneration",
}
"""Of the retrievers of colpali-engine those that can answer, and the class of transformers that their backbone is of."""


class SvRagChat(LocalChat):
    """The backbone of a page retriever as a chat model; loaded once for both, whoever asks first.

    Args:
        retriever: as `load_multivector` takes it: Col-InternVL2, Col-Phi-3-V or ColQwen, over a published base.
        adapter: folder or name of LoRA weights for answering; without it the base answers.
    """

    def __init__(self, retriever: str, adapter: str = "") -> None:
        name = f"{retriever}+{adapter}" if adapter else retriever
        # The encoder is asked for each time: it is the one that searches use, or will be.
        super().__init__(name, lambda: _speaker(load_multivector(retriever), adapter))


def parts_of(name: str) -> tuple[str, str]:
    """Retriever and adapter of "RETRIEVER[+ADAPTER]"; a folder's own name may have the sign, too."""
    retriever, plus, adapter = name.rpartition("+")
    return (retriever, adapter) if plus and adapter and not is_model_name(name) else (name, "")


_making = threading.Lock()
_last: list[tuple[MultiVectorEncoder, str, Speaker]] = []  # one, or none yet


def _speaker(encoder: MultiVectorEncoder, adapter: str) -> Speaker:
    with _making:
        for known, its_adapter, speaker in _last:
            if known is encoder and its_adapter == adapter:
                return speaker
        _last.clear()
        speaker = _made(encoder, adapter)
        _last.append((encoder, adapter, speaker))
        return speaker


def _made(encoder: MultiVectorEncoder, adapter: str) -> Speaker:
    from svrag.retrievers.multivector.colpali import ColPaliEncoder
    from svrag.retrievers.multivector.phi3.encoder import Encoder

    if isinstance(encoder, Encoder):
        return _of_phi3(encoder, adapter)
    if isinstance(encoder, ColPaliEncoder) and type(encoder.model).__name__ in _KINDS:
        return _of_qwen(encoder, adapter)
    known = ", ".join(["Col-InternVL2", "Col-Phi-3-V", *_KINDS])
    raise InputError(f"{encoder.name} cannot answer with its own backbone: name one of {known}, or another generator")


def _of_phi3(encoder: Any, adapter: str) -> Speaker:
    from peft import PeftModel

    from svrag.generation.phi3 import Phi3Speaker, family_of, words_of
    from svrag.retrievers.multivector.colinternvl2.checkpoint import adapted_place as of_intern
    from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
    from svrag.retrievers.multivector.colphi3v.checkpoint import adapted_place as of_phi

    model: Any = encoder.model.get_base_model() if isinstance(encoder.model, PeftModel) else encoder.model
    rename = of_intern if isinstance(model, ColInternVL2) else functools.partial(of_phi, project=False)
    words = words_of(_base(encoder), model.device, model.dtype)
    around = _answering(encoder, model, adapter, rename)
    family = family_of(model, encoder.processor)
    return Phi3Speaker(model.language_model, words, family, tokenizing=encoder.tokenizing, around=around)


def _of_qwen(encoder: Any, adapter: str) -> Speaker:
    import torch
    import transformers

    from svrag.generation.transformers import TransformersSpeaker
    from svrag.retrievers.multivector.phi3.published import build

    model = encoder.model
    kind = getattr(transformers, _KINDS[type(model).__name__])
    shell = build(lambda: kind(model.config)).eval()
    # The shell's forward is that of the language model, the parts are the retriever's own.
    shell.model.visual, shell.model.language_model = model.visual, model.language_model
    renamed = vars(type(model)).get("_checkpoint_conversion_mapping", {})

    def rename(key: str) -> str:
        for pattern, now in renamed.items():
            key = re.sub(pattern, now, key)
        return key.removeprefix("model.")

    around = _answering(encoder, model, adapter, rename)
    if model.config.tie_word_embeddings:
        with around():
            words = model.language_model.embed_tokens.weight
    else:
        from svrag.generation.phi3 import words_of

        words = torch.nn.Parameter(words_of(_base(encoder), model.device, model.dtype), requires_grad=False)
    shell.lm_head.weight = words
    plain = shell.forward

    @functools.wraps(plain)
    def forward(*args: Any, **inputs: Any) -> Any:
        with around():
            return plain(*args, **inputs)

    shell.forward = forward
    return TransformersSpeaker(
        encoder.name, shell, encoder.processor.tokenizer, encoder.processor, tokenizing=encoder.running
    )


def _base(encoder: MultiVectorEncoder) -> Checkpoint:
    """Where the weights under the retriever's adapter are; its own place when it has none."""
    checkpoint = locate(encoder.name)
    return base_of(checkpoint) if checkpoint.read("adapter_config.json") else checkpoint


def _answering(
    encoder: Any, model: Any, adapter: str, rename: Callable[[str], str | None]
) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Within what this returns, `model` is as it is to be when it answers, and nobody encodes with it."""
    from svrag.retrievers.multivector.adapter import Switch, put_beside

    called = None
    if adapter:
        checkpoint = locate(str(Path(adapter).expanduser()))
        called = f"answers_{hashlib.sha256(str(checkpoint.folder).encode()).hexdigest()[:8]}"
        with encoder.running:
            put_beside(adapter, checkpoint.folder, model, rename, called=called)
    switch = Switch(model)

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        with encoder.running, switch.to(called):
            yield

    return around
