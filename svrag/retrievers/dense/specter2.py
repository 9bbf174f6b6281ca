"""SPECTER2 (Singh et al., EMNLP 2023): a scientific BERT with an adapter for papers and another for short questions.

The vector of a text is the last hidden state of its first token, divided by its length. Its makers compare by Euclidean
distance; the last layer norm leaves all vectors about equally long, and for those of equal length both orders are one.
What stands above a passage goes before it as the titles of papers did, with a separator.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from svrag.errors import InputError
from svrag.retrievers.dense.bottleneck import adapted
from svrag.retrievers.dense.loading import LAYOUTS, SPECTER2
from svrag.retrievers.dense.pooled import PooledEncoder, Side, Sides
from svrag.retrievers.multivector.checkpoint import check_weights, load_pretrained, quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint, locate

DEFAULTS = ("allenai/specter2_base", "allenai/specter2", "allenai/specter2_adhoc_query")
FOLDERS = LAYOUTS[SPECTER2]
"""Where in one folder the network, the adapter for documents and the adapter for questions are."""

_LONGEST = 512  # tokens


class FirstState(nn.Module):
    """A BERT; its vector is the last hidden state of [CLS]."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, width) of two (n, tokens)."""
        states: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return states[:, 0]


def load(name: str, *sources: str) -> PooledEncoder:
    """The encoder of a network and two adapters.

    Args and Raises: as of `sides`.
    """
    made = sides(name, *sources)
    joint = f" {made.passages.tokenizer.sep_token} "
    return PooledEncoder(name, made.questions, made.passages, cosine=True, joint=joint)


def sides(name: str, *sources: str) -> Sides:
    """What questions and passages go through; the checkpoints are those of the network and of both adapters.

    Args:
        sources: names on the Hub or folders of the network, of the adapter for documents and of that for questions; or
            one folder with all of them in `FOLDERS`; or none for `DEFAULTS`.

    Raises:
        InputError: no such models, they are of another kind, weights are missing or left over.
    """
    from transformers import AutoTokenizer

    if len(sources) == 1 and all((Path(sources[0]).expanduser() / folder).is_dir() for folder in FOLDERS):
        sources = tuple(str(Path(sources[0]).expanduser() / folder) for folder in FOLDERS)
    if len(sources) not in (0, 3):
        raise InputError(
            f"{name}: name the network, the adapter for documents and the adapter for questions, with + between them, "
            f"or a folder with {', '.join(FOLDERS)} in it"
        )
    base, proximity, adhoc = (locate(source) for source in sources or DEFAULTS)
    with quiet_loading(name):
        told, asked = networks(base, proximity, adhoc)
        tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True)
    longest = min(_LONGEST, int(told.config.max_position_embeddings))
    questions, passages = (Side(FirstState(network), tokenizer, longest) for network in (asked, told))
    return Sides(questions, passages, (base, proximity, adhoc))


def networks(base: Checkpoint, proximity: Checkpoint, adhoc: Checkpoint) -> tuple[Any, Any]:
    """The BERT for documents and the BERT for questions, in float32: the base's weights are the same tensors in both.

    Raises: as `sides`.
    """
    from transformers import BertModel

    kind = base.read("config.json").get("model_type") or "no model"
    if kind != "bert":
        raise InputError(f"{base.name} is {kind}, not the BERT of SPECTER2")
    model, missing, unexpected = load_pretrained(BertModel, base.folder, dtype=torch.float32, add_pooling_layer=False)
    # Neither BERT's pooler nor the layer that predicts words is used.
    check_weights(base.name, missing, [key for key in unexpected if not key.startswith(("pooler.", "cls."))])
    other = copy.deepcopy(model, {id(weight): weight for weight in model.parameters()})
    return adapted(model, proximity), adapted(other, adhoc)
