"""What a model of colpali-engine takes and gives: questions, texts and pictures into tensors, tensors into vectors.

The same when a model answers and when it is trained. Knows nothing of files, batches' sizes or layouts of pictures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from PIL.Image import Image

_LONGEST = 8192  # tokens of a text at most, also for models that could read more
_SPARE = 4  # tokens: words may fall into other pieces inside a prompt
_EPS = 1e-12


def head_name(family: str) -> str:
    """Name of the layer that makes token vectors in the model class `family`."""
    return "linear" if family == "ColIdefics3" else "custom_text_proj"


class ColPaliInputs:
    """Inputs of one family, (inputs, ...) each, padded; those of texts are cut to what the model can read.

    Args:
        family: name of the model's class in colpali-engine.
        processor: an instance of the family's processor there.
        reads: tokens that the model can read.
    """

    def __init__(self, family: str, processor: Any, reads: int) -> None:
        # PaliGemma looks both ways in what its types call prefix. Untold, it does so in a text alone or among texts of
        # its length, but looks back only where there is padding.
        self._prefix = family == "ColPali"
        self._family = family
        self._processor = processor
        special = [str(token) for token in processor.tokenizer.added_tokens_decoder.values() if token.special]
        self._special = re.compile("|".join(map(re.escape, sorted(special, key=len, reverse=True))))
        self._prompts: list[list[int]] = [
            prepare(["?"])["input_ids"][0].tolist() for prepare in (processor.process_queries, processor.process_texts)
        ]
        self._room = min(_LONGEST, reads, processor.tokenizer.model_max_length) - max(map(len, self._prompts)) - _SPARE

    @property
    def settings(self) -> tuple[object, ...]:
        """All that decides what a model sees."""
        pictures = self._processor.image_processor.to_dict()
        shown = sorted((key, str(value)) for key, value in pictures.items() if not key.startswith("_"))
        return self._family, self._prompts, shown

    def questions(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return self._texts(texts, self._processor.process_queries)

    def passages(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return self._texts(texts, self._processor.process_texts)

    def pictures(self, images: Sequence[Image]) -> dict[str, Tensor]:
        """Of pictures that are `readable`."""
        return self._completed(self._processor.process_images(images))

    def _texts(self, texts: Sequence[str], prepare: Callable[[list[str]], Any]) -> dict[str, Tensor]:
        return self._completed(prepare([self._plain(text) for text in texts]))

    def _completed(self, batch: Any) -> dict[str, Tensor]:
        # PaliGemma's processor makes labels, its model would compute a loss.
        inputs = {key: value for key, value in batch.items() if key != "labels"}
        if self._prefix and "token_type_ids" not in inputs:
            inputs["token_type_ids"] = torch.zeros_like(inputs["input_ids"])
        return inputs

    def _plain(self, text: str) -> str:
        """`text` as no more than the model can read, and with nothing in it that it would take for its own signs."""
        text = self._special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
        if len(text) <= self._room:  # a token is a byte at least
            return text
        offsets = self._processor.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        return text if len(offsets) <= self._room else text[: offsets[self._room][0]]


class TokenVectors(nn.Module):
    """A model of colpali-engine that gives its token vectors with their mask.

    The head's output is taken, not the model's: most of these models divide it by its length without heed to a length
    of 0.
    """

    def __init__(self, model: Any, family: str) -> None:
        super().__init__()
        self.model = model
        self._projected: list[Tensor] = []
        model.get_submodule(head_name(family)).register_forward_hook(
            lambda _, inputs, output: self._projected.append(output)
        )

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, tokens, dimension) float32, of length 1 where the mask, (batch, tokens) bool, is true, else 0.

        The model sees the whole batch; some read more of it than one would think.
        """
        self._projected.clear()
        dtype = self.model.dtype
        self.model(**{key: value.to(dtype) if value.is_floating_point() else value for key, value in inputs.items()})
        (projected,) = self._projected
        self._projected.clear()
        mask = inputs["attention_mask"].bool()
        return nn.functional.normalize(projected.float(), dim=-1, eps=_EPS) * mask.unsqueeze(-1), mask
