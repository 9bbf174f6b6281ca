"""A text encoder by name or path, through sentence-transformers: texts into vectors.

Everything is computed in float32, so that a text's vector does not depend on what it is batched with. Weights that are
missing from a checkpoint, or that its architecture has no place for, are an error: transformers only warns and goes on
with random ones. Knows nothing of documents.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from svrag.errors import InputError
from svrag.retrievers.dense.single import Progress, silent
from svrag.retrievers.dense.windows import windows_of
from svrag.retrievers.loads import holds, noted
from svrag.retrievers.multivector.checkpoint import quiet
from svrag.retrievers.multivector.hub import download
from svrag.settings import DEFAULT_ENCODER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.model import BaseModel
    from sentence_transformers.base.modules import Transformer

_Model = TypeVar("_Model", bound="BaseModel")
_BATCH = 32
_HUB_NAME = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
_SAMPLE = 256  # values of each weight that the fingerprint reads
# Missing or left over, the pooler of BERT and its like changes nothing: sentence encoders pool by themselves.
_UNUSED = re.compile(r"(?:^|\.)pooler\.")


class TextEncoder:
    """A loaded encoder; get one with `load_encoder`. Fulfils `SingleVectorEncoder`.

    Attributes:
        name: as it was asked for.
        fingerprint: of its weights, modules and prompts: vectors of equal fingerprints can be compared.
        dimension: of its vectors.
        cosine: whether they have length 1: all but those of models that say they are compared by dot products.
    """

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        from sentence_transformers.sentence_transformer.modules import Normalize

        self.name = name
        self._model = model
        # As it was trained; vectors that a last module divides by their lengths are cosines by any name.
        self.cosine = model.similarity_fn_name != "dot" or isinstance(model[-1], Normalize)
        self._lock = threading.Lock()  # fast tokenizers cannot be used by two threads at once
        self.fingerprint = fingerprint_of(model)
        self.dimension = model.get_embedding_dimension() or 0
        longest = float(model.max_seq_length or math.inf)
        prompt = model.prompts.get("document") or ""
        self._windows = windows_of(name, model.tokenizer, longest, prompt=prompt)

    def questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), dimension), each row of length 1 if `cosine`, with the encoder's prompt for questions."""
        return self._encoded(texts, self._model.encode_query, silent)

    def passages(self, texts: Sequence[str], on_progress: Progress = silent) -> NDArray[np.float32]:
        """(len(texts), dimension), each row of length 1 if `cosine`, with the encoder's prompt for documents.

        Args:
            on_progress: told how many texts are done, and how many there are.
        """
        return self._encoded(texts, self._model.encode_document, on_progress)

    def windows(self, text: str, context: str = "") -> list[str]:
        """`text` in pieces that fit the encoder, each after `context`; neighbours overlap a little. None without words.

        Pieces begin and end between words where there is white space to go by.
        """
        return self._windows.cut(text, context)

    def _encoded(
        self,
        texts: Sequence[str],
        encode: Callable[..., NDArray[np.float32]],
        on_progress: Progress,
    ) -> NDArray[np.float32]:
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        # Texts of similar length together: little is computed for padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            with self._lock:
                vectors[some] = encode(
                    [texts[i] for i in some],
                    batch_size=_BATCH,
                    normalize_embeddings=self.cosine,
                    show_progress_bar=False,
                )
            on_progress(start + len(some), len(order))
        return vectors


_loading = threading.Lock()


def load_encoder(name: str = DEFAULT_ENCODER) -> TextEncoder:
    """The encoder of this name on the Hugging Face Hub or in this folder; the last two are kept for the next call.

    One that is on this machine already is used without asking the network.

    Raises:
        InputError: sentence-transformers is not installed, there is no such encoder or no network, weights are missing
            or left over.
    """
    with _loading:
        return _loaded(name)


@functools.lru_cache(maxsize=2)
@noted
def _loaded(name: str) -> TextEncoder:
    try:
        from sentence_transformers import SentenceTransformer
    except ModuleNotFoundError as error:
        raise InputError(f'dense retrieval needs {error.name}: pip install "svrag[dense]"') from None
    return TextEncoder(name, read_model(name, SentenceTransformer))


def read_model(name: str, model_class: type[_Model]) -> _Model:
    """A model of sentence-transformers in float32, on the GPU if there is one; its weights are all there.

    Args:
        name: on the Hugging Face Hub, or a folder.

    Raises:
        InputError: there is no such model or no network, weights are missing or left over.
    """
    import torch

    folder = Path(name).expanduser()
    if folder.is_dir():
        source = str(folder)
    elif not _HUB_NAME.fullmatch(name):
        raise InputError(f"no encoder in {name}: there is no such folder")
    elif _is_cached(name):
        source = name
    else:
        source = str(download(name, kind="encoder", instead="a folder with --encoder DIR"))
    with quiet():
        try:
            model = model_class(
                source,
                device="cuda" if torch.cuda.is_available() else "cpu",
                local_files_only=True,
                model_kwargs={"dtype": torch.float32},
            )
            holds(model)
            _check_weights(name, source, model)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            said = next(iter(str(error).splitlines()), type(error).__name__)
            raise InputError(f"cannot load the encoder {name}: {said[:200]}") from error
    return model


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return any(isinstance(try_to_load_from_cache(name, file), str) for file in ("modules.json", "config.json"))


def _check_weights(name: str, source: str, model: BaseModel) -> None:
    """Compare what the checkpoint holds with what the architecture has, by their names.

    Reading onto the "meta" device reads the names only. Modules that are not transformers check themselves.
    """
    for subfolder, module in _transformers(source, model):
        network = module.auto_model
        report: Mapping[str, Iterable[str]]
        _, report = type(network).from_pretrained(  # type: ignore[misc]  # a pair, when the report is asked for
            source,
            config=network.config,
            subfolder=subfolder,
            local_files_only=True,
            device_map="meta",
            output_loading_info=True,
        )
        for what in ("missing", "unexpected"):
            keys = sorted(key for key in report[f"{what}_keys"] if not _UNUSED.search(key))
            if keys:
                more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
                raise InputError(
                    f"the weights of {name} do not fit its architecture: {what} {', '.join(keys[:3])}{more}; "
                    "get the checkpoint again, or the version of transformers that it was made with"
                )


def _transformers(source: str, model: BaseModel) -> Iterator[tuple[str, Transformer]]:
    """The transformers in a model with the folder of each, those behind a router (one way for questions) too."""
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.util import load_file_path

    listing = load_file_path(source, "modules.json", local_files_only=True)
    folders = [entry["path"] for entry in json.loads(Path(listing).read_text("utf-8"))] if listing else [""]
    for folder, module in zip(folders, model, strict=False):  # a bare transformer gets its pooling besides
        if isinstance(module, Transformer):
            yield folder, module
        elif isinstance(module, Router):
            routes = load_file_path(source, "router_config.json", subfolder=folder, local_files_only=True)
            structure = json.loads(Path(str(routes)).read_text("utf-8"))["structure"]
            for route, names in structure.items():
                for name, below in zip(names, module.sub_modules[route].children(), strict=True):
                    if isinstance(below, Transformer):
                        yield str(Path(folder) / name), below


def fingerprint_of(model: BaseModel, more: object = None) -> str:
    """16 hex digits of what decides its vectors: some of every weight, the modules, the prompts, `more` settings."""
    said = f"{model}{sorted(model.prompts.items())}{model.max_seq_length}{'' if more is None else more}"
    digest = hashlib.sha256(said.encode())
    for key, weight in sorted(model.state_dict().items()):
        values = weight.detach().flatten()
        some = values[:: max(1, len(values) // _SAMPLE)].float().cpu().numpy()
        digest.update(f"{key} {tuple(weight.shape)} ".encode() + some.tobytes())
    return digest.hexdigest()[:16]
