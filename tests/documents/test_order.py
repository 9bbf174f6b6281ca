from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.order import in_reading_order
from tests.documents.blocks_made import block

TITLE = block("title", (50, 40, 550, 70), "title")
LEFT = [block("text", (50, 100 + 110 * i, 290, 200 + 110 * i), f"left {i}") for i in range(5)]
RIGHT = [block("text", (310, 100 + 110 * i, 550, 200 + 110 * i), f"right {i}") for i in range(5)]
FOOT = block("page-footer", (50, 760, 550, 772), "foot")


@given(st.randoms(use_true_random=False))
def test_two_columns_whatever_the_order_in_the_file(shuffler: random.Random) -> None:
    blocks = [TITLE, *LEFT, *RIGHT, FOOT]
    shuffler.shuffle(blocks)
    assert [b.text for b in in_reading_order(blocks)] == [b.text for b in [TITLE, *LEFT, *RIGHT, FOOT]]


@given(st.randoms(use_true_random=False))
def test_a_figure_over_both_columns_parts_what_is_above_from_what_is_below(shuffler: random.Random) -> None:
    figure = block("picture", (50, 320, 550, 420))
    upper = [*LEFT[:2], *RIGHT[:2]]
    lower = [*LEFT[3:], *RIGHT[3:]]
    blocks = [figure, *upper, *lower]
    shuffler.shuffle(blocks)
    assert in_reading_order(blocks) == [*upper, figure, *lower]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 700)), max_size=12))
def test_nothing_is_lost_or_doubled(corners: list[tuple[int, int]]) -> None:
    blocks = [block("text", (x, y, x + 90, y + 30), str(i)) for i, (x, y) in enumerate(corners)]
    assert sorted(b.text for b in in_reading_order(blocks)) == sorted(b.text for b in blocks)


def test_one_column_reads_down_and_rows_across() -> None:
    name, value = block("text", (50, 100, 150, 112), "name"), block("text", (160, 101, 250, 113), "value")
    below = block("text", (50, 130, 550, 160), "below")
    assert [b.text for b in in_reading_order([below, value, name])] == ["name", "value", "below"]
