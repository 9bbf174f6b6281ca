"""Writes a tiny Col-InternVL2 of random weights, so that page-image retrieval can be tried without a download.

    python scripts/demo_data/tiny_retriever.py [FOLDER]

Everything works as with the real model, only what it finds is chance. Takes seconds and no network; the same versions
of torch and transformers give the same weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

from svrag.evaluation.deck_program import DEMO_DECKS, RANDOM_MARK
from svrag.evaluation.deck_retrieval import DEMO_MODEL
from svrag.retrievers.multivector.colinternvl2.config import ColInternVL2Config
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor
from svrag.retrievers.multivector.phi3.prompts import Vocabulary

_SIGNS = ("<|system|>", "<|user|>", "<|end|>", "<|assistant|>")  # of a conversation
_SPECIAL = ("</s>", "<s>", "<pad>", "<img>", "</img>", "<IMG_CONTEXT>", *_SIGNS)
_TILE, _PATCH, _MOST_TILES = 112, 14, 6
_TOKENS = (_TILE // _PATCH // 2) ** 2  # of a tile: four patches make one
_WIDTH = 64
_HEAD = 16  # numbers for each attention head
_LENGTH = 4096


def tokenizer() -> PreTrainedTokenizerFast:
    """Byte pairs of the demo questions: their words are few tokens, any other text is more."""
    decks = json.loads(DEMO_DECKS.read_text(encoding="utf-8"))
    questions = [question for deck in decks.values() for question in deck["question"]]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=1000, special_tokens=list(_SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(questions, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=_LENGTH, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def model(vocabulary: int, image_token: int) -> ColInternVL2:
    torch.manual_seed(0)
    config = ColInternVL2Config(
        vision_config={
            "hidden_size": _WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": _WIDTH // _HEAD,
            "intermediate_size": 2 * _WIDTH,
            "image_size": _TILE,
            "patch_size": _PATCH,
            "attention_bias": True,
            "initializer_range": 0.2,
        },
        text_config={
            "model_type": "phi3",
            "vocab_size": vocabulary,
            "hidden_size": _WIDTH,
            "intermediate_size": 2 * _WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": _WIDTH // _HEAD,
            "num_key_value_heads": _WIDTH // _HEAD,
            "max_position_embeddings": _LENGTH,
            "original_max_position_embeddings": _LENGTH,
            "initializer_range": 0.2,
            "pad_token_id": _SPECIAL.index("<pad>"),
            "bos_token_id": _SPECIAL.index("<s>"),
            "eos_token_id": _SPECIAL.index("</s>"),
        },
        image_token_id=image_token,
        image_seq_length=_TOKENS,
        dimension=128,
        tie_word_embeddings=False,
    )
    return ColInternVL2(config).eval()


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save_pretrained(folder)
    processor = ColInternVL2Processor(Vocabulary.of(folder), tile=_TILE, tokens=_TOKENS, most_tiles=_MOST_TILES)
    processor.save_pretrained(folder)
    made = model(len(words), processor.image_token)
    # With the layer that chooses words, which a retriever has no use for, it can answer, too.
    chooses = torch.randn(len(words), _WIDTH) * 0.2
    made.save_pretrained(folder, state_dict={**made.state_dict(), "lm_head.weight": chooses})
    (folder / RANDOM_MARK).write_text("What this model finds is chance: see scripts/demo_data/tiny_retriever.py\n")


def main() -> None:
    logging.disable_progress_bar()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO_MODEL
    write(folder)
    print(f"wrote a tiny Col-InternVL2 of random weights to {folder}")


if __name__ == "__main__":
    main()
