from __future__ import annotations

import numpy as np

from svrag.documents.blocks import Line
from svrag.documents.ink import picture_boxes
from svrag.documents.model import Box

WIDTH, HEIGHT, DPI = 600.0, 800.0, 150
SCALE = DPI / 72


def sheet(background: int = 255) -> np.ndarray:
    return np.full((round(HEIGHT * SCALE), round(WIDTH * SCALE)), background, np.uint8)


def paint(image: np.ndarray, box: tuple[float, float, float, float], grey: int = 40) -> None:
    x0, y0, x1, y1 = (round(value * SCALE) for value in box)
    image[y0:y1, x0:x1] = grey


def line(text: str, box: tuple[float, float, float, float]) -> Line:
    return Line(text, Box(*box), size=box[3] - box[1])


def picture(image: np.ndarray, box: tuple[float, float, float, float]) -> None:
    """Something to see: a dark frame with lighter stripes in it."""
    paint(image, box)
    x0, y0, x1, y1 = box
    for i in range(1, 8):
        x = x0 + (x1 - x0) * i / 8 - 6
        paint(image, (x, y0 + 10, x + 14, y1 - 10), grey=200 - 10 * i)


def test_a_chart_is_found_and_text_is_not() -> None:
    image = sheet()
    picture(image, (100, 200, 400, 450))
    words = line("The kiln was fired for nine hours and then left to cool", (60, 600, 540, 612))
    paint(image, tuple(words.box))
    (box,) = picture_boxes(image, WIDTH, HEIGHT, [words])
    assert box.iou(Box(100, 200, 400, 450)) > 0.93


def test_bars_on_one_axis_are_one_picture_with_their_labels() -> None:
    image = sheet()
    labels = []
    for i in range(4):
        x = 120 + 70 * i
        paint(image, (x, 300 - 30 * i, x + 40, 450))
        labels.append(line(f"20{i}0", (x, 455, x + 40, 465)))
        paint(image, tuple(labels[-1].box))
    paint(image, (110, 448, 380, 451))
    (box,) = picture_boxes(image, WIDTH, HEIGHT, labels)
    assert box.iou(Box(110, 210, 380, 465)) > 0.9


def test_coloured_paper_is_no_picture() -> None:
    image = sheet(background=120)
    assert picture_boxes(image, WIDTH, HEIGHT, []) == []
    paint(image, (100, 200, 400, 450), grey=240)
    paint(image, (200, 300, 300, 350), grey=60)
    assert len(picture_boxes(image, WIDTH, HEIGHT, [])) == 1


def test_rules_and_specks_are_no_pictures() -> None:
    image = sheet()
    paint(image, (50, 100, 550, 102))
    paint(image, (50, 700, 60, 710))
    assert picture_boxes(image, WIDTH, HEIGHT, []) == []


def test_a_caption_below_is_not_taken_in() -> None:
    image = sheet()
    picture(image, (100, 200, 400, 450))
    caption = line("Figure 3: Heat", (100, 454, 300, 466))
    (box,) = picture_boxes(image, WIDTH, HEIGHT, [caption])
    assert box.y1 <= 454


def test_the_size_of_the_image_does_not_matter() -> None:
    image = sheet()
    picture(image, (100, 200, 400, 450))
    (fine,), (coarse,) = picture_boxes(image, WIDTH, HEIGHT, []), picture_boxes(image[::2, ::2], WIDTH, HEIGHT, [])
    assert fine.iou(coarse) > 0.93


def test_a_rule_does_not_join_pictures_with_prose_beside_them() -> None:
    image = sheet()
    picture(image, (100, 100, 300, 298))
    paint(image, (40, 300, 560, 303))
    picture(image, (320, 305, 500, 500))
    prose = line("Lift both sides of the shelf and pull it straight out", (60, 350, 310, 362))
    boxes = sorted(picture_boxes(image, WIDTH, HEIGHT, [prose]))
    assert len(boxes) == 2
    assert boxes[0].iou(Box(100, 100, 300, 298)) > 0.9
    assert boxes[1].iou(Box(320, 305, 500, 500)) > 0.9


def test_the_black_edge_of_a_scan_is_no_picture() -> None:
    image = sheet()
    paint(image, (540, 300, 600, 800), grey=0)
    assert picture_boxes(image, WIDTH, HEIGHT, []) == []
