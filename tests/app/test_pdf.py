from __future__ import annotations

import io

import pymupdf
from PIL import Image

from svrag.app.pdf import Block, laid_out

CSS = "body { font-size: 10pt; }"
LINES = "".join(f"<p>Line {i} of many.</p>" for i in range(40))


def jpeg() -> bytes:
    encoded = io.BytesIO()
    Image.effect_noise((800, 600), 40).convert("RGB").save(encoded, "JPEG")
    return encoded.getvalue()


def pages(blocks: list[Block]) -> list[str]:
    with pymupdf.open(stream=laid_out(blocks, title="Kilns", css=CSS)) as document:
        assert document.metadata["title"] == "Kilns"
        return [page.get_text() for page in document]


def test_a_heading_stays_with_what_is_below_it() -> None:
    tall = Block('<h3>Figure 1</h3><p><img src="a.jpg" width="400"></p><p>Its words.</p>', {"a.jpg": jpeg()})
    first, second = pages([Block(LINES[: len(LINES) // 2], {}), tall, tall])[:2]
    both = [text for text in (first, second) if "Figure 1" in text]
    assert both
    for text in both:
        assert text.count("Figure 1") == text.count("Its words.")


def test_what_is_longer_than_a_page_goes_on_and_nothing_is_lost_or_said_twice() -> None:
    said = pages([Block("<p>Before.</p>", {}), Block(LINES * 3, {}), Block("<p>After.</p>", {})])
    assert len(said) >= 3
    whole = " ".join(" ".join(said).split())
    assert whole.startswith("Before. Line 0 of many.")
    assert whole.endswith("Line 39 of many. After.")
    assert [whole.count(f"Line {i} of many.") for i in range(40)] == [3] * 40


def test_pictures_are_kept_packed() -> None:
    picture = jpeg()
    made = laid_out([Block('<img src="a.jpg" width="400">', {"a.jpg": picture})], title="", css=CSS)
    assert len(made) < len(picture) + 20_000
    assert len(pages([])) == 1
