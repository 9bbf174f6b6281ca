"""Checkpoints of the text families with a few thousand random weights, in the layouts in which they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.retrievers.dense.checkpoints import new_bert
from tests.retrievers.multivector.tiny import write_tokenizer

QWEN_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def write_qwen(folder: Path, *, seed: int = 0, whole: bool = True) -> Path:
    """A Qwen2.5; `whole` with the layer that predicts words, as it is published."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = write_tokenizer(folder, QWEN_TOKENS, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        initializer_range=0.2,
        tie_word_embeddings=False,
    )
    model = Qwen2ForCausalLM(config)
    (model if whole else model.model).save_pretrained(folder)
    return folder


def write_qwen_adapter(folder: Path, base: Path, *, with_head: bool) -> Any:
    """LoRA weights over `base`, trained with or without the layer that predicts words; returns the transformer."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2ForCausalLM, Qwen2Model

    model = (Qwen2ForCausalLM if with_head else Qwen2Model).from_pretrained(base)
    torch.manual_seed(1)
    task = "CAUSAL_LM" if with_head else "FEATURE_EXTRACTION"
    config = LoraConfig(r=2, target_modules=["q_proj", "up_proj"], init_lora_weights=False, task_type=task)
    adapted = get_peft_model(model, config)
    adapted.save_pretrained(folder)
    settings = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    settings["base_model_name_or_path"] = str(base)
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    below = adapted.get_base_model().eval()
    return below.model if with_head else below


def write_masked_lm(folder: Path, *, seed: int = 0, longest: int = 40) -> Path:
    """A BERT with the layer that predicts words: SPLADE as its makers first published it."""
    from transformers import BertConfig, BertForMaskedLM

    new_bert(BertForMaskedLM, BertConfig, folder, seed=seed, longest=longest).save_pretrained(folder)
    return folder


def write_splade(folder: Path, *, seed: int = 0, router: bool = False) -> Path:
    """The same in the layout of sentence-transformers; with a `router`, questions have a table of weights instead."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

    bare = str(write_masked_lm(folder.with_name(folder.name + "-bare"), seed=seed))
    network = Transformer(bare, transformer_task="fill-mask", model_kwargs={"local_files_only": True})
    modules: list[Any] = [network, SpladePooling("max")]
    if router:
        table = SparseStaticEmbedding(tokenizer=network.tokenizer, frozen=False)
        table.weight.data += 0.5
        modules = [Router.for_query_document(query_modules=[table], document_modules=modules)]
    SparseEncoder(modules=modules, device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder


def write_dpr(folder: Path, role: str, *, seed: int = 0, published: bool = False, width: int = 16) -> Path:
    """An encoder of DPR for "question" or "ctx"; `published` with BERT's pooler and as pytorch_model.bin."""
    import torch
    from transformers import DPRConfig, DPRContextEncoder, DPRQuestionEncoder

    model_class = DPRQuestionEncoder if role == "question" else DPRContextEncoder
    model = new_bert(model_class, DPRConfig, folder, seed=seed, width=width)
    model.save_pretrained(folder)
    if published:
        weights = dict(model.state_dict())
        prefix = "question_encoder.bert_model" if role == "question" else "ctx_encoder.bert_model"
        weights[f"{prefix}.pooler.dense.weight"] = torch.zeros(width, width)
        weights[f"{prefix}.embeddings.position_ids"] = torch.arange(40)[None]
        torch.save(weights, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    return folder


PFEIFFER: dict[str, Any] = {
    "adapter_residual_before_ln": False,
    "cross_adapter": False,
    "inv_adapter": None,
    "inv_adapter_reduction_factor": None,
    "leave_out": [],
    "ln_after": False,
    "ln_before": False,
    "mh_adapter": False,
    "non_linearity": "relu",
    "original_ln_after": True,
    "original_ln_before": True,
    "output_adapter": True,
    "reduction_factor": 4,
    "residual_before_ln": True,
}
"""`config` of adapter_config.json, as AdapterHub publishes it for BERT; a published bottleneck is 16 times narrower."""


def write_bert(folder: Path, *, seed: int = 0) -> Path:
    """A bare BERT, its first two layers alone."""
    from transformers import BertConfig, BertModel

    new_bert(BertModel, BertConfig, folder, seed=seed).save_pretrained(folder)
    return folder


def write_bottlenecks(folder: Path, *, seed: int, name: str = "[PRX]", **settings: Any) -> dict[str, Any]:
    """Adapters for `write_bert` in AdapterHub's layout; returns their weights by their names there."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    about = {"config": {**PFEIFFER, **settings}, "hidden_size": 16, "model_type": "bert", "name": name}
    (folder / "adapter_config.json").write_text(json.dumps(about), encoding="utf-8")
    torch.manual_seed(seed)
    weights = {}
    for layer in range(2):
        for part, shape in (("adapter_down.0", (4, 16)), ("adapter_up", (16, 4))):
            prefix = f"bert.encoder.layer.{layer}.output.adapters.{name}.{part}"
            weights |= {f"{prefix}.weight": torch.randn(shape) / 2, f"{prefix}.bias": torch.randn(shape[0]) / 2}
    torch.save(weights, folder / "pytorch_adapter.bin")
    return weights


def write_specter2(folder: Path) -> Path:
    """A network and both adapters in one folder."""
    write_bert(folder / "base")
    write_bottlenecks(folder / "proximity", seed=1, name="[PRX]")
    write_bottlenecks(folder / "adhoc_query", seed=2, name="[QRY]")
    return folder
