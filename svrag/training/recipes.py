"""From the name of a recipe to the recipe: files found and merged, overrides applied; and the recipe of a run kept.

A recipe may build on another (`extends: FILE`), and be one row of a table of experiments (`rows: FILE`, `row: NAME`)
whose rows say only what they change. What the keys are: svrag.training.config; what a mistake reads like:
svrag.training.mistakes.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Hashable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from svrag import __version__
from svrag.errors import InputError
from svrag.training.config import FileData, GraphFiles, Recipe, TrainingData
from svrag.training.mistakes import explained

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
_INSTALLED = Path(sys.prefix) / "share" / "svrag" / "configs"  # where a wheel puts them
# The names of SV-RAG's own files.
_ALIASES = {
    "train_colInternVL2_4b_model.yaml": "colinternvl2_4b.yaml",
    "train_colphi_model.yaml": "colphi3v.yaml",
}
_TABLE = "_rows.yaml"  # such files are tables of rows, no recipes
_PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "colpali-engine",
    "sentence-transformers",
    "datasets",
    "pyarrow",
    "pydantic",
    "numpy",
)


def load_recipe(path: Path, overrides: Sequence[str] = (), row: str | None = None) -> Recipe:
    """The recipe in a file, or of a name in configs/.

    Args:
        overrides: "key=value" with dotted keys and values in YAML; later ones win.
        row: of the recipe's table, instead of the one that the file names.

    Raises:
        InputError: no such file, no valid YAML, an unknown key, a wrong value, parts that do not fit: one line with
            the path of the key.
    """
    file = find_recipe(path)
    raw = _extended(file, ())
    if raw and not raw.keys() & {*Recipe.model_fields, "rows"}:
        raise InputError(f"{file} has no part of a recipe; if it is a table of rows: svrag train RECIPE --row NAME")
    changes = [_override(text) for text in overrides]
    for keys, value in changes:
        if keys == ("row",):
            row = str(value)
    raw = _with_row(raw, row, file)
    for keys, value in changes:
        if keys != ("row",):
            raw = merged(raw, _nested(keys, value))
    raw = _in_own_folder(raw)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{file}: {explained(error, raw)}") from None


def find_recipe(path: Path) -> Path:
    """The file that `path` is, or that is in configs/ under this name, with or without .yaml.

    Raises:
        InputError: there is none; names those there are.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a recipe, a YAML file")
    folder = _configs()
    if path.parent == Path() or path.parent.name == "configs":
        name = _ALIASES.get(path.name, path.name)
        for file in (folder / name, folder / f"{name}.yaml"):
            if file.is_file():
                return file
    raise InputError(f"no recipe {path}: there is no such file, and configs has {', '.join(names())}")


def names() -> list[str]:
    """The recipes in configs/."""
    return sorted(file.stem for file in _configs().glob("*.yaml") if not file.name.endswith(_TABLE))


def rows_of(path: Path) -> list[str]:
    """Names of the rows of a recipe's table; none where it has no table.

    Raises:
        InputError: as for `load_recipe`.
    """
    raw = _extended(find_recipe(path), ())
    return list(_table(Path(raw["rows"]))) if "rows" in raw else []


def check_files(recipe: Recipe, file: Path | None = None) -> None:
    """That what the recipe's data name is there, before anything that takes long.

    Args:
        file: where the recipe is; the first lines of those in configs/ tell where their data are to be had.

    Raises:
        InputError: the first that is not, with the path of its key.
    """
    for key, data in (("data.train", recipe.data.train), ("data.held_out", recipe.data.held_out)):
        if data is not None:
            for name, path in _paths(data):
                if not path.exists():
                    make = "svrag add PATH... makes a library, " if name == "library" else ""
                    if file and file.parent == _configs():
                        make += f"the first lines of {file} say how to get the data, "
                    raise InputError(f"{key}.{name}: there is no {path}; {make}--set {key}.{name}=PATH names another")


def save_resolved(recipe: Recipe, folder: Path, data_hash: str) -> None:
    """Writes recipe.yaml, which loads again to the same recipe, and made_with.json: versions and the data's hash.

    Raises:
        InputError: the folder cannot be written.
    """
    versions = {"svrag": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    texts = {
        "recipe.yaml": dumped(recipe),
        "made_with.json": json.dumps({"versions": versions, "data": data_hash}, indent=1) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            written = folder / f".{name}"
            written.write_text(text, encoding="utf-8")
            os.replace(written, folder / name)
    except OSError as error:
        raise InputError(f"output.folder: cannot write to {folder}: {error.strerror}") from None


def dumped(recipe: Recipe) -> str:
    """All of it as YAML, defaults too."""
    text: str = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, part by part; a part of another `kind` takes the place of the whole part."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and value.get("kind") in (None, old.get("kind")):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


# Files --------------------------------------------------------------------------------------------------------------


def _configs() -> Path:
    return CONFIGS if CONFIGS.is_dir() else _INSTALLED


def _extended(file: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """What a file says, over what the file says that it extends. The path of a table is made whole."""
    resolved = file.resolve()
    if resolved in seen:
        raise InputError(f"{file} extends itself: {' -> '.join(path.name for path in (*seen, resolved))}")
    raw = _mapping(file)
    if "rows" in raw:
        raw["rows"] = str(file.parent / _text(raw["rows"], "rows", file))
    if "extends" not in raw:
        return raw
    said = Path(_text(raw.pop("extends"), "extends", file))
    beside = file.parent / said
    base = beside if beside.is_file() else find_recipe(said)
    return merged(_extended(base, (*seen, resolved)), raw)


def _with_row(raw: dict[str, Any], row: str | None, file: Path) -> dict[str, Any]:
    """What a table's row changes, put over the rest. Without a table the name of a row is only kept."""
    raw = dict(raw)
    table = raw.pop("rows", None)
    if table is None:
        if row is not None:
            raise InputError(f"{file} has no rows to choose from: leave the row out")
        return raw
    chosen = row if row is not None else raw.get("row")
    if chosen is None:
        return raw
    rows = _table(Path(table))
    if chosen not in rows:
        raise InputError(f"{table} has no row {chosen}; it has {', '.join(rows)}")
    return merged(raw, {**rows[chosen], "row": chosen})


def _table(file: Path) -> dict[str, dict[str, Any]]:
    rows = _mapping(file)
    for name, row in rows.items():
        if not isinstance(row, dict):
            raise InputError(f"{file}: row {name} must be keys and values; {{}} changes nothing")
    return rows


def _in_own_folder(raw: dict[str, Any]) -> dict[str, Any]:
    """{row} in the run's folder becomes the row's name: rows do not write over each other."""
    output = raw.get("output")
    folder = output.get("folder") if isinstance(output, dict) else None
    if not isinstance(folder, str) or "{row}" not in folder:
        return raw
    return merged(raw, {"output": {"folder": folder.replace("{row}", str(raw.get("row") or "no_row"))}})


def _mapping(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is no text in UTF-8, so no YAML") from None
    value = parsed(text, str(file))
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{file} must hold keys and values, `model:` and so on")
    return value


def _text(value: object, key: str, file: Path) -> str:
    if not isinstance(value, str):
        raise InputError(f"{file}: {key} must be the name of a file, not {value!r}")
    return value


def _paths(data: TrainingData) -> list[tuple[str, Path]]:
    """What must be there, by its key."""
    if isinstance(data, FileData):
        found = [("path", data.path), ("folder", data.folder)]
        if data.corpus:
            found.append(("corpus.path", data.corpus.path))
    elif isinstance(data, GraphFiles):
        found = [("graphs", data.graphs), ("elements", data.elements)]
        found += [("questions", data.questions), ("pictures", data.pictures)]
    else:
        found = [("library", data.library), ("questions", data.questions)]
    return [(key, path) for key, path in found if path is not None]


# YAML ---------------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # the package has no types
    """Safe YAML in which 5e-5 is a number, and the same key twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = []
        for at, _ in node.value:
            key = self.construct_object(at, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key} is there twice", problem_mark=at.start_mark)
            seen.append(key)
        made: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return made


# YAML 1.1, which PyYAML reads, takes 5e-5 for text: its numbers have a point.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"), list("-+0123456789")
)


def parsed(text: str, where: str) -> Any:
    """A value in YAML.

    Args:
        where: it stands, for the error.

    Raises:
        InputError: it is no valid YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{where}{line}: not valid YAML ({error.problem})") from None
    except (yaml.YAMLError, TypeError, ValueError) as error:  # special characters; keys that are lists
        raise InputError(f"{where}: not valid YAML ({str(error).splitlines()[0]})") from None


def _override(text: str) -> tuple[tuple[str, ...], Any]:
    key, sign, value = text.partition("=")
    keys = tuple(key.strip().split("."))
    if not sign or not all(keys):
        raise InputError(f"--set {text}: write --set key=value, for example --set optimisation.steps=100")
    if keys[0] in ("extends", "rows"):
        raise InputError(f"--set {text}: {keys[0]} is for files; --row NAME chooses a row")
    return keys, parsed(value, f"--set {text}")


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)
