"""Col-InternVL2 equals the original class of SV-RAG on tiny weights, with and without its adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from svrag.retrievers.multivector.colinternvl2.checkpoint import adapted_place, place_of
from svrag.retrievers.multivector.colinternvl2.config import from_published
from svrag.retrievers.multivector.colinternvl2.model import ColInternVL2
from svrag.retrievers.multivector.colinternvl2.processor import ColInternVL2Processor, tile_grid
from svrag.retrievers.multivector.phi3.decoder import decode
from svrag.retrievers.multivector.phi3.published import add_adapter, build, files_of, fill, tensors
from tests.retrievers.multivector.colinternvl2.tiny import vocabulary
from tests.retrievers.multivector.phi3.golden import CLOSE, Cases, assert_close, golden, maxsim

IMAGE_TOKEN = 113


@pytest.fixture(scope="module")
def folder() -> Path:
    return golden("col_internvl2")


@pytest.fixture(scope="module")
def cases(folder: Path) -> Cases:
    return Cases(folder)


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def model(folder: Path) -> ColInternVL2:
    return load(folder)


def load(folder: Path) -> ColInternVL2:
    config = from_published(json.loads((folder / "config.json").read_text()))
    config.image_token_id = IMAGE_TOKEN
    stored = tensors(files_of(folder))
    return fill(
        build(lambda: ColInternVL2(config)), stored, place_of, source="golden", device="cpu", dtype=torch.float32
    )


def embeddings(model: torch.nn.Module, cases: Cases, name: str) -> torch.Tensor:
    inputs = cases.inputs(name)
    inputs.pop("image_flags", None)  # all ones
    if "pixel_values" in inputs:
        inputs["pixel_values"] = inputs["pixel_values"][0]
    return model(**inputs)  # type: ignore[no-any-return]


def test_every_case(model: ColInternVL2, cases: Cases) -> None:
    assert len(cases.names) == 7
    for name in cases.names:
        assert_close(embeddings(model, cases, name), cases.values[f"{name}.out.embeddings"], cases.real(name))


def test_hidden_states(model: ColInternVL2, cases: Cases) -> None:
    for name in cases.names:
        inputs, real = cases.inputs(name), cases.real(name)
        pixels = inputs["pixel_values"][0] if "pixel_values" in inputs else None
        if pixels is not None:
            torch.testing.assert_close(model.features(pixels), cases.values[f"{name}.mid.image_features"], **CLOSE)
        embedded, mask = model.embed(inputs["input_ids"], pixels), inputs.get("attention_mask")
        first = decode(model.language_model, embedded, mask, layers=1)
        assert_close(first, cases.values[f"{name}.mid.llm_hidden_state_1"], real)
        last = decode(model.language_model, embedded, mask)
        assert_close(last, cases.values[f"{name}.mid.llm_last_hidden_state"], real)


def test_scores(model: ColInternVL2, cases: Cases) -> None:
    pages = [embeddings(model, cases, name)[0] for name in ("img_1tile", "img_5tile", "img_13tile")]
    padded = embeddings(model, cases, "query_left_padded")[0][cases.real("query_left_padded")[0]]
    scores = maxsim([embeddings(model, cases, "query_single")[0], padded], pages)
    torch.testing.assert_close(scores, cases.values["maxsim.out.scores"], **CLOSE)


def test_adapter_on_off_and_merged(cases: Cases, folder: Path) -> None:
    adapted = add_adapter(load(folder), folder / "adapter", adapted_place)
    assert len(cases.adapted) == 3
    for name, expected in cases.adapted.items():
        torch.testing.assert_close(embeddings(adapted, cases, name), expected, **CLOSE)
        with adapted.disable_adapter():
            torch.testing.assert_close(
                embeddings(adapted, cases, name), cases.values[f"{name}.out.embeddings"], **CLOSE
            )
        torch.testing.assert_close(embeddings(adapted, cases, name), expected, **CLOSE)  # not lost
    merged = adapted.merge_and_unload()
    assert isinstance(merged, ColInternVL2)
    for name, expected in cases.adapted.items():
        torch.testing.assert_close(embeddings(merged, cases, name), expected, **CLOSE)


def test_grids_of_tiles(folder: Path) -> None:
    rows = json.loads((folder / "tiling_table_448.json").read_text())
    assert len(rows) == 18
    for row in rows:
        for most in (6, 12, 20):
            expected = row[f"max_num={most}"]
            columns, lines = tile_grid(*row["size_wh"], 448, most)
            tiles = columns * lines + (columns * lines > 1)
            assert [columns, lines] == expected["grid_cols_rows"], row
            assert (tiles, 256 * tiles) == (expected["tiles_incl_thumbnail"], expected["image_tokens"])


def test_pixels_of_tiles_to_the_bit(folder: Path, tmp_path: Path) -> None:
    expected = load_file(folder / "tiling.safetensors")
    assert len(expected) == 6
    pages = {file.name.rpartition("_")[0]: Image.open(file) for file in folder.glob("page_*.png")}
    for key, pixels in expected.items():
        page, most, _ = key.split(".")
        processor = ColInternVL2Processor(
            vocabulary(tmp_path), tile=56, tokens=4, most_tiles=int(most.removeprefix("max"))
        )
        made, _ = processor.tiles(pages[page])
        assert torch.equal(made.bfloat16(), pixels), key
