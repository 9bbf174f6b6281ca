"""Which models this process has, is getting, or could not get: told by whoever loads them, read by whoever shows it.

How far a model is comes from the libraries that get it: what they would draw a bar for is counted. Knows no model.
"""

from __future__ import annotations

import functools
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from svrag.errors import SvragError

if TYPE_CHECKING:
    from torch import nn

State = Literal["unloaded", "downloading", "loading", "ready", "failed"]
_T = TypeVar("_T")
_UNDER_WAY = ("downloading", "loading")


@dataclass(frozen=True, slots=True)
class Network:
    """What a loaded model is: its weights' device and data type (of the first), how many numbers, in how many bytes."""

    device: str
    dtype: str
    parameters: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Load:
    """How it stands with a model.

    Attributes:
        done, total: bytes while it is downloaded, weights while it is loaded; `total` is 0 where nobody tells.
            It may grow while files are downloaded, since each tells its size when it begins.
        seconds: since it began, or that it took.
        network: of a model that is ready; None of one that runs elsewhere.
        error: why it failed, one line.
    """

    state: State = "unloaded"
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    network: Network | None = None
    error: str = ""

    @property
    def under_way(self) -> bool:
        return self.state in _UNDER_WAY


class _Entry:
    """A model's state. Told by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._load = Load()
        self._began = 0.0
        self._model: weakref.ref[object] | None = None  # who keeps it decides how long it is there
        self._networks: list[weakref.ref[nn.Module]] = []

    def now(self) -> Load:
        with self._lock:
            if self._load.state == "ready" and not self._is_there():
                self._load = Load()
            if self._load.under_way:
                return replace(self._load, seconds=time.perf_counter() - self._began)
            return self._load

    def tell(self, state: State, done: int = 0, total: int = 0) -> None:
        """Of a model that is there already nothing is told: it is looked at anew, not loaded."""
        with self._lock:
            if self._load.state == "ready" and self._is_there():
                return
            if not self._load.under_way:
                self._began = time.perf_counter()
                self._networks.clear()
            self._load = Load(state, done, total)

    def holds(self, network: nn.Module) -> None:
        self._networks.append(weakref.ref(network))

    def ready(self, model: object) -> None:
        network = _seen([there for ref in self._networks if (there := ref())])
        with self._lock:
            self._model = weakref.ref(model)
            self._load = Load("ready", seconds=time.perf_counter() - self._began, network=network)

    def failed(self, error: Exception) -> None:
        known = isinstance(error, SvragError)
        with self._lock:
            self._load = Load(
                "failed", error=str(error) if known else "svrag has a defect here: the log of the server says which"
            )

    def over(self) -> None:
        """What was begun is neither ready nor failed: files were downloaded, or the program ends."""
        with self._lock:
            if self._load.under_way:
                self._load = Load()

    def _is_there(self) -> bool:
        return self._model is not None and self._model() is not None


_entries: dict[str, _Entry] = {}
_current: ContextVar[_Entry | None] = ContextVar("svrag_loading", default=None)


def load_of(name: str) -> Load:
    """How it stands with the model of this name, as its loader calls it; of a folder any way to write it will do."""
    entry = _entries.get(_key(name))
    return entry.now() if entry else Load()


@contextmanager
def loading(name: str) -> Iterator[None]:
    """What is downloaded and read within is for the model of this name, and so is what goes wrong.

    Within another one, for that: a base model is part of what stands on it.
    """
    if _current.get() is not None:
        yield
        return
    entry = _entries.setdefault(_key(name), _Entry())
    token = _current.set(entry)
    try:
        yield
    except Exception as error:
        entry.failed(error)
        raise
    finally:
        _current.reset(token)
        entry.over()


def noted(load: Callable[[str], _T], kind: str = "") -> Callable[[str], _T]:
    """`load`, which loads the model of a name, and whoever calls it makes known how it stands with the model.

    Args:
        kind: stands before the name where the same name may mean two models.
    """

    @functools.wraps(load)
    def noting(name: str) -> _T:
        with loading(kind + name):
            entry = _entries.setdefault(_key(kind + name), _Entry())
            entry.tell("loading")
            model = load(name)
            entry.ready(model)
            return model

    return noting


def holds(network: nn.Module) -> None:
    """`network` is part of the model that is being loaded."""
    if entry := _current.get():
        entry.holds(network)


def counted(weights: Collection[_T]) -> Iterator[_T]:
    """Each of `weights`, which are read one by one as they are taken."""
    entry = _current.get()
    for done, one in enumerate(weights, start=1):
        yield one
        if entry:
            entry.tell("loading", done, len(weights))


@functools.cache
def hear_transformers() -> None:
    """Count the weights that transformers reads, whether or not it draws bars."""
    from transformers.utils import logging

    def hook(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _current.get() is not None and args and isinstance(args[0], Sized):
            args, kwargs = (counted(args[0]), *args[1:]), {"total": len(args[0]), **kwargs}  # type: ignore[arg-type]
        return before(factory, args, kwargs) if before else factory(*args, **kwargs)

    before = logging.set_tqdm_hook(hook)


@functools.cache
def download_bars() -> type[Any]:
    """The bars of huggingface_hub, drawn or not as ever, for its `tqdm_class`; they tell how many bytes have come.

    A download has several: bytes from the network (fewer, where it is compressed), bytes written, files. Those written
    count.
    """
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
            written = kwargs.get("unit") == "B" and not str(kwargs.get("name")).endswith(".transfer")
            self._entry = _current.get() if written else None
            self._come = int(kwargs.get("initial") or 0)  # a bar that is not drawn does not count

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            self._come += int(n or 0)
            if self._entry:
                self._entry.tell("downloading", self._come, int(self.total or 0))
            return drawn

    return Bar


def _seen(networks: Sequence[nn.Module]) -> Network | None:
    weights = {id(one): one for network in networks for one in network.parameters()}  # two may share some
    if not weights:
        return None
    first = next(iter(weights.values()))
    return Network(
        str(first.device),
        str(first.dtype).removeprefix("torch."),
        sum(one.numel() for one in weights.values()),
        sum(one.numel() * one.element_size() for one in weights.values()),
    )


def _key(name: str) -> str:
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name
