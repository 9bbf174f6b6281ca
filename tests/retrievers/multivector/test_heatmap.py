"""Maps of what matched where: planted patches light up, whatever the order of tokens and however a page is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from svrag.errors import InputError
from svrag.retrievers.multivector.encoder import Tokens
from svrag.retrievers.multivector.heatmap import best_matches, grid_of, lifted, question_map, similarity_maps
from tests.retrievers.multivector.colours import ColourEncoder, boxes_of


def tokens(vectors: np.ndarray, boxes: np.ndarray | None = None) -> Tokens:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return Tokens(unit.astype(np.float32), ("",) * len(unit), boxes)


def random_tokens(random: np.random.Generator, count: int, boxes: np.ndarray | None = None) -> Tokens:
    return tokens(random.normal(size=(count, 6)), boxes)


def subset(picture: Tokens, order: np.ndarray) -> Tokens:
    assert picture.boxes is not None
    return Tokens(picture.vectors[order], tuple(picture.words[i] for i in order), picture.boxes[order])


def together(*parts: Tokens) -> Tokens:
    boxes = [part.boxes for part in parts if part.boxes is not None]
    words = sum((part.words for part in parts), ())
    return Tokens(np.concatenate([part.vectors for part in parts]), words, np.concatenate(boxes))


def page(colour: str, box: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("RGB", (320, 320), "white")
    ImageDraw.Draw(image).rectangle(box, fill=colour)
    return image


@pytest.mark.parametrize("tiles", [1, 3])
@pytest.mark.parametrize("aspect", [(320, 320), (320, 480)])
def test_a_planted_patch_lights_up(tiles: int, aspect: tuple[int, int]) -> None:
    encoder = ColourEncoder(tiles=tiles)
    question = encoder.questions(["where is red"])[0]
    (picture,) = encoder.pictures([page("red", (200, 40, 279, 119)).resize(aspect)])
    rows, columns = grid_of(picture)
    assert (rows, columns) == (8 * tiles, 8 * tiles)
    maps = similarity_maps(question, picture, rows, columns)
    inside = np.zeros((rows, columns), dtype=bool)
    inside[tiles : 3 * tiles, 5 * tiles : 7 * tiles] = True
    red = question.words.index("red")
    assert maps[red][inside].min() > 0.9
    assert maps[red][~inside].max() < 0.6
    whole = question_map(maps)
    assert whole[inside].min() > 10 * max(whole[~inside].max(), 0.01), "words that match everything alike stay dark"
    similarities, boxes = best_matches(question, picture)
    left, top, right, bottom = boxes[red]
    assert 5 / 8 <= left < right <= 7 / 8
    assert 1 / 8 <= top < bottom <= 3 / 8
    assert similarities[red] == pytest.approx(maps[red].max(), abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4))
def test_order_of_tokens_does_not_matter(seed: int, grid: int, count: int) -> None:
    random = np.random.default_rng(seed)
    fine, coarse = (random_tokens(random, n * n, boxes_of(n)) for n in (2 * grid, grid))
    twice = random_tokens(random, grid * grid, boxes_of(grid))  # of the size of others
    picture, question = together(fine, coarse, twice), random_tokens(random, count)
    size = grid_of(picture)
    maps = similarity_maps(question, picture, *size)
    shuffled = subset(picture, random.permutation(len(picture.words)))
    assert grid_of(shuffled) == size
    np.testing.assert_allclose(similarity_maps(question, shuffled, *size), maps, atol=1e-6)
    order = random.permutation(count)
    other = Tokens(question.vectors[order], question.words)
    np.testing.assert_allclose(similarity_maps(other, picture, *size), maps[order], atol=1e-6)
    np.testing.assert_allclose(question_map(maps[order]), question_map(maps), atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
def test_a_page_read_in_tiles_is_the_page_read_at_once(seed: int, across: int, down: int, patches: int) -> None:
    random = np.random.default_rng(seed)
    question = random_tokens(random, 3)
    vectors = random.normal(size=(down * patches, across * patches, 6))
    whole = tokens(vectors.reshape(-1, 6), rectangles(0, 0, 1, 1, across * patches, down * patches))
    tiles = [
        tokens(
            vectors[y * patches : (y + 1) * patches, x * patches : (x + 1) * patches].reshape(-1, 6),
            rectangles(x / across, y / down, (x + 1) / across, (y + 1) / down, patches, patches),
        )
        for y in range(down)
        for x in range(across)
    ]
    split = together(*tiles)
    if across * down > 1:
        split = together(split, random_tokens(random, patches * patches, rectangles(0, 0, 1, 1, patches, patches)))
    size = grid_of(split)
    assert size == (down * patches, across * patches) == grid_of(whole)
    expected = similarity_maps(question, whole, *size)
    np.testing.assert_allclose(similarity_maps(question, split, *size), expected, atol=1e-6)


def rectangles(left: float, top: float, right: float, bottom: float, columns: int, rows: int) -> np.ndarray:
    """The cells of a tile, row by row."""
    across, down = np.linspace(left, right, columns + 1), np.linspace(top, bottom, rows + 1)
    cells = [(across[x], down[y], across[x + 1], down[y + 1]) for y in range(rows) for x in range(columns)]
    return np.array(cells, dtype=np.float32)


def test_what_no_token_sees_is_unknown_and_a_coarse_token_fills_in() -> None:
    question = tokens(np.eye(2))
    left = np.array([[0, 0, 0.25, 1]], dtype=np.float32)
    prompt = np.full((1, 4), np.nan, dtype=np.float32)
    picture = together(tokens(np.array([[1.0, 0]]), left), tokens(np.array([[0, 1.0]]), prompt))
    maps = similarity_maps(question, picture, 2, 4)
    np.testing.assert_array_equal(maps[0], [[1, np.nan, np.nan, np.nan]] * 2)
    assert np.isnan(question_map(maps)).sum() == 6
    over_all = tokens(np.array([[0.6, 0.8]]), np.array([[0, 0, 1, 1]], dtype=np.float32))
    maps = similarity_maps(question, together(picture, over_all), 2, 4)
    np.testing.assert_allclose(maps[0], [[1, 0.6, 0.6, 0.6]] * 2, atol=1e-6)
    similarities, boxes = best_matches(question, picture)
    np.testing.assert_array_equal(similarities, [1, 1])
    assert np.isnan(boxes[1]).all(), "the prompt's token takes part in MaxSim and sees nothing"


def test_tokens_of_one_size_that_overlap_are_averaged() -> None:
    question = tokens(np.array([[1.0, 0]]))
    boxes = np.array([[0, 0, 0.75, 1], [0.25, 0, 1, 1]], dtype=np.float32)
    picture = tokens(np.array([[1.0, 0], [0.0, 1]]), boxes)
    np.testing.assert_allclose(similarity_maps(question, picture, 1, 4), [[[1, 0.5, 0.5, 0]]])


def test_a_token_that_matches_everything_alike_lifts_nothing() -> None:
    random = np.random.default_rng(0)
    maps = np.stack([np.full((4, 4), 0.9), random.normal(size=(4, 4)) / 10]).astype(np.float32)
    assert (lifted(maps)[0] == 0).all()
    alone = np.maximum(lifted(maps)[1], 0)
    np.testing.assert_allclose(question_map(maps), alone - np.median(alone))


def test_texts_and_tokens_without_places_are_refused() -> None:
    encoder = ColourEncoder()
    question = encoder.questions(["red"])[0]
    with pytest.raises(InputError, match="only pictures"):
        grid_of(question)
    nowhere = tokens(np.eye(3), np.full((3, 4), np.nan, dtype=np.float32))
    with pytest.raises(InputError, match="where it looks"):
        similarity_maps(tokens(np.eye(3)), nowhere, 2, 2)
