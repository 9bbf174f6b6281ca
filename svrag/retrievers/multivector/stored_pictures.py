"""Pictures that wait to be read: files, bytes in a table, or images in memory. Each is decoded when it is asked for."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image

from svrag.errors import InputError
from svrag.retrievers.multivector.pictures import readable

_MOST_PIXELS = 100_000_000
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


@dataclass(frozen=True)
class PictureFile:
    """A picture in a file."""

    path: Path

    def open(self) -> Image.Image:
        """In RGB, on white where it is transparent.

        Raises:
            InputError: there is no such file, or it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the picture {self.path}: {error.strerror}") from None
        return _decoded(data, str(self.path))

    @property
    def key(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class PictureBytes:
    """A picture that a table holds, in PNG, JPEG or the like.

    Attributes:
        what: it is, for errors.
    """

    data: bytes = field(repr=False)
    what: str = field(compare=False)

    def open(self) -> Image.Image:
        """In RGB, on white where it is transparent.

        Raises:
            InputError: it cannot be read.
        """
        return _decoded(self.data, self.what)

    @cached_property
    def key(self) -> str:
        """Of the content: the same page with another question is the same document."""
        return hashlib.blake2b(self.data, digest_size=16).hexdigest()


@dataclass(frozen=True, eq=False)
class PictureImage:
    """A picture that is in memory already."""

    image: Image.Image

    def open(self) -> Image.Image:
        """In RGB, on white where it is transparent."""
        return readable(self.image)

    @cached_property
    def key(self) -> str:
        digest = hashlib.blake2b(f"{self.image.mode} {self.image.size}".encode(), digest_size=16)
        digest.update(self.image.tobytes())
        return digest.hexdigest()


def _decoded(data: bytes, what: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is another
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise InputError(f"{what} has {image.width} x {image.height} pixels: scale it down")
                image.load()  # here: what is handed out no longer needs the bytes
                return readable(image)
    except InputError:
        raise
    except Exception:  # Pillow's decoders raise whatever a broken file leads them to
        raise InputError(f"{what} is no picture that can be read: make it anew, or take its row out") from None
