"""What goes into a prompt from outside: words without a model's own signs in them, and pictures it can read."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from svrag.generation.model import Picture
from svrag.retrievers.multivector.pictures import readable

if TYPE_CHECKING:
    from PIL.Image import Image


def own_signs(tokenizer: Any) -> re.Pattern[str]:
    """Finds a tokenizer's own signs in a text: those for pictures, and for where messages begin and end."""
    added = [(str(token), token.special) for token in tokenizer.added_tokens_decoder.values()]
    signs = [sign for sign, special in added if special or re.fullmatch("<.+>", sign)]
    return re.compile("|".join(map(re.escape, sorted(signs, key=len, reverse=True))) or "(?!)")


def broken_up(text: str, signs: re.Pattern[str]) -> str:
    """`text` with a space within each sign, so that it is read as the words it is made of.

    A document must not be able to end its message and begin another.
    """
    return signs.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def picture_of(part: Picture) -> Image:
    """The picture, as processors can read it."""
    from PIL import Image as images

    return readable(images.open(io.BytesIO(part.data)))
