from __future__ import annotations

from pathlib import Path

import pytest

from svrag.documents.model import Box, Element
from svrag.retrievers.dense.encoder import TextEncoder, load_encoder
from svrag.retrievers.dense.passages import fingerprint, passages
from tests.retrievers.dense.checkpoints import write_encoder

BOX = Box(0, 0, 100, 20)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    return load_encoder(str(write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")))


def element(kind: str, text: str, **fields: object) -> Element:
    return Element("d.1.1", "d", kind, 1, BOX, text, **fields)  # type: ignore[arg-type]


def test_what_is_encoded_of_each_kind(encoder: TextEncoder) -> None:
    made = passages(
        [
            element("section_header", "1 the kiln"),
            element("text", "fired for nine hours", section_path=("1 the kiln", "2 salt")),
            element("figure", "", caption=""),
            element("table", "3 grams", caption="the bowls", section_path=("1 the kiln",)),
            element("caption", "the bowls", target_id="d.1.4"),
            element("caption", "salt thrown"),
            element("page", "the kiln fired"),
        ],
        encoder,
    )
    assert dict(zip(made.positions, made.texts, strict=True)) == {
        0: "1 the kiln",
        1: "1 the kiln > 2 salt\nfired for nine hours",
        3: "1 the kiln\nthe bowls\n3 grams",
        5: "salt thrown",
        6: "the kiln fired",
    }


def test_long_elements_have_several_passages_each_after_the_heading(encoder: TextEncoder) -> None:
    made = passages(
        [element("text", "fired " * 50, section_path=("the kiln",)), element("text", "nine hours")], encoder
    )
    assert made.positions == (*[0] * (len(made.positions) - 1), 1)
    assert len(made.positions) > 3
    assert all(text.startswith("the kiln\nfired") for text in made.texts[:-1])


def test_vectors_are_named_by_the_weights_and_the_way_texts_are_cut(encoder: TextEncoder, tmp_path: Path) -> None:
    other = load_encoder(str(write_encoder(tmp_path / "other", seed=1)))
    assert fingerprint(encoder).startswith(encoder.fingerprint)
    assert fingerprint(encoder) != encoder.fingerprint
    assert fingerprint(encoder) != fingerprint(other)
