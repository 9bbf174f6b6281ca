from __future__ import annotations

from svrag.documents.furniture import drop_furniture, printed_labels
from tests.documents.blocks_made import PROSE, block, page


def book(pages: int, first: int = 1) -> list:
    return [
        page(
            block("text", (50, 20, 550, 32), "Annual report of the pottery"),
            block("text", (50, 200, 550, 212), f"{PROSE} {n}"),
            block("text", (290, 770, 310, 782), str(n + first - 1)),
            number=n,
        )
        for n in range(1, pages + 1)
    ]


def test_what_repeats_at_the_edge_goes_and_the_rest_stays() -> None:
    for number, kept in enumerate(drop_furniture(book(5)), start=1):
        assert [b.text for b in kept.blocks] == [f"{PROSE} {number}"]


def test_what_repeats_in_the_middle_stays() -> None:
    pages = [page(block("text", (50, 400, 550, 412), "See the notes."), number=n) for n in range(1, 6)]
    assert all(kept.blocks for kept in drop_furniture(pages))


def test_a_footer_that_stands_once_is_text() -> None:
    (kept,) = drop_furniture([page(block("page-footer", (50, 770, 400, 782), "Weights are in grams throughout"))])
    assert [b.kind for b in kept.blocks] == ["text"]


def test_printed_numbers_that_do_not_begin_at_one() -> None:
    assert printed_labels(book(5, first=11)) == ["11", "12", "13", "14", "15"]
    assert [p.page.label for p in drop_furniture(book(4, first=3))] == ["3", "4", "5", "6"]


def test_numbers_that_do_not_count_up_are_no_page_numbers() -> None:
    pages = [page(block("text", (50, 770, 90, 782), str(7 * n % 5)), number=n) for n in range(1, 6)]
    assert printed_labels(pages) == [""] * 5
