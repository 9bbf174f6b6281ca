from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.app import markup
from svrag.app.cards import cards_html
from svrag.app.evidence import Evidence, cited_first, found
from svrag.app.exchange import Conversation, Exchange
from svrag.app.export import to_markdown
from svrag.app.jobs import FileJob, Job
from svrag.app.listing import NO_DOCUMENTS, Listed, documents_html, jobs_html, notices_html, scope_html
from svrag.app.neighbours import Neighbour, Neighbourhood
from svrag.app.pictures import CardPicture, Mark, PageView
from svrag.app.sheet import WHOLE, Looked, graph_html, page_html, text_html
from svrag.app.uploads import Notice
from svrag.documents.model import Box, Element, Region, Table
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

    def actions(self, action: str) -> list[str | None]:
        return [attributes.get("data-value") for _, attributes in self.tags if attributes.get("data-action") == action]


def element(text: str, n: int = 1, **fields: object) -> Element:
    described: dict[str, object] = {"type": "text", "page": 3, "box": Box(72, 100, 523, 300), **fields}
    return Element(id=f"d0.3.{n}", document_id="d0", text=text, **described)  # type: ignore[arg-type]


def stored(name: str, title: str = "", pages: int = 2, warnings: tuple[str, ...] = ()) -> StoredDocument:
    return StoredDocument("d0", "0" * 64, name, title, "en", pages, 9, Path("x"), "/x", "2026-01-01", warnings)


def result(*elements: Element, name: str = "paper.pdf") -> SearchResult:
    hits = tuple(Hit(i, one, name, 1 / i, ("named: x",)) for i, one in enumerate(elements, start=1))
    return SearchResult("a question", hits, (), "lexical", 0.25)


def pictured(*elements: Element) -> dict[str, CardPicture]:
    return {one.id: CardPicture(PICTURE, PICTURE, (Mark(1, 2, 3, 4, None, True),)) for one in elements}


def answered(question: str, hits: SearchResult, answer: Answer) -> Exchange:
    return Exchange(question, cited_first(hits, answer), {}, hits, answer)


def pages_of_app(word: str) -> str:
    """Everything the app can show, with `word` wherever a document, a name, a model or a user has a say."""
    table = Table(((word, word), (word, word)))
    elements = [
        element(word, 1, label=word, caption=f"{word} said", type="figure", section_path=(word, word)),
        element(word, 2),
        element(word, 3, type="table", table=table, caption=word, label=word),
    ]
    hits = replace(result(*elements, name=word), retriever=word)
    hits = replace(hits, hits=tuple(replace(hit, reasons=(word,)) for hit in hits.hits))
    answer = Answer(
        word, f"{word} [1] {word}", True, (Citation(1, elements[0], word, 0.5, word),), word, notes=(word,)
    )
    exchange = answered(word, hits, answer)
    view = PageView(
        "d0", word, 2, 3, word, PICTURE, (Mark(1, 2, 3, 4, 1, True), Mark(1, 2, 3, 4, None, False, word, word))
    )
    around = Neighbourhood(
        elements[0], (Neighbour(elements[1], "mentions it"),), (Neighbour(elements[2], "x"),), (1, 0)
    )
    return "".join(
        [
            documents_html([Listed(stored(word, word + word, warnings=(word,)), (word,), 2)], {"d0"}),
            notices_html([Notice(word, word, failed=True), Notice("", word)]),
            jobs_html([Job("a", "", (FileJob(word, "failed", detail=word), FileJob(word, "reading", 1, 2)))]),
            markup.welcome_html(1, [word]),
            markup.working_html(word, word),
            markup.writing_html(word, word),
            markup.exchange_html(0, exchange),
            markup.exchange_html(0, Exchange(word, failure=word)),
            markup.compact_html([exchange], 1),
            cards_html(0, exchange.evidence, pictured(*elements)),
            page_html(view, place=(0, 2), looked=Looked((word,), WHOLE), panel="graph", side=graph_html(around)),
            page_html(view, panel="text", side=text_html(elements, "d0.3.2")),
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
    exchange = answered(
        "q", hits, Answer("q", "Nine hours [2].\n\nAnd `x[1]` too [1] but not [7].", True, citations, "quote")
    )
    evidence = exchange.evidence
    assert [(one.number, one.element.id, one.text) for one in evidence] == [
        (1, second.id, "words 2"), (2, third.id, "quoted"), (None, first.id, "words 1")
    ]  # fmt: skip
    shown = Reader(markup.exchange_html(4, exchange))
    opened = shown.actions("open")
    assert opened == ["4:1", "4:0"]
    assert "x[1]" in shown.words
    assert "[7]" in shown.words
    cards = Reader(cards_html(4, evidence, {}))
    values = [attributes["data-value"] for tag, attributes in cards.tags if tag == "article"]
    assert values == ["4:0", "4:1", "4:2"]
    assert [tag for tag, _ in cards.tags].count("h3") == 2


def test_exchanges_that_are_folded_can_be_spread_out() -> None:
    exchange = answered("How long?", result(element("x")), Answer("q", "Nine hours [1].", True, (), "quote"))
    shown = Reader(markup.compact_html([exchange, Exchange("Why?", failure="the server is away")], 3))
    assert shown.actions("focus") == ["3"]
    for words in ("How long?", "Nine hours", "Why?", "the server is away"):
        assert words in shown.words


def test_a_card_says_what_it_is_and_where() -> None:
    figure = element(
        "300 318",
        type="figure",
        label="Figure 7",
        caption="Figure 7. Weights." + " more" * 200,
        section_path=("2 Kilns", "2.1 Bowls"),
    )
    card = Reader(cards_html(0, found(result(figure)), pictured(figure)))
    for words in (
        "paper.pdf",
        "page 3",
        "Figure 7",
        "score 1.00",
        "Figure 7. Weights.",
        "named: x",
        "…",
        "2 Kilns › 2.1 Bowls",
    ):
        assert words in card.words
    assert "Closest passages" in card.words
    image, small = (attributes for tag, attributes in card.tags if tag == "img")
    assert image["src"] == PICTURE
    assert image["alt"] == "Figure 7 on page 3"
    assert small["alt"] == ""
    assert "no picture" in cards_html(0, found(result(figure)), {})
    page = element("all words", type="page", label="Page 3")
    assert Reader(cards_html(0, found(result(page)), {})).words.count("age 3") == 1


def test_a_quoted_table_has_its_caption_and_its_cells() -> None:
    table = element("a b", type="table", caption="Table 1. Heat.", table=Table((("Kiln", "Heat"), ("North", "1240"))))
    evidence = Evidence(table, "paper.pdf", 1.0, "North | Heat: 1240", 1)
    card = Reader(cards_html(0, [evidence], pictured(table)))
    assert card.words.count("Table 1. Heat.") == 1
    assert [tag for tag, _ in card.tags if tag in ("th", "td")] == ["th", "th", "td", "td"]
    assert [a["data-local"] for _, a in card.tags if "data-local" in a] == ["swap", "csv"]


def test_an_answer_that_is_not_there_reads_differently() -> None:
    shown = markup.exchange_html(0, answered("q", result(), Answer("q", NOT_FOUND, False, (), "quote")))
    assert "sv-not-found" in shown
    assert NOT_FOUND in shown


def test_empty_places_say_what_to_do() -> None:
    assert NO_DOCUMENTS in Reader(documents_html([])).words
    assert cards_html(0, (), {}) == ""
    assert notices_html([]) == jobs_html([]) == scope_html(0, 0) == ""
    first = Reader(markup.welcome_html(0, []))
    assert [tag for tag, _ in first.tags].count("li") == 3
    assert Reader(markup.welcome_html(2, ["Why?"])).actions("example") == ["Why?"]
    assert "No text" in text_html([], "")


def test_the_list_says_what_is_known_of_a_document() -> None:
    listed = Listed(stored("kiln.pdf", "On firing", warnings=("page 2: no text",)), ("2024", "to read"), 2)
    shown = Reader(documents_html([listed], ["d0"]))
    for words in (
        "kiln.pdf",
        "On firing",
        "2 pages",
        "9 elements",
        "2 by OCR",
        "1 warning",
        "page 2: no text",
        "to read",
    ):
        assert words in shown.words
    fields = {a.get("name"): a.get("value") for tag, a in shown.tags if tag == "input"}
    assert (fields["name"], fields["tags"]) == ("kiln.pdf", "2024, to read")
    (box,) = (a for _, a in shown.tags if "data-choose" in a)
    assert "checked" in box
    assert all(shown.actions(action) == ["d0"] for action in ("save", "reread", "remove", "view"))


def test_of_many_documents_the_first_and_the_chosen_are_shown_and_words_find_the_others() -> None:
    documents = [replace(stored(f"{n:04}.pdf", "On <b>bowl</b>"), id=f"d{n}") for n in range(3000)]
    many = [Listed(document, ("odd",) * (n % 2)) for n, document in enumerate(documents)]
    shown = Reader(documents_html(many, ["d2999"]))
    assert shown.actions("view") == [*(f"d{n}" for n in range(99)), "d2999"]
    assert "2,900 more" in shown.words
    found = Reader(documents_html(many, (), "ODD bowl</b> 171"))
    assert found.actions("view") == [f"d{n}" for n in (171, 1171, *range(1711, 1720, 2), 2171)]
    assert "more" not in found.words
    assert "Nothing fits" in Reader(documents_html(many, (), "171 odd even")).words


@pytest.mark.parametrize(("chosen", "says"), [(0, "all 3 documents"), (2, "2 of 3 documents"), (3, "all 3 documents")])
def test_it_says_who_is_asked(chosen: int, says: str) -> None:
    shown = Reader(scope_html(chosen, 3))
    assert says in shown.words
    assert bool(shown.actions("all")) == (chosen == 2)


def test_each_file_says_how_far_it_is() -> None:
    files = (
        FileJob("a.pdf", "reading", 3, 12),
        FileJob("b.pdf"),
        FileJob("c.pdf", "added", 5, 5),
        FileJob("d.txt", "failed", detail="is not a PDF file"),
    )
    shown = Reader(jobs_html([Job("j", "", files)]))
    for words in ("page 3 of 12", "waits", "added: 5 pages", "is not a PDF file"):
        assert words in shown.words
    assert [a["value"] for tag, a in shown.tags if tag == "progress"] == ["25", "0"]
    assert shown.actions("cancel") == ["j"]
    assert Reader(jobs_html([Job("j", "", files[2:])])).actions("cancel") == []


@pytest.mark.parametrize(("number", "disabled"), [(1, ["0"]), (2, []), (3, ["4"])])
def test_there_is_no_way_past_the_first_and_last_page(number: int, disabled: list[str]) -> None:
    marks = (Mark(10, 20, 30, 40, 2, True), Mark(0, 0, 5, 5, None, False, "d0.3.1", "Table 1"))
    view = PageView("d0", "paper.pdf", number, 3, "", PICTURE, marks)
    shown = Reader(page_html(view))
    turns = {a["data-value"]: "disabled" in a for tag, a in shown.tags if a.get("data-action") == "turn"}
    assert set(turns) == {str(number - 1), str(number + 1)}
    assert [value for value, off in turns.items() if off] == disabled
    drawn = [(tag, a) for tag, a in shown.tags if "sv-mark" in (a.get("class") or "")]
    assert drawn[0][1]["style"] == "left:10.000%;top:20.000%;width:30.000%;height:40.000%"
    assert [(tag, "sv-chosen" in (a["class"] or "")) for tag, a in drawn] == [("div", True), ("button", False)]
    assert shown.actions("element") == ["d0.3.1"]


@pytest.mark.parametrize(("index", "disabled"), [(0, ["-1"]), (1, []), (2, ["3"])])
def test_there_is_no_way_past_the_first_and_last_evidence(index: int, disabled: list[str]) -> None:
    shown = Reader(page_html(PageView("d0", "p", 1, 1, "", PICTURE, ()), place=(index, 3)))
    pieces = {a["data-value"]: "disabled" in a for _, a in shown.tags if a.get("data-action") == "piece"}
    assert [value for value, off in pieces.items() if off] == disabled
    assert f"evidence {index + 1} of 3" in shown.words


def test_a_word_that_is_looked_for_is_pressed_and_leads_back() -> None:
    shown = Reader(page_html(PageView("d0", "p", 1, 1, "", PICTURE, ()), looked=Looked(("black", "kiln"), "1")))
    assert shown.actions("look") == [WHOLE, "0", ""]
    pressed = [a["aria-pressed"] for _, a in shown.tags if a.get("data-action") == "look"]
    assert pressed == ["false", "false", "true"]


def test_a_drawing_of_neighbours_has_a_node_for_each() -> None:
    middle = element("300", type="figure", label="Figure 7")
    around = Neighbourhood(
        middle,
        tuple(Neighbour(element("x", n), "mentions it") for n in (2, 3)),
        (Neighbour(element("y", 4), "after it"),),
        (0, 3),
    )
    shown = Reader(graph_html(around))
    assert sorted(filter(None, shown.actions("element"))) == ["d0.3.1", "d0.3.2", "d0.3.3", "d0.3.4"]
    assert [tag for tag, _ in shown.tags].count("path") == 3
    assert "and 3 more" in shown.words
    assert "Nothing is connected" in graph_html(Neighbourhood(middle, (), (), (0, 0)))
    assert "All elements" in graph_html(None)


@pytest.mark.parametrize("word", HOSTILE)
def test_an_exported_conversation_has_no_markup_of_documents(word: str) -> None:
    table = element(word, type="table", table=Table(((word, "b"), ("c", word))), caption=word)
    exchange = answered(
        word, result(table, name=word), Answer(word, f"{word} [1]", True, (Citation(1, table, word, 1.0, word),), word)
    )
    assert not re.search(r"<(?!-)", to_markdown(Conversation((exchange,), 0)))


def test_evidence_knows_all_its_places() -> None:
    long = element("a b", continues=(Region(4, Box(1, 2, 3, 4)), Region(3, Box(5, 6, 7, 8))))
    evidence = Evidence(long, "paper.pdf", 1.0, "a b")
    assert evidence.boxes_on(3) == [long.box, Box(5, 6, 7, 8)]
    assert evidence.boxes_on(4) == [Box(1, 2, 3, 4)]
    assert evidence.boxes_on(5) == []
    assert Evidence(element("all", type="page"), "paper.pdf", 1.0, "all").boxes_on(3) == []
