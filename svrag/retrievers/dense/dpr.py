"""Dense passage retrieval (Karpukhin et al., EMNLP 2020): a BERT for questions and another for passages.

A text's vector is the last hidden state of its first token, as long as it comes out; scores are dot products. What
stands above a passage goes before it as DPR's titles did, with a separator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.dense.loading import DPR, LAYOUTS
from svrag.retrievers.dense.pooled import PooledEncoder, Side, Sides
from svrag.retrievers.multivector.checkpoint import check_weights, load_pretrained, quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint, locate

DEFAULTS = ("facebook/dpr-question_encoder-single-nq-base", "facebook/dpr-ctx_encoder-single-nq-base")
FOLDERS = LAYOUTS[DPR]
"""Where in one folder the two checkpoints are."""

_LONGEST = 512  # tokens


class FirstToken(nn.Module):
    """An encoder of DPR; its vector is that of [CLS], through its projection where it has one."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, dimension) of two (n, tokens)."""
        made: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        return made


def load(name: str, *sources: str) -> PooledEncoder:
    """The encoder of two checkpoints.

    Args and Raises: as of `sides`.
    """
    made = sides(name, *sources)
    joint = f" {made.passages.tokenizer.sep_token} "
    return PooledEncoder(name, made.questions, made.passages, cosine=False, joint=joint)


def sides(name: str, *sources: str) -> Sides:
    """What questions and passages go through.

    Args:
        sources: names on the Hub or folders of the checkpoints for questions and for passages; or one folder with both
            in `FOLDERS`; or none for `DEFAULTS`.

    Raises:
        InputError: no such models, they are none of DPR, weights are missing or left over.
    """
    if len(sources) == 1:
        parent = Path(sources[0]).expanduser()
        if not all((parent / folder).is_dir() for folder in FOLDERS):
            raise InputError(
                f"{name}: name the checkpoints for questions and for passages, with + between them, or a folder with "
                f"{FOLDERS[0]}/ and {FOLDERS[1]}/ in it"
            )
        sources = tuple(str(parent / folder) for folder in FOLDERS)
    questions, passages = (locate(source) for source in sources or DEFAULTS)
    with quiet_loading(name):
        return Sides(_side(name, questions, "question"), _side(name, passages, "ctx"), (questions, passages))


def _side(name: str, checkpoint: Checkpoint, role: str) -> Side:
    from transformers import AutoTokenizer

    model = network(name, checkpoint, role)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
    return Side(FirstToken(model), tokenizer, min(_LONGEST, int(model.config.max_position_embeddings)))


def network(name: str, checkpoint: Checkpoint, role: str) -> Any:
    """The encoder of transformers, in float32.

    Args:
        role: "question" or "ctx".

    Raises: as `sides`.
    """
    from transformers import DPRContextEncoder, DPRQuestionEncoder

    kind = checkpoint.read("config.json").get("model_type") or "no model"
    if kind != "dpr":
        raise InputError(f"{checkpoint.name} is {kind}, not an encoder of DPR")
    model_class = DPRQuestionEncoder if role == "question" else DPRContextEncoder
    model, missing, unexpected = load_pretrained(model_class, checkpoint.folder, dtype=torch.float32)
    # The pooler of BERT, which the published checkpoints have, is not used.
    check_weights(checkpoint.name, missing, [key for key in unexpected if ".pooler." not in key])
    return model
