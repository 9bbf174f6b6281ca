"""What stands in a table for a document, made into what a model reads: a text, a picture, or an id of a corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.retrievers.multivector.stored_pictures import PictureBytes, PictureFile
from svrag.training.batch import Item
from svrag.training.config import FileData
from svrag.training.data.tables import NOTHING, open_table

_PICTURE_NAMES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


class Documents:
    """Reads values of the documents' columns.

    Raises:
        InputError: the corpus cannot be read, lacks a column, or has an id twice.
    """

    def __init__(self, data: FileData) -> None:
        self._data, self._corpus = data, data.corpus
        self._folder = folder_of(data)
        self._rows: dict[Any, int] | None = None
        if data.corpus is None:
            return
        corpus = data.corpus
        self._table = open_table(corpus.path, corpus.split)
        check_columns(self._table.columns, [corpus.document, *([corpus.id] if corpus.id else [])], corpus.path)
        if corpus.id:
            ids = self._table.values(corpus.id)
            self._rows = {id: row for row, id in enumerate(ids)}
            if len(self._rows) < len(ids):
                raise InputError(f"{corpus.path}: an id stands twice in column {corpus.id}")

    def items(self, value: object, where: str) -> list[Item]:
        """Of one value or a list of several; what is empty is left out.

        Args:
            where: the value stands, for errors.

        Raises:
            InputError: it is nothing that can be a document.
        """
        values = value if isinstance(value, list | tuple) else [value]
        return [self._item(one, where) for one in values if one not in NOTHING]

    def _item(self, value: object, where: str) -> Item:
        if self._corpus is None:
            return self._document(value, where)
        number: object = value
        if self._rows is not None:
            number = self._rows.get(value) if isinstance(value, str | int) else None
        if not isinstance(number, int) or not 0 <= number < len(self._table):
            raise InputError(f"{where}: {self._corpus.path} has no document {value!r}")
        found = self._table.row(number, [self._corpus.document])[self._corpus.document]
        return self._document(found, f"{self._corpus.path}, row {number}")

    def _document(self, value: object, where: str) -> Item:
        if isinstance(value, str):
            return (
                Item(picture=PictureFile(picture_path(value, self._folder, where)))
                if self._data.pictures
                else Item(text=value)
            )
        if isinstance(value, bytes):
            return Item(picture=PictureBytes(value, where))
        if isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes):
            return Item(picture=PictureBytes(value["bytes"], where))
        if isinstance(value, Mapping) and isinstance(value.get("path"), str):
            return Item(picture=PictureFile(picture_path(value["path"], self._folder, where)))
        raise InputError(
            f"{where}: a document must be a text, the path of a picture or a picture, not {_shown(value)}"
        )

    def check_strings(self, values: Sequence[object], where: str) -> None:
        """That the names of pictures are not about to be read as texts: a model would learn nothing from them.

        Raises:
            InputError: they are.
        """
        strings = [one for value in values for one in (value if isinstance(value, list) else [value])]
        names = [one for one in strings if isinstance(one, str) and one.lower().endswith(_PICTURE_NAMES)]
        if not self._data.pictures and self._corpus is None and names and len(names) == len(strings):
            raise InputError(f"{where}: {names[0][:100]} looks like the path of a picture: set pictures: true")


def folder_of(data: FileData) -> Path:
    """That paths of pictures start from."""
    return data.folder or (data.path if data.path.is_dir() else data.path.parent)


def picture_path(text: str, folder: Path, where: str) -> Path:
    """
    Args:
        where: the path stands, for the error.

    Raises:
        InputError: it is an address.
    """
    if "://" in text:
        raise InputError(f"{where}: {text[:100]} is an address: download the pictures and name their paths")
    return folder / text


def check_columns(there: Sequence[str], wanted: Sequence[str], path: Path) -> None:
    """
    Raises:
        InputError: a column is not there; names those that are.
    """
    for name in wanted:
        if name not in there:
            raise InputError(f"{path} has no column {name}; it has {', '.join(there)}: name the right one")


def _shown(value: object) -> str:
    return type(value).__name__ if isinstance(value, Mapping | list) else repr(value)[:60]
