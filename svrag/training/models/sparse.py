"""Sparse encoders (SPLADE) open for training: a weight for every word of the vocabulary, most of them 0.

A text's weights are max over its tokens of log(1 + relu(logits of the layer that predicts words)) (Formal et al., SPLADE
v2, arXiv 2109.10086). They stand as one token vector, so that a score is their dot product. What keeps them sparse is
the recipe's part `sparsity` (svrag.training.losses.flops). Saved as a SparseEncoder of sentence-transformers.
"""

from __future__ import annotations

from typing import Any

from svrag.errors import InputError
from svrag.retrievers.multivector.checkpoint import quiet_loading
from svrag.retrievers.multivector.hub import Checkpoint
from svrag.retrievers.multivector.text import check
from svrag.training.config import Adapter, RetrieverModel
from svrag.training.models.dense import OneVectorTrainable, make_ready, train_parts
from svrag.training.models.words import make_head

# Of checkpoints of words that are predicted: what pools, and what predicts the next sentence.
_UNUSED = ("pooler.", "bert.pooler.", "cls.seq_relationship.")
_HEAD = "cls.predictions."


def open_sparse(
    settings: RetrieverModel, checkpoint: Checkpoint, adapter: Adapter | None, *, seed: int
) -> OneVectorTrainable:
    """The encoder of `checkpoint`, on the CPU, in float32.

    A network that predicts words gets the pooling. So does a BERT that predicts none, as text encoders are saved, with
    a head that is made of its own vocabulary (svrag.training.models.words).

    Raises:
        InputError: its files do not fit, or the recipe asks for what the family cannot do.
    """
    for key, value in (("pooling", settings.pooling), ("similarity", settings.similarity)):
        if value is not None:
            raise InputError(f"model.{key} is not for sparse encoders: they take maxima and compare by dot products")
    with quiet_loading(settings.name):
        model, made = _read(checkpoint)
        check(settings.name, checkpoint, model, ignored=(*_UNUSED, _HEAD) if made else _UNUSED)
    make_ready(settings, model)
    return OneVectorTrainable(model, cosine=False, all_used=train_parts(model, adapter, seed=seed))


def _read(checkpoint: Checkpoint) -> tuple[Any, bool]:
    """The model, and whether its head was made here.

    Raises:
        InputError: nothing there predicts words, and nothing can be made that does.
    """
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    config = checkpoint.read("config.json")
    predicts = any(str(name).endswith("ForMaskedLM") for name in config.get("architectures") or ())
    pools = [str(module.get("type")) for module in checkpoint.read_list("modules.json")]
    if any(kind.endswith("SpladePooling") for kind in pools):
        return SparseEncoder(str(checkpoint.folder), device="cpu", local_files_only=True).float(), False
    if not predicts and config.get("model_type") != "bert":
        raise InputError(
            f"{checkpoint.name} has no layer that predicts words, and is no BERT to which one can be added"
        )
    network = Transformer(
        str(checkpoint.folder), transformer_task="fill-mask", model_kwargs={"local_files_only": True}
    )
    if not predicts:
        make_head(network.auto_model, network.tokenizer)
    pooling = SpladePooling("max", embedding_dimension=int(network.auto_model.config.vocab_size))
    return SparseEncoder(modules=[network, pooling], device="cpu", similarity_fn_name="dot").float(), not predicts
