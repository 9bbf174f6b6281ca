"""InternVL2-4B and Phi-3-vision as their makers published them, writing: prompts with pictures, and the next words.

transformers has no class for either; here are the parts that the retrievers over them are made of (their vision
encoder and Phi-3), and the layer that chooses words, which a retriever leaves out. The parts may be a retriever's own,
that goes on retrieving: `around` then makes of it what was published, one step at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from svrag.errors import InputError
from svrag.generation.model import Message, Picture
from svrag.generation.signs import broken_up, own_signs, picture_of
from svrag.retrievers.multivector.checkpoint import device_and_dtype
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor
from svrag.retrievers.multivector.colphi3v.model import ColPhi3V
from svrag.retrievers.multivector.colphi3v.processor import ColPhi3VProcessor
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.retrievers.multivector.phi3.decoder import Reader
from svrag.retrievers.multivector.phi3.published import files_of, tensor_named

if TYPE_CHECKING:
    from PIL.Image import Image

_END = "<|end|>"  # of a message
_OTHER_ENDS = "<|endoftext|>", "</s>"  # of a reply
MOST_TILES = 12
"""Of a picture in a conversation, without the one of the whole: InternVL2 was trained on so many (arXiv 2404.16821)."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture in a prompt.

    Attributes:
        pixels: (views, 3, size, size) float32.
        grid: rows and columns of the views.
        tokens: how many it is.
    """

    pixels: Tensor
    grid: tuple[int, int]
    tokens: int


Prompt: TypeAlias = "list[tuple[int, ...] | View]"
"""Numbers of tokens, and pictures between them."""


class InternVL2:
    """How InternVL2-4B reads: "phi3-chat" in its makers' code; one beginning, pictures between <img> and </img>.

    Args:
        model: without any adapter of peft around it.
        most_tiles: of a picture; a page to retrieve has more.
    """

    before, after = "<img>", "</img>\n"
    end = _END
    begins_anew = False

    def __init__(self, model: ColInternVL2, processor: ColInternVL2Processor, most_tiles: int = MOST_TILES) -> None:
        self.vocabulary = processor.vocabulary
        self._model = model
        self._processor = ColInternVL2Processor(
            processor.vocabulary,
            tile=processor.tile,
            tokens=processor.tokens,
            most_tiles=min(most_tiles, processor.most_tiles),
        )

    def view(self, image: Image) -> View:
        pixels, (columns, rows) = self._processor.tiles(image)
        return View(pixels, (rows, columns), len(pixels) * self._processor.tokens)

    def seen(self, view: View, pixels: Tensor) -> Tensor:
        """(tokens, width): what the decoder reads of a picture."""
        return self._model.features(pixels).flatten(0, 1)


class Phi3Vision:
    """How Phi-3-vision reads: each stretch of text begins anew, as in its makers' processor.

    Args:
        model: without any adapter of peft around it.
    """

    before, after = "", "\n"
    end = f"{_END}\n"
    begins_anew = True

    def __init__(self, model: ColPhi3V, processor: ColPhi3VProcessor) -> None:
        self.vocabulary = processor.vocabulary
        self._model = model
        self._processor = processor

    def view(self, image: Image) -> View:
        """As it is, without the square that pages to retrieve are set on."""
        pixels, (rows, columns) = self._processor.views(image)
        side = self._processor.side
        whole, crops = side * (side + 1), rows * side * (columns * side + 1)
        return View(pixels, (rows, columns), whole + 1 + crops)

    def seen(self, view: View, pixels: Tensor) -> Tensor:
        """(tokens, width): what the decoder reads of a picture."""
        return self._model.features(pixels[None], [view.grid])


class Phi3Speaker:
    """A `Speaker`.

    Args:
        decoder: Phi-3 with or without LoRA on it.
        words: (vocabulary, width): the layer that chooses the next word.
        family: how it reads.
        tokenizing: held while the tokenizer is used.
        around: made anew for each step; within, the model is as it is to be when it writes.
    """

    sees = True

    def __init__(
        self,
        decoder: Any,
        words: Tensor,
        family: InternVL2 | Phi3Vision,
        *,
        tokenizing: threading.Lock | None = None,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Raises:
        InputError: the tokenizer has no end of a message, or the words are not the decoder's.
        """
        vocabulary = family.vocabulary
        width = decoder.config.hidden_size
        if words.shape[1] != width:
            raise InputError(f"the layer that chooses words is for width {words.shape[1]}, not {width}")
        self.context: int | None = decoder.config.max_position_embeddings
        self.turn = threading.Lock()
        self._decoder = decoder
        self._words = words
        self._family = family
        self._around = around
        self._tokenizing = tokenizing or threading.Lock()
        self._own = own_signs(vocabulary.tokenizer)
        numbers = vocabulary.tokenizer.get_vocab()
        self._ends = {vocabulary.number(_END), *(numbers[sign] for sign in _OTHER_ENDS if sign in numbers)}

    def prepare(self, messages: Sequence[Message]) -> Prompt:
        family = self._family
        prompt: Prompt = []
        text = ""
        for message in messages:
            text += f"<|{message.role}|>\n"
            for part in message.parts:
                if isinstance(part, Picture):
                    prompt += [self._ids(text + family.before, prompt), family.view(picture_of(part))]
                    text = family.after
                else:
                    text += broken_up(part.text, self._own)
            text += family.end
        return [*prompt, self._ids(f"{text}<|assistant|>\n", prompt)]

    def length(self, prepared: Prompt) -> int:
        return sum(part.tokens if isinstance(part, View) else len(part) for part in prepared)

    def write(self, prepared: Prompt, most: int, hear: Callable[[int], bool]) -> None:
        reader = Reader(self._decoder)
        step = prepared
        with torch.inference_mode():
            for _ in range(most):
                with self._around():
                    state = reader.read(self._embedded(step))
                token = int((state @ self._words.T).argmax())
                if not hear(token):
                    return
                step = [(token,)]

    def ends(self, token: int) -> bool:
        return token in self._ends

    def text(self, tokens: Sequence[int]) -> str:
        with self._tokenizing:
            return str(self._family.vocabulary.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def _ids(self, text: str, before: Prompt) -> tuple[int, ...]:
        vocabulary = self._family.vocabulary
        begin = () if before and not self._family.begins_anew else (vocabulary.begin,)
        with self._tokenizing:
            return (*begin, *vocabulary.ids(text))

    def _embedded(self, prompt: Prompt) -> Tensor:
        """(1, tokens, width). Picture by picture: their encoder would need much memory for all at once."""
        table = self._decoder.embed_tokens
        device = self._words.device
        parts = [
            self._family.seen(part, part.pixels.to(device)).to(self._words.dtype)
            if isinstance(part, View)
            else table(torch.tensor(part, device=device))
            for part in prompt
        ]
        return torch.cat(parts)[None]


def words_of(base: Checkpoint, device: str | torch.device, dtype: torch.dtype) -> Tensor:
    """(vocabulary, width): the layer that chooses words, from the files of a base.

    Raises:
        InputError: it is not there.
    """
    names = ("language_model.lm_head.weight", "lm_head.weight")
    found = tensor_named(files_of(base.folder), *names, *(f"model.{name}" for name in names))
    if found is None:
        raise InputError(
            f"{base.name} has no layer that chooses words (lm_head): it can retrieve, but not answer; "
            "name an adapter over a base that was published to chat"
        )
    return found.to(device=device, dtype=dtype)


def load(name: str, checkpoint: Checkpoint) -> Phi3Speaker:
    """The base of either retriever, to answer only.

    Raises:
        InputError: weights are missing or left over, or files are.
    """
    device, dtype = device_and_dtype()
    chance = torch.Generator().manual_seed(0)  # draws the retriever's head, which nobody asks
    model: Any
    processor: Any
    if checkpoint.read("config.json").get("model_type") == PHI:
        from svrag.retrievers.multivector.colphi3v.checkpoint import read as read_phi

        model, processor = read_phi(checkpoint, checkpoint, device=device, dtype=dtype, new_head=(chance, 1))
    else:
        from svrag.retrievers.multivector.colinternvl2.checkpoint import read as read_intern

        model, processor = read_intern(checkpoint, checkpoint, device=device, dtype=dtype, new_head=chance)
    words = words_of(checkpoint, device, dtype)
    return Phi3Speaker(model.language_model, words, family_of(model, processor))


def family_of(model: Any, processor: Any) -> InternVL2 | Phi3Vision:
    """How `model` reads, one of either class without any adapter of peft around it."""
    return InternVL2(model, processor) if isinstance(model, ColInternVL2) else Phi3Vision(model, processor)


INTERN, PHI = "internvl_chat", "phi3_v"
"""model_type of what `load` loads, as its makers wrote it."""
