"""Gradio imported in half the time: without what it does at every import and this server has no use for.

Gradio 6.31 compares the stubs (.pyi) of all its components with their source, inside the installed package, and imports
the package `mcp` where that is there. Where a later Gradio does neither, nothing here has an effect.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType

_STUBS, _FUNCTION = "gradio.component_meta", "create_or_modify_pyi"
_UNUSED = "mcp"


def import_gradio() -> None:
    """Import Gradio, with its reports to its makers switched off.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read at the import
    if "gradio" in sys.modules:
        importlib.import_module("gradio")  # or the error of a module that is there in name only
        return
    with _without_unused(), _without_stubs():
        importlib.import_module("gradio")


@contextlib.contextmanager
def _without_unused() -> Iterator[None]:
    """For Gradio, there is no `mcp`; it can be imported afterwards."""
    if _UNUSED in sys.modules:
        yield
        return
    sys.modules[_UNUSED] = None  # type: ignore[assignment]  # which is how Python is told that there is none
    try:
        yield
    finally:
        del sys.modules[_UNUSED]


@contextlib.contextmanager
def _without_stubs() -> Iterator[None]:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Finds one module, where it is, and leaves one function of it without effect."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _STUBS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Quiet(spec.loader)
        return spec


class _Quiet(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if _FUNCTION in vars(module):
            setattr(module, _FUNCTION, lambda *_: None)
