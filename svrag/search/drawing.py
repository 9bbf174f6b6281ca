"""Heat-maps on pages: one for the app, and a sheet with the page large and a small one for every token.

Colours go from clear through yellow and red to violet, ever darker, so that more looks like more in grey too. The page
beneath loses its own colours, and its words stay legible.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pymupdf
from PIL import Image, ImageDraw

from svrag.retrievers.multivector.heatmap import lifted, question_map
from svrag.search.explain import Explanation
from svrag.text import shortened, without_control

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLOURS = np.array([(255, 236, 140), (255, 178, 60), (240, 92, 46), (196, 24, 88), (104, 8, 120)], dtype=np.float32)
_OPACITY = 0.66  # of the strongest
_NOISE = 0.12  # strength that is not drawn; at three times of it colours are as opaque as they get
_LEAST_LIFT = 0.05  # what is drawn in full colour at least: a map of hardly any differences stays pale
_WIDTH, _MARGIN, _GAP = 1240, 32, 16  # pixels of the sheet
_TALLEST = 1300  # the large page
_LINE = 22
_FRAME = (40, 40, 48)


def heat(
    explanation: Explanation, picture: Image.Image | None = None, *, tokens: Sequence[int] | None = None
) -> Image.Image:
    """The page with the map of the whole question over it.

    Args:
        picture: of the page, in another size than the model was given.
        tokens: the map of these instead; all such maps of a page are to one scale.
    """
    if tokens is None:
        strengths = _strengths(question_map(explanation.maps))
    else:
        strengths = np.fmax.reduce(_strengths(lifted(explanation.maps))[list(tokens)], axis=0)
    return overlay(picture or explanation.picture, strengths)


def sheet(explanation: Explanation) -> Image.Image:
    """The page with the map of the whole question, below it one with the map of every token, these to one scale.

    A frame is around the place that a token matched best, if it is one; tokens that were not asked are left out.
    """
    inner = _WIDTH - 2 * _MARGIN
    large = _fitted(explanation.picture, inner, _TALLEST)
    columns = 6 if large.height > large.width else 4
    side = (inner - (columns - 1) * _GAP) // columns
    small = _fitted(explanation.picture, side, _TALLEST)
    tokens = explanation.asked()
    strengths = _strengths(lifted(explanation.maps))
    rows = -(-len(tokens) // columns)
    top = _MARGIN + 3 * _LINE
    below = top + large.height + 2 * _GAP
    step = small.height + _LINE + _GAP
    canvas = Image.new("RGB", (_WIDTH, below + rows * step + _MARGIN - _GAP), "white")
    canvas.paste(_line(f"<b>{_escaped(explanation.question, 140)}</b>", inner, 1.5 * _LINE), (_MARGIN, _MARGIN - 4))
    model = Path(explanation.model).name if Path(explanation.model).is_dir() else explanation.model
    about = f"{explanation.document_name}, page {explanation.page} · {model} · {explanation.score:.3f}"
    canvas.paste(_line(_escaped(about, 160), inner, _LINE), (_MARGIN, _MARGIN + 2 * _LINE - 8))
    _paste(canvas, heat(explanation, large), ((_WIDTH - large.width) // 2, top))
    for place, i in enumerate(tokens):
        x = _MARGIN + place % columns * (side + _GAP)
        y = below + place // columns * step
        drawn = _framed(overlay(small, strengths[i]), explanation.boxes[i])
        _paste(canvas, drawn, (x + (side - small.width) // 2, y))
        word = f"<b>{_escaped(explanation.words[i], 24)}</b> {explanation.similarities[i]:.2f}"
        canvas.paste(_line(word, side, _LINE, centred=True), (x, y + small.height + 2))
    return canvas


def overlay(picture: Image.Image, strengths: NDArray[np.float32]) -> Image.Image:
    """`picture` in grey with `strengths` (rows, columns) over it: from 0 (or less, or NaN), clear, to 1."""
    clean = np.nan_to_num(strengths, nan=0.0).clip(0, 1).astype(np.float32)
    fine = np.asarray(Image.fromarray(clean).resize(picture.size, Image.Resampling.BICUBIC)).clip(0, 1)
    stops = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(fine, stops, _COLOURS[:, channel]) for channel in range(3)], axis=-1)
    opacity = (_OPACITY * np.sqrt(fine) * ((fine - _NOISE) / (2 * _NOISE)).clip(0, 1))[..., None]
    page = np.asarray(picture.convert("L"), dtype=np.float32)[..., None]
    return Image.fromarray((page * (1 - opacity) + colours * opacity).round().astype(np.uint8))


def _strengths(above: NDArray[np.float32]) -> NDArray[np.float32]:
    """For `overlay`: 1 where the most is."""
    return above / max(float(np.nanmax(above)), _LEAST_LIFT)


def _fitted(picture: Image.Image, width: int, height: int) -> Image.Image:
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _framed(picture: Image.Image, box: NDArray[np.float32]) -> Image.Image:
    """With a thin frame around `box`, from 0 to 1; without, where it is NaN."""
    if np.isfinite(box).all():
        across, down = picture.width - 1, picture.height - 1
        left, top, right, bottom = (box * (across, down, across, down)).round().tolist()
        around = max(0, left - 2), max(0, top - 2), min(across, right + 2), min(down, bottom + 2)
        ImageDraw.Draw(picture).rectangle(around, outline=_FRAME, width=2)
    return picture


def _paste(canvas: Image.Image, picture: Image.Image, place: tuple[int, int]) -> None:
    """With a hairline around: a white page on a white sheet has no edge."""
    canvas.paste(picture, place)
    x, y = place
    ImageDraw.Draw(canvas).rectangle((x - 1, y - 1, x + picture.width, y + picture.height), outline=(200, 200, 206))


def _escaped(text: str, longest: int) -> str:
    return html.escape(shortened(" ".join(without_control(text).split()), longest))


def _line(markup: str, width: int, height: float, *, centred: bool = False) -> Image.Image:
    """One line of text in any script, set by MuPDF; smaller where it would not fit."""
    style = f"p {{ font-family: sans-serif; margin: 0; font-size: {height * 0.66:.1f}px; white-space: nowrap; }}"
    align = "center" if centred else "left"
    with pymupdf.open() as document:
        page = document.new_page(width=width, height=height)
        page.insert_htmlbox(page.rect, f'<p style="text-align:{align}">{markup}</p>', css=style, scale_low=0)
        pixels = page.get_pixmap(alpha=False)
    return Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
