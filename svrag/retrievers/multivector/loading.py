"""From the name of a multi-vector model to its encoder: where its files are, which family they are of, who loads it.

A family is known by what the checkpoint's own settings say (config.json, adapter_config.json, modules.json), never by
its name alone. Knows nothing of how a family works.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

from svrag.errors import InputError
from svrag.retrievers.elements.config import MODEL_TYPE
from svrag.retrievers.loads import noted
from svrag.retrievers.multivector.encoder import MultiVectorEncoder
from svrag.retrievers.multivector.hub import Checkpoint, base_of, is_hub_name, locate

ALIASES = {
    "InternVL2": "puar-playground/Col-InternVL2-4B",
    "Phi": "puar-playground/Col-Phi-3-V",
    "element-graph": "ljh38/element-graph-encoder-v2.1",
}
"""Short names of the SV-RAG retrievers, and of the published element-graph encoders: element-graph#h_best_combo."""

ROW = "#"
"""Between a folder or repository of several encoders and the name of one."""

_REMOTE = "vllm:"
_SETTINGS = ("config.json", "adapter_config.json", "modules.json")
_INTERN, _PHI, _TEXT, _ELEMENTS = "ColInternVL2", "ColPhi3V", "text", "element graph"
# model_type in config.json -> family; those of colpali-engine by the name of its class.
_COLPALI = {
    "paligemma": "ColPali",
    "qwen2_vl": "ColQwen2",
    "qwen2_5_vl": "ColQwen2_5",
    "qwen3_vl": "ColQwen3",
    "qwen3_5": "ColQwen3_5",
    "gemma3": "ColGemma3",
    "idefics3": "ColIdefics3",
    "modernvbert": "ColModernVBert",
}
_FAMILIES = {
    **_COLPALI,
    "colinternvl2": _INTERN,
    "colphi3v": _PHI,
    # What the published adapters of these two stand on, as its makers wrote it.
    "internvl_chat": _INTERN,
    "phi3_v": _PHI,
    MODEL_TYPE: _ELEMENTS,
}
FAMILIES = (*_COLPALI.values(), _INTERN, _PHI, _TEXT)
"""What `family_of` tells."""

_PUBLISHED = {ALIASES["InternVL2"]: _INTERN, ALIASES["Phi"]: _PHI}
_SUPPORTED = (
    f"supported are {', '.join(_COLPALI.values())} of colpali-engine, {_INTERN}, {_PHI}, element-graph encoders, and "
    "ColBERT models of sentence-transformers or PyLate"
)


def is_model_name(text: str) -> bool:
    """Whether `text` can name a multi-vector model: "owner/model" on the Hub, a folder, an alias, vllm:http://...

    A folder in the current one counts when it holds a model, or is written with a slash: others have names of their own.
    Each but the last may be followed by # and the row of one encoder among several.
    """
    if text in ALIASES or text.startswith(_REMOTE) or is_hub_name(text):
        return True
    if split := _row(text):
        source, row = split
        return bool(row) and (source in ALIASES or is_hub_name(source) or Path(source).expanduser().is_dir())
    folder = Path(text).expanduser()
    return folder.is_dir() and ("/" in text or any((folder / file).is_file() for file in _SETTINGS))


_loading = threading.Lock()


def load_multivector(name: str) -> MultiVectorEncoder:
    """The encoder of this name; the last two are kept for the next call.

    Args:
        name: "owner/model" on the Hugging Face Hub, a folder, one of `ALIASES`, or vllm:http://host:port/MODEL for a
            model that vLLM serves. What is on this machine is used without asking the network. # and a row after it
            name one of several encoders.

    Raises:
        InputError: no such model, no network, packages are not installed, a family that is not supported, weights
            are missing or left over.
        ServerError: the server of a remote model is away or refuses.
    """
    with _loading:
        return _loaded(full_name(name))


def full_name(name: str) -> str:
    """One name for one model, wherever it is asked for: vectors are kept under it."""
    if split := _row(name):
        return f"{full_name(split[0])}{ROW}{split[1]}"
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else ALIASES.get(name, name)


def _row(name: str) -> tuple[str, str] | None:
    """The folder or repository, and the row in it, where a name has both. A folder's own name may have the sign too."""
    if ROW not in name or name.startswith(_REMOTE) or Path(name).expanduser().is_dir():
        return None
    source, _, row = name.rpartition(ROW)
    return source, row


@functools.lru_cache(maxsize=2)
@noted
def _loaded(name: str) -> MultiVectorEncoder:
    if name.startswith(_REMOTE):
        from svrag.retrievers.multivector.remote import connect

        return connect(name)
    try:
        if split := _row(name):
            from svrag.retrievers.elements.rows import load_row

            return load_row(split[1], split[0])
        checkpoint = locate(name)
        return _load(name, checkpoint, family_of(checkpoint))
    except ModuleNotFoundError as error:
        raise InputError(f'{name} needs {error.name}: pip install "svrag[models]"') from None


def _load(name: str, checkpoint: Checkpoint, family: str) -> MultiVectorEncoder:
    if family == _INTERN:
        from svrag.retrievers.multivector.colinternvl2.encoder import load as load_internvl2

        return load_internvl2(name, checkpoint.folder, checkpoint.revision)
    if family == _PHI:
        from svrag.retrievers.multivector.colphi3v.encoder import load as load_phi3v

        return load_phi3v(name, checkpoint.folder, checkpoint.revision)
    if family == _TEXT:
        from svrag.retrievers.multivector.text import load as load_text

        return load_text(name, checkpoint)
    if family == _ELEMENTS:
        from svrag.retrievers.elements.encoder import load as load_elements

        return load_elements(name, checkpoint)
    from svrag.retrievers.multivector.colpali import load as load_colpali

    return load_colpali(name, checkpoint, family)


def family_of(checkpoint: Checkpoint) -> str:
    """Name of the family: a class of colpali-engine, "ColInternVL2", "ColPhi3V", "text" or "element graph".

    Raises:
        InputError: no model there, or one of a family that is not supported; names what is.
    """
    adapter = checkpoint.read("adapter_config.json")
    if adapter:
        if checkpoint.name in _PUBLISHED:
            return _PUBLISHED[checkpoint.name]
        return family_of(base_of(checkpoint))
    config = checkpoint.read("config.json")
    if is_late_interaction(checkpoint):
        return _TEXT
    if not config and (rows := checkpoint.read("manifest.json")):
        raise InputError(f"{checkpoint.name} has several encoders: add {ROW} and the name of one, {', '.join(rows)}")
    if not config:
        raise InputError(f"no model in {checkpoint.name}: it has no config.json and no adapter_config.json")
    architectures = [str(name) for name in config.get("architectures") or ()]
    family = _FAMILIES.get(str(config.get("model_type")))
    # One-vector twins (BiQwen2) and transformers' own late-interaction classes have weights by other names.
    if family is None or any(name.startswith("Bi") or name.endswith("ForRetrieval") for name in architectures):
        what = ", ".join(architectures) or config.get("model_type") or "without an architecture"
        dense = "; a text encoder with one vector per text goes to --encoder" if _has_pooling(checkpoint) else ""
        raise InputError(f"{checkpoint.name} is {what}, no multi-vector model known here: {_SUPPORTED}{dense}")
    return family


def is_of_own_family(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint's own settings say that it is of a family here that is not of sentence-transformers."""
    if checkpoint.read("adapter_config.json"):
        return True
    return checkpoint.read("config.json").get("model_type") in _FAMILIES


def is_late_interaction(checkpoint: Checkpoint) -> bool:
    """Whether sentence-transformers, PyLate or Stanford's ColBERT saved a model with a vector for each token."""
    settings = checkpoint.read("config_sentence_transformers.json")
    return (
        settings.get("model_type") in ("MultiVectorEncoder", "ColBERT")
        or "query_prefix" in settings  # PyLate before it wrote a model_type
        or "HF_ColBERT" in (checkpoint.read("config.json").get("architectures") or ())
    )


def _has_pooling(checkpoint: Checkpoint) -> bool:
    return (checkpoint.folder / "modules.json").is_file()
