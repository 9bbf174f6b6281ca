from __future__ import annotations

from svrag.app.first import with_first_screen


def test_the_first_screen_stands_before_the_page_and_takes_a_question() -> None:
    sent = with_first_screen(b'<html><body style="margin: 0">\n<gradio-app></gradio-app></body></html>').decode()
    assert sent.startswith('<html><body style="margin: 0">\n<div id="sv-first"')
    assert sent.endswith("\n<gradio-app></gradio-app></body></html>")
    assert sent.index("<textarea") < sent.index("<gradio-app>")
    assert "src=" not in sent  # nothing is fetched for it
    assert "http" not in sent


def test_what_has_no_body_stays_as_it_is() -> None:
    assert with_first_screen(b"<p>no body</p>") == b"<p>no body</p>"
