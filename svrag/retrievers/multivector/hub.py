"""Where a checkpoint is: a name on the Hugging Face Hub, or a folder, into a folder with its files.

What is on this machine is used without asking the network. Reads no weights and decides nothing about models.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.retrievers.loads import download_bars, loading

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_OLDER_WEIGHTS = "pytorch_model*.bin"  # read only where there are no others
# Weights in other formats than safetensors, and what other programs run: never read here, and often as large again.
# Heads of older text models are in folders of their own as pytorch_model.bin; these are read.
_NOT_NEEDED = [
    _OLDER_WEIGHTS,
    "consolidated*",
    "*.pt",
    "*.pth",
    "*.h5",
    "*.msgpack",
    "*.onnx*",
    "*.gguf",
    "*.ot",
    "*.tflite",
    "onnx/*",
    "openvino/*",
]


_FOLDER = "a folder that holds it"  # what to name instead of a model that cannot be had


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files of a model on this machine.

    Attributes:
        name: as it was asked for.
        folder: where its files are.
        revision: the commit on the Hub; "" of one in a folder.
    """

    name: str
    folder: Path
    revision: str

    def read(self, file: str) -> dict[str, Any]:
        """A JSON object of the checkpoint; empty when there is no such file.

        Raises:
            InputError: it is broken.
        """
        value = self._json(file, {})
        if not isinstance(value, dict):
            raise InputError(f"{self.folder / file} does not hold a model's settings: get the checkpoint again")
        return value

    def read_list(self, file: str) -> list[dict[str, Any]]:
        """A JSON list of objects of the checkpoint; empty when there is no such file.

        Raises:
            InputError: it is broken.
        """
        value = self._json(file, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise InputError(f"{self.folder / file} does not hold a model's parts: get the checkpoint again")
        return value

    def _json(self, file: str, missing: object) -> object:
        path = self.folder / file
        if not path.is_file():
            return missing
        try:
            return json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error}): get the checkpoint again") from None


def is_hub_name(text: str) -> bool:
    """Whether `text` is written as names on the Hub are, "owner/model"."""
    return bool(_NAME.fullmatch(text))


def locate(name: str, revision: str | None = None) -> Checkpoint:
    """The checkpoint of this name; downloaded when it is not on this machine.

    Args:
        revision: a commit, branch or tag of the Hub; the default branch without it.

    Raises:
        InputError: there is no such folder or name, no network, or huggingface_hub is not installed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Checkpoint(name, folder, "")
    if not is_hub_name(name):
        raise InputError(
            f"no model in {name}: there is no such folder, and names on the Hugging Face Hub have one slash"
        )
    try:
        stored = _stored(name, revision) or download(name, revision)
    except ModuleNotFoundError as error:
        raise InputError(f'models need {error.name}: pip install "svrag[models]"') from None
    return Checkpoint(name, stored, stored.name)


def download(name: str, revision: str | None = None, *, kind: str = "model", instead: str = _FOLDER) -> Path:
    """The folder of a model's snapshot, without what is not read here; the rest of one that was broken off.

    Args:
        kind, instead: how an error calls it, and what to name where there is no network.

    Raises:
        InputError: no such model, no network.
    """
    from huggingface_hub import snapshot_download

    with loading(name):
        safe = _check_on_hub(name, kind, instead)
        ignored = [pattern for pattern in _NOT_NEEDED if safe or pattern != _OLDER_WEIGHTS]
        try:
            bars = download_bars()
            return Path(snapshot_download(name, revision=revision, ignore_patterns=ignored, tqdm_class=bars))
        except Exception as error:  # what its client raises depends on the HTTP library of the day
            said = next(iter(str(error).splitlines()), type(error).__name__)
            raise InputError(f"cannot download {name}: {said[:200]}; call again to go on with it") from error


def file_of(name: str, file: str) -> tuple[Path, str] | None:
    """One file of a folder or of a repository on the Hub, and the commit; downloaded when it is not on this machine.

    None where there is no such file.

    Raises:
        InputError: there is no such folder or repository, or no network.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return (folder / file, "") if (folder / file).is_file() else None
    if not is_hub_name(name):
        raise InputError(f"no folder {name}, and names on the Hugging Face Hub have one slash")
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError

    found = try_to_load_from_cache(name, file)
    if not isinstance(found, str):
        _check_on_hub(name)
        try:
            found = hf_hub_download(name, file, tqdm_class=download_bars())
        except EntryNotFoundError:
            return None
        except Exception as error:  # as above
            said = next(iter(str(error).splitlines()), type(error).__name__)
            raise InputError(f"cannot download {file} of {name}: {said[:200]}; call again to go on with it") from error
    # snapshots/<commit>/<file>
    return Path(found), Path(found).parents[file.count("/")].name


def base_of(adapter: Checkpoint) -> Checkpoint:
    """The checkpoint that a folder of LoRA weights belongs to.

    Raises:
        InputError: the adapter names none, or it cannot be had.
    """
    settings = adapter.read("adapter_config.json")
    name = settings.get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise InputError(f"{adapter.name} is an adapter that does not name its base model in adapter_config.json")
    try:
        return locate(name, settings.get("revision"))
    except InputError as error:
        raise InputError(f"the base model of the adapter {adapter.name}: {error}") from error


def _stored(name: str, revision: str | None) -> Path | None:
    """The snapshot on this machine, if its weights are all there: a download may have been broken off."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("adapter_config.json", "modules.json", "config.json"):
        found = try_to_load_from_cache(name, file, revision=revision)
        if isinstance(found, str):
            folder = Path(found).parent
            return folder if _has_weights(folder) else None
    return None


def _has_weights(folder: Path) -> bool:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        return all((folder / shard).exists() for shard in shards)
    return any(folder.glob("*.safetensors")) or any(folder.glob("pytorch_*.bin"))


def _check_on_hub(name: str, kind: str = "model", instead: str = _FOLDER) -> bool:
    """One short question to the Hub before the many, each tried for a minute, of a download.

    Returns:
        whether there are weights as safetensors.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        files = HfApi().model_info(name, timeout=10).siblings or []
        return any(file.rfilename.endswith(".safetensors") for file in files)
    except HfHubHTTPError:
        raise InputError(f"no {kind} {name!r} on the Hugging Face Hub, or it is not public: check the name") from None
    except Exception:  # as above
        raise InputError(
            f"the {kind} {name} is not on this machine and the Hugging Face Hub cannot be reached: "
            f"name {instead}, or try again with a network"
        ) from None
