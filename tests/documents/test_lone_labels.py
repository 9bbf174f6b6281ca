from __future__ import annotations

from svrag.documents.captions import pair_captions
from svrag.documents.lone_labels import with_titles
from svrag.documents.model import Box
from tests.documents.blocks_made import PROSE, block, page

LABEL = block("caption", (280, 60, 320, 72), "TABLE II")
TITLE = block("text", (200, 75, 400, 87), "LOADS OF THE KILN BY MONTH")
TABLE = block("table", (60, 100, 540, 400), "May 318\nJune 300")


def test_the_title_under_a_lone_label_is_its_caption() -> None:
    (captioned,) = pair_captions([page(LABEL, TITLE, TABLE, block("text", (50, 500, 550, 512), PROSE))])
    ((caption, body),) = [(captioned.blocks[p.caption], captioned.blocks[p.body]) for p in captioned.pairs]
    assert caption.text == "TABLE II LOADS OF THE KILN BY MONTH"
    assert caption.box == Box(200, 60, 400, 87)
    assert body.kind == "table"
    assert [label for _, label in captioned.labels] == ["Table 2"]


def test_what_is_no_title_stays_by_itself() -> None:
    for under in (
        block("text", (200, 100, 400, 112), "LOADS OF THE KILN BY MONTH"),  # too far down
        block("text", (400, 75, 500, 87), "LOADS OF THE KILN BY MONTH"),  # beside it
        block("text", (280, 75, 320, 87), "May 318"),  # a row
        block("text", (50, 75, 550, 200), "\n".join([PROSE] * 6)),  # a paragraph
        block("caption", (200, 75, 400, 87), "Figure 3: The kiln"),  # another caption
    ):
        assert with_titles((LABEL, under, TABLE)) == (LABEL, under, TABLE)


def test_a_label_with_words_of_its_own_takes_no_more() -> None:
    label = block("caption", (200, 60, 400, 72), "Table 2: Loads")
    assert with_titles((label, TITLE, TABLE)) == (label, TITLE, TABLE)
