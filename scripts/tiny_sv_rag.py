"""Writes a tiny SV-RAG of random weights: one model with an adapter to retrieve and another to answer.

    python scripts/tiny_sv_rag.py [FOLDER]

Everything works as with the real models, only what they find is chance and what they say is gibberish. Takes seconds and
no network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers.utils import logging

from demo_data import tiny_retriever
from svrag.evaluation.deck_answers import DEMO_PAIR
from svrag.evaluation.deck_program import RANDOM_MARK
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2

_TARGETS = r"language_model\..*\.(qkv_proj|o_proj|gate_up_proj|down_proj)"


def write(folder: Path) -> None:
    base = folder / "base"
    tiny_retriever.write(base)
    for number, name in enumerate(("retriever", "answers")):
        torch.manual_seed(number)
        lora = LoraConfig(r=4, lora_alpha=16, init_lora_weights=False, target_modules=_TARGETS)
        get_peft_model(ColInternVL2.from_pretrained(base), lora).save_pretrained(folder / name)
        file = folder / name / "adapter_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings["base_model_name_or_path"] = str(base.resolve())
        file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        (folder / name / RANDOM_MARK).write_text("What this model says is chance: see scripts/tiny_sv_rag.py\n")


def main() -> None:
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO_PAIR
    write(folder)
    print(f"wrote a tiny SV-RAG of random weights to {folder}")


if __name__ == "__main__":
    main()
