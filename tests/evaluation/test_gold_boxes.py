from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svrag.documents.model import Box, Page
from svrag.documents.rendering import box_on_image
from svrag.evaluation.question import GoldBox


def test_a_box_drawn_on_another_size_is_scaled() -> None:
    page = Page(number=3, width=1000, height=1293)
    gold = GoldBox(3, Box(0, 79.2, 306, 792), (612, 792)).on(page)
    assert gold.page == 3
    assert gold.box == pytest.approx((0, 129.3, 500, 1293))


@given(
    st.sampled_from([0, 90, 180, 270]),
    st.tuples(st.floats(0, 90), st.floats(0, 60), st.floats(1, 10), st.floats(1, 10)),
    st.floats(0.5, 3),
)
def test_a_box_drawn_on_the_page_as_shown_is_found_there_again(rotation, corner, scale) -> None:
    page = Page(number=1, width=100, height=70, rotation=rotation)
    if rotation in (90, 270):
        page = Page(number=1, width=70, height=100, rotation=rotation)
    x, y, w, h = corner
    drawn = Box(x, y, x + w, y + h)  # on the page as shown, 100 by 70, seen at some scale
    gold = GoldBox(1, Box(*(value * scale for value in drawn)), (100 * scale, 70 * scale)).on(page)
    assert box_on_image(page, gold.box, 72) == pytest.approx(drawn)
