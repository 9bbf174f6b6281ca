from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.app import markup
from svrag.app.evidence import Evidence, cited_first, found
from svrag.app.pictures import Mark, PageView
from svrag.app.uploads import Notice
from svrag.documents.model import Box, Element, Region
from svrag.generation.answer import NOT_FOUND, Answer, Citation
from svrag.library.store import StoredDocument
from svrag.search.result import Hit, SearchResult

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "</blockquote></article><iframe src=//evil.example>",
    "&lt;b&gt; &#60;script&#62;",
    "\x00\x1b[31m<svg/onload=alert(1)>",
]
PICTURE = "data:image/webp;base64,UklGRg=="


class Reader(HTMLParser):
    """Every tag with its attributes, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def outline(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(sorted(attributes))) for tag, attributes in self.tags]


def element(text: str, n: int = 1, **fields: object) -> Element:
    described: dict[str, object] = {"type": "text", "page": 3, "box": Box(72, 100, 523, 300), **fields}
    return Element(id=f"d0.3.{n}", document_id="d0", text=text, **described)  # type: ignore[arg-type]


def stored(name: str, title: str = "", pages: int = 2) -> StoredDocument:
    return StoredDocument("d0", "0" * 64, name, title, "en", pages, 9, Path("x"), "/x", "2026-01-01", ())


def result(*elements: Element, name: str = "paper.pdf") -> SearchResult:
    hits = tuple(Hit(i, one, name, 1 / i, ("named: x",)) for i, one in enumerate(elements, start=1))
    return SearchResult("a question", hits, (), "lexical", 0.25)


def pages_of_app(word: str) -> str:
    """Everything the app can show, with `word` wherever a document, a name, a model or a user has a say."""
    elements = [element(word, 1, label=word, caption=word, type="figure"), element(word, 2)]
    hits = result(*elements, name=word)
    answer = Answer(
        word, f"{word} [1] {word}", True, (Citation(1, elements[0], word, 0.5, word),), word, notes=(word,)
    )
    evidence = cited_first(hits, answer)
    view = PageView(word, 2, 3, word, PICTURE, (Mark(1, 2, 3, 4, 1, True),))
    return "".join(
        [
            markup.documents_html([stored(word, word)]),
            markup.notices_html([Notice(word, word, failed=True), Notice("", word)]),
            markup.writing_html(word),
            markup.answer_html(hits, answer, evidence),
            markup.cards_html(evidence, {elements[0].id: PICTURE}),
            markup.page_html(view),
            markup.failure(word),
        ]
    )


@pytest.mark.parametrize("word", HOSTILE)
def test_what_documents_and_models_say_is_never_markup(word: str) -> None:
    """The tags and attributes are those of a harmless word, and the words are shown as they stand."""
    shown = Reader(pages_of_app(word))
    assert shown.outline() == Reader(pages_of_app("harmless")).outline()
    visible = re.sub(r"[\x00-\x1f]", "", word)
    assert visible in shown.words
    assert any(attributes.get("data-confirm") == f"Remove {visible} from the library?" for _, attributes in shown.tags)


@given(st.text(max_size=40))
def test_escaping_shows_exactly_the_text(text: str) -> None:
    shown = markup.escaped(text)
    assert not set(shown) & set("<>\"'")
    assert Reader(f"<p>{shown}</p>").words == re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "", text)


def test_citations_are_buttons_that_open_their_own_card() -> None:
    first, second, third = (element(f"words {n}", n) for n in (1, 2, 3))
    hits = result(first, second, third)
    citations = (Citation(2, third, "paper.pdf", 0.3, "quoted"), Citation(1, second, "paper.pdf", 0.5, ""))
    answer = Answer("q", "Nine hours [2].\n\nAnd `x[1]` too [1] but not [7].", True, citations, "quote")
    evidence = cited_first(hits, answer)
    assert [(one.number, one.element.id, one.text) for one in evidence] == [
        (1, second.id, "words 2"), (2, third.id, "quoted"), (None, first.id, "words 1")
    ]  # fmt: skip
    shown = Reader(markup.answer_html(hits, answer, evidence))
    opened = [attributes["data-value"] for tag, attributes in shown.tags if tag == "button"]
    assert [evidence[int(value or "")].number for value in opened] == [2, 1]
    assert "x[1]" in shown.words
    assert "[7]" in shown.words
    cards = Reader(markup.cards_html(evidence, {}))
    values = [attributes["data-value"] for tag, attributes in cards.tags if tag == "article"]
    assert values == ["0", "1", "2"]
    assert [tag for tag, _ in cards.tags].count("h3") == 2


def test_a_card_says_what_it_is_and_where() -> None:
    figure = element("300 318", type="figure", label="Figure 7", caption="Figure 7. Weights." + " more" * 200)
    card = Reader(markup.cards_html(found(result(figure)), {figure.id: PICTURE}))
    for words in ("paper.pdf", "page 3", "Figure 7", "score 1.00", "Figure 7. Weights.", "named: x", "…"):
        assert words in card.words
    assert "Closest passages" in card.words
    (image,) = (attributes for tag, attributes in card.tags if tag == "img")
    assert image["src"] == PICTURE
    assert image["alt"] == "Figure 7 on page 3"
    assert "no picture" in markup.cards_html(found(result(figure)), {})
    page = element("all words", type="page", label="Page 3")
    assert Reader(markup.cards_html(found(result(page)), {})).words.count("age 3") == 1


def test_an_answer_that_is_not_there_reads_differently() -> None:
    nothing = Answer("q", NOT_FOUND, False, (), "quote")
    shown = markup.answer_html(result(), nothing, ())
    assert "sv-not-found" in shown
    assert NOT_FOUND in shown


def test_empty_places_say_what_to_do() -> None:
    assert markup.NO_DOCUMENTS in Reader(markup.documents_html([])).words
    assert markup.cards_html((), {}) == ""
    assert markup.notices_html([]) == ""


@pytest.mark.parametrize(("number", "disabled"), [(1, ["0"]), (2, []), (3, ["4"])])
def test_there_is_no_way_past_the_first_and_last_page(number: int, disabled: list[str]) -> None:
    view = PageView(
        "paper.pdf", number, 3, "", PICTURE, (Mark(10, 20, 30, 40, 2, True), Mark(0, 0, 5, 5, None, False))
    )
    shown = Reader(markup.page_html(view))
    turns = {a["data-value"]: "disabled" in a for tag, a in shown.tags if a.get("data-action") == "turn"}
    assert set(turns) == {str(number - 1), str(number + 1)}
    assert [value for value, off in turns.items() if off] == disabled
    marks = [a for tag, a in shown.tags if "sv-mark" in (a.get("class") or "")]
    assert marks[0]["style"] == "left:10.000%;top:20.000%;width:30.000%;height:40.000%"
    assert ["sv-chosen" in (a["class"] or "") for a in marks] == [True, False]


def test_evidence_knows_all_its_places() -> None:
    long = element("a b", continues=(Region(4, Box(1, 2, 3, 4)), Region(3, Box(5, 6, 7, 8))))
    evidence = Evidence(long, "paper.pdf", 1.0, "a b")
    assert evidence.boxes_on(3) == [long.box, Box(5, 6, 7, 8)]
    assert evidence.boxes_on(4) == [Box(1, 2, 3, 4)]
    assert evidence.boxes_on(5) == []
    assert Evidence(element("all", type="page"), "paper.pdf", 1.0, "all").boxes_on(3) == []
