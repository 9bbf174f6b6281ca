from __future__ import annotations

from dataclasses import replace

from svrag.documents.blocks import PageBlocks
from svrag.documents.captions import Captioned, pair_captions
from svrag.documents.model import Box
from tests.documents.blocks_made import PROSE, block, page


def pairs(captioned: Captioned) -> list[tuple[str, str, tuple[float, ...]]]:
    """(caption, kind of body, box of body) of each pair."""
    return [
        (captioned.blocks[p.caption].text, captioned.blocks[p.body].kind, tuple(captioned.blocks[p.body].box))
        for p in captioned.pairs
    ]


def only(source: PageBlocks) -> Captioned:
    (captioned,) = pair_captions([source])
    return captioned


def test_figures_above_and_tables_below_their_captions() -> None:
    source = page(
        block("picture", (50, 100, 550, 300)),
        block("caption", (50, 310, 550, 322), "Figure 1: Heat"),
        block("caption", (50, 350, 550, 362), "Table 1: Weights"),
        block("table", (50, 370, 550, 500), "a b\nc d"),
    )
    assert sorted(pairs(only(source))) == [
        ("Figure 1: Heat", "picture", (50, 100, 550, 300)),
        ("Table 1: Weights", "table", (50, 370, 550, 500)),
    ]


def test_no_body_has_two_captions_and_no_caption_two_bodies() -> None:
    source = page(
        block("picture", (50, 100, 280, 300)),
        block("picture", (320, 100, 550, 300)),
        block("caption", (50, 310, 280, 322), "Figure 1: Left"),
        block("caption", (320, 310, 550, 322), "Figure 2: Right"),
        block("caption", (50, 700, 280, 712), "Figure 3: Elsewhere"),
    )
    captioned = only(source)
    bodies = [p.body for p in captioned.pairs]
    assert len(bodies) == len(set(bodies))
    found = pairs(captioned)
    assert ("Figure 1: Left", "picture", (50, 100, 280, 300)) in found
    assert ("Figure 2: Right", "picture", (320, 100, 550, 300)) in found


def test_the_side_a_document_uses_decides_between_two_neighbours() -> None:
    """Captions above their figures on two pages; on the third the caption stands between two figures."""
    clear = [
        page(
            block("caption", (50, 100, 550, 112), f"Figure {n}: Heat"),
            block("picture", (50, 120, 550, 300)),
            block("text", (50, 400, 550, 412), PROSE),
            number=n,
        )
        for n in (1, 2)
    ]
    unclear = page(
        block("picture", (50, 100, 550, 300)),
        block("caption", (50, 310, 550, 322), "Figure 4: Glaze"),
        block("picture", (50, 332, 550, 500)),
        number=3,
    )
    assert pairs(pair_captions([*clear, unclear])[2])[0][2] == (50, 332, 550, 500)


def test_a_sentence_about_a_figure_is_no_caption() -> None:
    source = page(
        block("picture", (50, 100, 550, 300)), block("text", (50, 310, 550, 322), "Figure 1 shows the heat.")
    )
    assert pairs(only(source)) == []


def test_a_chart_without_a_number_takes_its_title_and_source() -> None:
    source = page(
        block("section-header", (50, 80, 550, 92), "Revenue by region"),
        block("picture", (50, 100, 550, 300)),
        block("text", (50, 306, 550, 318), "Source: company accounts"),
        block("text", (50, 400, 550, 412), PROSE),
    )
    captioned = only(source)
    (pair,) = captioned.pairs
    assert captioned.blocks[pair.caption].text == "Revenue by region"
    assert pair.source is not None
    assert captioned.blocks[pair.source].text == "Source: company accounts"
    assert pair.label == ""


def test_a_paragraph_above_a_chart_and_a_numbered_note_below_are_no_caption() -> None:
    source = page(
        block("section-header", (50, 60, 550, 72), "Climate and energy"),
        block("text", (50, 76, 550, 88), "Emissions fell by a tenth, mainly because of the new ship."),
        block("picture", (50, 100, 550, 300)),
        block("text", (50, 306, 550, 318), "Source: company accounts"),
    )
    assert pairs(only(source)) == []
    source = page(
        block("text", (50, 80, 550, 92), "Year ended 31 December"),
        block("table", (50, 100, 550, 300), "Revenue 262.5"),
        block("section-header", (50, 312, 550, 324), "Note 3: Fuel and energy"),
    )
    assert all(pair.source is None for pair in only(source).pairs)


def test_a_table_of_loose_lines_is_made_from_the_space_below_its_caption() -> None:
    source = page(
        block("caption", (50, 100, 550, 112), "Table 7: Weights"),
        block("text", (50, 120, 200, 132), "North 318"),
        block("text", (50, 136, 200, 148), "South 300"),
        block("text", (50, 200, 550, 212), PROSE),
    )
    ((caption, kind, box),) = pairs(only(source))
    assert (caption, kind) == ("Table 7: Weights", "table")
    assert box == (50, 120, 200, 148)


def test_a_caption_that_the_layout_took_into_the_picture_is_freed() -> None:
    inside = block("picture", (50, 100, 550, 312), "Normal\nMutated")
    line = block("caption", (150, 298, 450, 310), "Figure 4\nTypes of mutation").lines
    taken = tuple(replace(part, box=Box(150 + 60 * i, 298, 200 + 60 * i, 310)) for i, part in enumerate(line))
    source = page(replace(inside, lines=(*inside.lines, *taken)), block("text", (50, 400, 550, 412), PROSE))
    captioned = only(source)
    ((caption, kind, box),) = pairs(captioned)
    assert (caption, kind) == ("Figure 4 Types of mutation", "picture")
    assert box == (50, 100, 550, 297)


def test_a_table_with_its_caption_in_one_grey_panel() -> None:
    panel = block("picture", (50, 100, 280, 220), "Table 1 Kinds of clay\nred\nwhite\nblack\nmixed\nfired")
    captioned = only(page(panel))
    ((caption, kind, _),) = pairs(captioned)
    assert (caption, kind) == ("Table 1 Kinds of clay", "table")


def test_a_picture_that_is_nothing_but_a_caption() -> None:
    source = page(block("picture", (50, 100, 550, 300)), block("picture", (150, 310, 450, 322), "Figure 7: Kinds"))
    assert pairs(only(source)) == [("Figure 7: Kinds", "picture", (50, 100, 550, 300))]
