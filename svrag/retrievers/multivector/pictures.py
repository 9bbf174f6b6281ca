"""Pictures as encoders can read them, whatever their mode and shape. Coordinates from 0 to 1 stay what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

_SHORTEST = 28  # pixels: of fewer, processors cannot tell rows from colours
_THINNEST = 100  # times as long as wide; Qwen's processor refuses from 200 on


def readable(image: Image) -> Image:
    """In RGB, on white where it is transparent (paper is white); one too thin is stretched across."""
    from PIL import Image as images

    if image.has_transparency_data:
        over = image.convert("RGBA")
        paper = images.new("RGBA", over.size, "white")
        image = images.alpha_composite(paper, over)
    if image.mode != "RGB":
        image = image.convert("RGB")
    least = max(_SHORTEST, -(-max(image.size) // _THINNEST))
    width, height = (max(side, least) for side in image.size)
    return image if (width, height) == image.size else image.resize((width, height))
