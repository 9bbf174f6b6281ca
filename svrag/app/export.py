"""A conversation with its evidence as one file: Markdown with the pictures in it, or PDF."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

from svrag.app.cards import table_html
from svrag.app.evidence import Evidence
from svrag.app.exchange import Conversation, Exchange
from svrag.app.markup import escaped
from svrag.app.pictures import name_of
from svrag.text import without_control

_CSS = """
body { font-family: sans-serif; font-size: 10pt; line-height: 1.4; }
h1 { font-size: 15pt; } h2 { font-size: 12.5pt; margin-top: 18pt; } h3 { font-size: 10pt; margin: 10pt 0 2pt; }
.where { color: #555; font-size: 8.5pt; margin: 0 0 3pt; } .quote { font-style: italic; }
table { font-size: 8pt; } td, th { border: 0.5pt solid #999; padding: 2pt; }
"""
_TITLE = "Questions and evidence"
_WIDEST = 480.0  # points
_QUALITY = 85  # of JPEG


def to_markdown(conversation: Conversation) -> str:
    """Questions, answers, and below each the cited evidence: words, table or picture, document and page."""
    lines = [f"# {_TITLE}", ""]
    for exchange in conversation.exchanges:
        lines += [f"## {_plain(exchange.question)}", "", _plain(_answer(exchange)), ""]
        for one in _told(exchange):
            lines += [f"**{_heading(one)}**", "", _plain(_where(one)), "", f"> {_plain(one.text)}", ""]
            if one.element.type == "table" and one.element.table:
                lines += [_plain(one.element.table.markdown()), ""]
            elif (picture := exchange.pictures.get(one.element.id)) and one.element.type == "figure":
                lines += [f"![{_plain(name_of(one.element))}]({picture.crop})", ""]
    return "\n".join(lines)


def to_pdf(conversation: Conversation) -> bytes:
    """The same, on A4 pages."""
    from svrag.app.pdf import Block, laid_out

    blocks = [Block(f"<h1>{_TITLE}</h1>", {})]
    for exchange in conversation.exchanges:
        blocks.append(Block(f"<h2>{escaped(exchange.question)}</h2>{_paragraphs(_answer(exchange))}", {}))
        for one in _told(exchange):
            html = f'<h3>{escaped(_heading(one))}</h3><p class="where">{escaped(_where(one))}</p>'
            picture, pictures = exchange.pictures.get(one.element.id), {}
            if picture is not None:
                pictures["picture.jpg"], width = _jpeg(picture.crop)
                html += f'<p><img src="picture.jpg" width="{width:.0f}"></p>'
            elif one.element.table:
                html += table_html(one.element.table)
            blocks.append(Block(f'{html}<p class="quote">{escaped(one.text)}</p>', pictures))
    return laid_out(blocks, title=_TITLE, css=_CSS)


def file_html(name: str, kind: str, content: bytes) -> str:
    """A file inside the page, for saving.js. `name` and `kind` are the app's own words."""
    return f'<span hidden data-file="{name}" data-kind="{kind}">{base64.b64encode(content).decode("ascii")}</span>'


def _told(exchange: Exchange) -> Iterator[Evidence]:
    """What an export shows of the evidence: what is cited, or everything where nothing is."""
    cited = [one for one in exchange.evidence if one.number is not None]
    yield from cited or exchange.evidence


def _answer(exchange: Exchange) -> str:
    return exchange.answer.text if exchange.answer else exchange.failure or exchange.written


def _heading(one: Evidence) -> str:
    number = f"[{one.number}] " if one.number is not None else ""
    return f"{number}{name_of(one.element)}".replace("\n", " ")


def _where(one: Evidence) -> str:
    return " › ".join((one.document_name, f"page {one.element.page}", *one.element.section_path))


def _plain(text: str) -> str:
    """Words of a document in Markdown: no HTML comes of them."""
    return without_control(text).replace("&", "&amp;").replace("<", "&lt;")


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escaped(line)}</p>" for line in text.split("\n") if line.strip())


def _jpeg(address: str) -> tuple[bytes, float]:
    """The picture of a data: address as JPEG, which a PDF takes as it is, and the width in points it is shown with."""
    from PIL import Image

    encoded = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        image.convert("RGB").save(encoded, "JPEG", quality=_QUALITY)
        return encoded.getvalue(), min(_WIDEST, image.width * 0.5)
