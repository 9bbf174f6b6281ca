from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.retrievers.elements.made import PLACES, encoder, pictures

Tower = Callable[[str], str]


@pytest.mark.parametrize("kind", ["siglip2", "bert"])
def test_padding_is_masked_though_the_tokenizer_tells_no_mask(tower: Tower, kind: str) -> None:
    _, inputs = encoder(tower, kind)
    batch = inputs.texts(["ab", "abcd"])
    around = 1 if kind == "siglip2" else 2  # signs of the beginning and the end
    assert batch["attention_mask"].sum(1).tolist() == [2 + around, 4 + around]
    assert batch["input_ids"][0, 2 + around :].tolist() == [0, 0]
    assert batch["place_present"].tolist() == [0, 0]


def test_texts_are_cut_to_what_is_read(tower: Tower) -> None:
    for longest, reads in ((64, 64), (20, 20), (500, 64)):
        _, inputs = encoder(tower, "siglip2", longest=longest)
        assert inputs.longest == reads
        assert inputs.texts(["x" * 200, "y"])["input_ids"].shape == (2, reads)


def test_signs_of_the_tokenizer_in_a_text_are_text(tower: Tower) -> None:
    _, inputs = encoder(tower, "siglip2")
    ids = inputs.texts(["a<pad><eos>b"])["input_ids"][0]
    assert "".join(inputs.words(ids[:-1])) == "a<pad><eos>b"
    assert ids.tolist().count(0) == 0


def test_a_text_without_words_has_tokens_all_the_same(tower: Tower) -> None:
    _, inputs = encoder(tower, "siglip2")
    ids = inputs.texts([" \n", "(empty)"])["input_ids"]
    assert ids[0].tolist() == ids[1].tolist()


def test_boxes_are_where_tokens_look(tower: Tower) -> None:
    """A bright corner changes most the token whose box it is in."""
    for kind, cut in (("siglip2", 0.0), ("clip", 0.25)):
        model, inputs = encoder(tower, kind)
        size = (128, 64)
        boxes = inputs.boxes(size)
        assert boxes.shape == (16, 4)
        assert np.allclose(boxes[:, 0].min(), cut)
        assert np.allclose(boxes[:, 2].max(), 1 - cut)
        assert np.allclose([boxes[:, 1].min(), boxes[:, 3].max()], [0, 1])
        blank = Image.new("RGB", size, "white")
        for token in (0, 7, 14):
            marked = blank.copy()
            left, top, right, bottom = (boxes[token] * [*size, *size]).astype(int).tolist()
            marked.paste("black", (left, top, right, bottom))
            seen = inputs.pictures([blank, marked])["pixel_values"]
            embedded = model.vision.embeddings(seen)[:, int(kind == "clip") :]
            assert int((embedded[1] - embedded[0]).norm(dim=-1).argmax()) == token


def test_pictures_of_any_kind(tower: Tower) -> None:
    _, inputs = encoder(tower, "siglip2")
    odd = [*pictures(), Image.new("L", (3, 300)), Image.new("RGBA", (9, 9)), Image.new("1", (40, 40))]
    batch = inputs.pictures(odd, [*PLACES, None, None, None])
    assert batch["pixel_values"].shape == (6, 3, 32, 32)
    assert batch["place_present"].tolist() == [1, 1, 0, 0, 0, 0]


def test_settings_tell_encoders_apart(tower: Tower) -> None:
    told = {
        encoder(tower, kind, **settings)[1].describe()
        for kind, settings in (("siglip2", {}), ("siglip2", {"longest": 9}), ("siglip2", {"tokens": 4}), ("clip", {}))
    }
    assert len(told) == 4
    assert encoder(tower, "siglip2")[1].describe() == encoder(tower, "siglip2")[1].describe()
