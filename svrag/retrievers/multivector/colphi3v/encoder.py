"""Col-Phi-3-V by the folder of its checkpoint, as an encoder of questions, texts and pages."""

from __future__ import annotations

from pathlib import Path

from svrag.retrievers.elements.over import positions_beside
from svrag.retrievers.multivector.checkpoint import device_and_dtype
from svrag.retrievers.multivector.colphi3v.checkpoint import read
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.hub import Checkpoint, base_of
from svrag.retrievers.multivector.phi3.config import deciding
from svrag.retrievers.multivector.phi3.encoder import Encoder


def load(name: str, folder: Path, revision: str) -> MultiVectorEncoder:
    """The encoder in this folder: one that `save_pretrained` wrote, or an adapter over the published base.

    Args:
        name: as it was asked for.
        revision: commit on the Hub; "" of a folder.

    Raises:
        InputError: files or weights are missing, left over or broken, or the adapter's base cannot be had.
    """
    checkpoint = Checkpoint(name, folder, revision)
    base = base_of(checkpoint) if (folder / "adapter_config.json").is_file() else checkpoint
    device, dtype = device_and_dtype()
    model, processor = read(checkpoint, base, device=device, dtype=dtype)
    config = model.config
    dimension = config.dimension if config.project else config.text_config.hidden_size
    settings = deciding(config, "layer", "project")
    positions = positions_beside(folder, model, model.custom_text_proj)
    return Encoder(name, revision, model, processor, dimension=dimension, settings=settings, positions=positions)
