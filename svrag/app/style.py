"""How the app looks, and the scripts that it needs. System fonts only: nothing is fetched from anywhere."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.themes import Base


def _file(name: str) -> str:
    return resources.files("svrag.app").joinpath(name).read_text(encoding="utf-8")


CSS = _file("style.css")
ON_CLICK = _file("clicks.js")
"""Reports what was clicked as `EventData` with `action`, `value` and the fields beside it."""

ON_ANSWER = (
    ON_CLICK
    + """
let last = '';
watch('value', () => {
  const question = element.querySelector('.sv-question')?.textContent ?? '';
  if (question && question !== last) element.scrollIntoView({ block: 'start', behavior: 'smooth' });
  last = question;
});
"""
)
"""Besides, brings a new question to the top."""

ON_LIBRARY = ON_CLICK + _file("library.js")
ON_PAGE = ON_CLICK + f"{{\n{_file('page.js')}}}\n"
ON_HEADER = _file("header.js")
ON_SAVE = _file("saving.js")

_SIGN_OUT = '<form method="post" action="/logout"><button>Sign out</button></form>'


def header(*, accounts: bool) -> str:
    """The head of the page; with `accounts` there is a way out."""
    return (
        '<div class="sv-head"><h1 class="sv-title">svrag<span>Ask your documents, see the evidence.</span></h1>'
        '<button type="button" class="sv-drawer-button" data-local="drawer">Documents</button>'
        f"{_SIGN_OUT if accounts else ''}"
        '<button type="button" data-local="theme" title="Light or dark" aria-label="Light or dark">◐</button></div>'
    )


HEAD = """<style>
html:has(body.dark) { color-scheme: dark; }
@supports (field-sizing: content) {
  #sv-ask textarea { field-sizing: content; height: auto !important; max-height: 140px; overflow-y: auto !important; }
}
</style>"""
"""The window's own scroll bar is dark, too, and the question grows with its words at any width. Apart from the rest,
because Gradio keeps its CSS to what is inside the page and drops @supports from it.
"""


def theme() -> Base:
    """Gradio's own look in a calm blue, with the fonts of the reader's system."""
    from gradio.themes import Default, colors

    return Default(
        primary_hue=colors.blue,
        neutral_hue=colors.slate,
        font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(body_text_color_subdued="*neutral_500", input_placeholder_color="*neutral_500")  # 4.8 : 1 on white
