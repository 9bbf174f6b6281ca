"""From the name of an encoder with one vector per text to the encoder.

A family is named alone or with its checkpoints: FAMILY, FAMILY:CHECKPOINT or FAMILY:CHECKPOINT+CHECKPOINT, each a name
on the Hugging Face Hub or a folder; openai:MODEL is asked over the network. Anything else is a model of
sentence-transformers. Knows nothing of how a family works.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

from svrag.errors import InputError
from svrag.retrievers.dense.encoder import load_encoder
from svrag.retrievers.dense.single import SingleVectorEncoder
from svrag.retrievers.loads import noted

DPR, OPENAI, QWEN, SPECTER2 = "dpr", "openai", "qwen2.5-embedding", "specter2"
FAMILIES = (DPR, OPENAI, QWEN, SPECTER2)
"""Names of the encoders that are no model of sentence-transformers."""

LAYOUTS = {DPR: ("question_encoder", "ctx_encoder"), SPECTER2: ("base", "proximity", "adhoc_query")}
"""Of families with several checkpoints: where they are in one folder."""


def family_in(source: str) -> str | None:
    """The family whose checkpoints are all in the folder `source`; None of anything else."""
    folder = Path(source).expanduser()
    return next((name for name, parts in LAYOUTS.items() if all((folder / part).is_dir() for part in parts)), None)


def is_single_name(text: str) -> bool:
    """Whether `text` names an encoder with one vector per text by itself, without a look at any checkpoint."""
    return text.partition(":")[0] in FAMILIES


_loading = threading.Lock()


def load_single(name: str) -> SingleVectorEncoder:
    """The encoder of this name; the last few are kept for the next call.

    Args:
        name: one of `FAMILIES`, with checkpoints or without; a folder with all checkpoints of one; or a model of
            sentence-transformers: its name on the Hugging Face Hub, or its folder.

    Raises:
        InputError: no such model, no network, packages are not installed, weights are missing or left over.
        ServerError: the server of a remote model is away or refuses.
    """
    if not is_single_name(name):
        family = family_in(name)
        if family is None:
            return load_encoder(name)
        name = f"{family}:{name}"
    with _loading:
        return _loaded(name)


@functools.lru_cache(maxsize=4)  # as many as are fused: a search would load each anew
@noted
def _loaded(name: str) -> SingleVectorEncoder:
    family, _, rest = name.partition(":")
    if family == OPENAI:
        from svrag.retrievers.dense.openai import connect

        return connect(rest)
    sources = checkpoints_in(name, rest, most=3 if family == SPECTER2 else 2)
    try:
        if family == DPR:
            from svrag.retrievers.dense import dpr

            return dpr.load(name, *sources)
        if family == SPECTER2:
            from svrag.retrievers.dense import specter2

            return specter2.load(name, *sources)
        from svrag.retrievers.dense import qwen

        return qwen.load(name, *(sources or (qwen.DEFAULT,)))
    except ModuleNotFoundError as error:
        raise InputError(f'{name} needs {error.name}: pip install "svrag[models]"') from None


def checkpoints_in(name: str, text: str, *, most: int) -> tuple[str, ...]:
    """The checkpoints that a name lists with + between them; a folder's own name may have the sign too.

    Raises:
        InputError: more than `most`, or one without a name.
    """
    if not text and ":" not in name:
        return ()
    found = (text,) if Path(text).expanduser().is_dir() else tuple(text.split("+"))
    if len(found) > most or not all(found):
        raise InputError(f"{name}: after the colon stand the names or folders of its checkpoints, + between them")
    return found
