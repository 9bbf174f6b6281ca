"""Settings: one dataclass, filled from defaults, then svrag.toml, then the environment, then the command line.

Knows nothing of what the settings are used for.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from svrag.errors import InputError

CONFIG_NAME = "svrag.toml"
ENVIRONMENT_PREFIX = "SVRAG_"
DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command may be told, here with its defaults.

    Attributes:
        library: folder of the library; None means `.svrag` in the current folder.
        retriever: names of retrievers, separated by commas; several are fused.
        encoder: the text encoder of the dense retriever: a name on the Hugging Face Hub or a folder.
        generator: who writes the answer: `quote` (no model) or a model; see `generation/select.py`.
        k: pieces of evidence an answer may rest on.
        workers: parsing processes; 0 means one per core.
        openai_base_url, openai_model, openai_api_key: the server for `--generator openai`.
        host, port: where `svrag serve` listens.
        trusted_proxies: addresses, commas between, of proxies before `svrag serve` that are believed who a request is from.
        upload_mb, document_pages: of what is added through the server, megabytes at once and pages of a document;
            0 is without limit, as it is for
        requests_per_minute: of one user, and not asked of who is alone on this machine.
    """

    library: str | None = None
    retriever: str = "lexical"
    encoder: str = DEFAULT_ENCODER
    generator: str = "quote"
    k: int = 5
    workers: int = 0
    openai_base_url: str | None = None
    openai_model: str | None = None
    openai_api_key: str | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    trusted_proxies: str = ""
    upload_mb: int = 500
    document_pages: int = 5000
    requests_per_minute: int = 600

    def library_folder(self) -> Path:
        return Path(self.library) if self.library else Path(".svrag")


_LIMITS = ("upload_mb", "document_pages", "requests_per_minute")
_TYPES: dict[str, type] = {"k": int, "workers": int, "port": int, **dict.fromkeys(_LIMITS, int)}
# Other programs use these names for the same thing; ours win.
_FALLBACKS = {"openai_base_url": "OPENAI_BASE_URL", "openai_api_key": "OPENAI_API_KEY"}


def load_settings(config: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from `config` (or svrag.toml in the current folder, if there) and the environment.

    Raises:
        InputError: the file is missing or broken, or holds an unknown key or a wrong type.
    """
    settings = Settings()
    path = config or Path(CONFIG_NAME)
    if config is not None or path.is_file():
        settings = replace(settings, **_from_file(path))  # type: ignore[arg-type]  # types were checked one by one
    values: dict[str, object] = {}
    for field in fields(Settings):
        name = ENVIRONMENT_PREFIX + field.name.upper()
        text = environment.get(name) or environment.get(_FALLBACKS.get(field.name, name))
        if text:
            values[field.name] = _converted(name, text, _TYPES.get(field.name, str))
    return checked(replace(settings, **values))  # type: ignore[arg-type]  # types were checked one by one


def checked(settings: Settings) -> Settings:
    """The same settings, or an InputError that names the one out of range."""
    if not 1 <= settings.k <= 1000:
        raise InputError(f"k must be between 1 and 1000, not {settings.k}")
    if settings.workers < 0:
        raise InputError(f"workers must be 0 (one per core) or more, not {settings.workers}")
    for name, limit in zip(
        _LIMITS, (settings.upload_mb, settings.document_pages, settings.requests_per_minute), strict=True
    ):
        if limit < 0:
            raise InputError(f"{name} must be 0 (no limit) or more, not {limit}")
    if not 0 <= settings.port <= 65535:
        raise InputError(f"port must be between 0 and 65535, not {settings.port}")
    return settings


def _from_file(path: Path) -> dict[str, object]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read settings from {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    known = {field.name for field in fields(Settings)}
    for key, value in table.items():
        if key not in known:
            raise InputError(f"{path}: unknown setting {key!r}; known are {', '.join(sorted(known))}")
        wanted = _TYPES.get(key, str)
        if type(value) is not wanted:
            raise InputError(f"{path}: {key} must be {_name(wanted)}, not {value!r}")
    return table


def _converted(name: str, text: str, wanted: type) -> object:
    try:
        return wanted(text)
    except ValueError:
        raise InputError(f"{name} must be {_name(wanted)}, not {text!r}") from None


def _name(wanted: type) -> str:
    return "a whole number" if wanted is int else "text"
