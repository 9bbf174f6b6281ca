"""The first screen: what stands in the page as it is sent, until the scripts that draw the page itself have come.

It can be typed into at once; `first.html` hands over what was typed. Nothing in it depends on the library or the reader.
"""

from __future__ import annotations

import re
from importlib import resources

_BODY = re.compile(rb"<body[^>]*>")
_FIRST = resources.files("svrag.app").joinpath("first.html").read_bytes()


def with_first_screen(page: bytes) -> bytes:
    """`page` (HTML) with the first screen at the beginning of its body; unchanged where it has none."""
    body = _BODY.search(page)
    return page[: body.end()] + b"\n" + _FIRST + page[body.end() :] if body else page
