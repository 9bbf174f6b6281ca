"""Opening a file as pages: PDFs as they are, images as a PDF with one page a frame. For workers and for drawing.

An image becomes a page of a size that depends on nothing but the image, so that boxes found once can be drawn later.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path

import pymupdf
from PIL import Image, ImageOps, ImageSequence

from svrag.documents.files import IMAGE_SUFFIXES
from svrag.errors import InputError

MAX_PIXELS = 200_000_000
_MAX_SIDE = 5_000  # pixels kept of a larger image: 600 dpi on A4
_MAX_POINTS = 1_500.0
_DEFAULT_DPI = 150.0

_HEAD = 8_192
_PDF = re.compile(rb"%PDF|\b\d+ \d+ obj\b")  # the mark, or where it is missing or late an object
_ZIP = b"PK\x03\x04"  # what lies in one unpacked could be taken for a PDF

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


def open_pages(path: Path, password: str | None = None) -> pymupdf.Document:
    """The file as a PDF document of at least one page. The caller closes it.

    Raises:
        InputError: no such file, not a PDF or image, broken, encrypted, without pages, too large an image.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if not head:
        raise InputError(f"{path} is empty")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _open_image(path)
    if head.startswith(_ZIP) or not _PDF.search(head):
        raise InputError(f"{path} is not a PDF, whatever its name says")
    try:
        document = pymupdf.open(path, filetype="pdf")
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} is broken and could not be repaired ({_first_line(error)})") from None
    try:
        _check(document, path, password)
    except InputError:
        document.close()
        raise
    return document


def decrypted(path: Path, password: str) -> bytes | None:
    """The bytes of an encrypted PDF without its encryption; None when it is not encrypted.

    Raises:
        InputError: as `open_pages`.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return None
    with open_pages(path, password) as document:
        if not document.metadata or not document.metadata.get("encryption"):
            return None
        plain: bytes = document.tobytes(encryption=pymupdf.mupdf.PDF_ENCRYPT_NONE)
        return plain


def _check(document: pymupdf.Document, path: Path, password: str | None) -> None:
    if not document.is_pdf:
        raise InputError(f"{path} is not a PDF, whatever its name says")
    if document.needs_pass:
        if password is None:
            raise InputError(f"{path} is encrypted: give its password with --password")
        if not document.authenticate(password):
            raise InputError(f"{path} is encrypted and the password is wrong")
    try:
        pages = document.page_count
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path} is broken and could not be repaired ({_first_line(error)})") from None
    if pages == 0:
        raise InputError(f"{path} has no pages that can be read: it is empty, cut off or broken")


def _open_image(path: Path) -> pymupdf.Document:
    document = pymupdf.open()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG", "TIFF")) as image:
                for frame in ImageSequence.Iterator(image):
                    _add_page(document, frame, path)
    except InputError:
        document.close()
        raise
    except Image.DecompressionBombError:
        document.close()
        raise InputError(f"{path} has more than {MAX_PIXELS // 1_000_000} million pixels: scale it down") from None
    except (OSError, SyntaxError, ValueError) as error:
        document.close()
        raise InputError(f"{path} is not an image that can be read ({_first_line(error)})") from None
    return document


def _add_page(document: pymupdf.Document, frame: Image.Image, path: Path) -> None:
    if frame.width * frame.height > MAX_PIXELS:
        millions = frame.width * frame.height // 1_000_000
        raise InputError(f"{path} has {millions} million pixels; the most is {MAX_PIXELS // 1_000_000}: scale it down")
    dpi = float(frame.info.get("dpi", (0, 0))[0] or 0)
    frame.draft("RGB", (_MAX_SIDE, _MAX_SIDE))  # JPEG: decode at a smaller scale at once
    picture = ImageOps.exif_transpose(frame)
    if dpi < 50:
        dpi = _DEFAULT_DPI
    points = min(_MAX_POINTS / max(picture.size), 72.0 / dpi)
    width, height = (max(8.0, side * points) for side in picture.size)
    picture.thumbnail((_MAX_SIDE, _MAX_SIDE))
    if picture.mode not in ("1", "L", "RGB"):
        picture = _on_white(picture)
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", compress_level=1)
    page = document.new_page(width=width, height=height)
    page.insert_image(page.rect, stream=encoded.getvalue(), keep_proportion=False)


def _on_white(picture: Image.Image) -> Image.Image:
    """What is transparent becomes white, as on paper."""
    rgba = picture.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
