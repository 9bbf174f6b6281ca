"""Pictures as the pages of a PDF, for benchmarks that hand out pages as pictures.

The bytes depend on the pictures alone, so that a library knows the document again.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from svrag.errors import InputError

_POINTS_PER_PIXEL = 72 / 150  # as for a picture that is added by itself and does not say how fine it is
_MAX_POINTS = 1_500.0


def page_size(picture: Path) -> tuple[float, float]:
    """Width and height in points of the page that `picture` becomes; only the head of the file is read.

    Raises:
        InputError: not a picture.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(picture) as image:
                width, height = image.size
    except OSError as error:
        raise InputError(
            f"{picture} is not a picture that can be read ({error.strerror or 'unknown format'})"
        ) from None
    scale = min(_POINTS_PER_PIXEL, _MAX_POINTS / max(width, height))
    return width * scale, height * scale


def pdf_of(pictures: Sequence[Path]) -> bytes:
    """A PDF with one page for each picture, in their order; at least one.

    Raises:
        InputError: a file is not a picture.
    """
    import pymupdf

    with pymupdf.open() as document:
        for picture in pictures:
            width, height = page_size(picture)
            page = document.new_page(width=width, height=height)
            try:
                page.insert_image(page.rect, filename=str(picture), keep_proportion=False)
            except (RuntimeError, ValueError) as error:
                raise InputError(f"{picture} is not a picture that can be read ({error})") from None
        pdf: bytes = document.tobytes(no_new_id=True)
    return pdf
