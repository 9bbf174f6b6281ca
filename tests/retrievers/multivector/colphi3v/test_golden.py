"""Col-Phi-3-V equals the original class of SV-RAG on tiny weights, with and without its adapter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from svrag.retrievers.multivector.colphi3v.checkpoint import adapted_place, place_of
from svrag.retrievers.multivector.colphi3v.config import from_published
from svrag.retrievers.multivector.colphi3v.model import ColPhi3V
from svrag.retrievers.multivector.colphi3v.processor import ColPhi3VProcessor, hd_transform
from svrag.retrievers.multivector.phi3.decoder import decode
from svrag.retrievers.multivector.phi3.published import add_adapter, build, files_of, fill, tensors
from tests.retrievers.multivector.colphi3v.tiny import vocabulary
from tests.retrievers.multivector.phi3.golden import CLOSE, Cases, assert_close, golden, maxsim


@pytest.fixture(scope="module")
def folder() -> Path:
    return golden("col_phi3v")


@pytest.fixture(scope="module")
def cases(folder: Path) -> Cases:
    return Cases(folder)


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def model(folder: Path) -> ColPhi3V:
    return load(folder)


def load(folder: Path, *, layer: int | None = 20, project: bool = False) -> ColPhi3V:
    published: dict[str, Any] = json.loads((folder / "config.json").read_text())
    clip = published["_golden_overrides"]["clip_config"]
    published["img_processor"]["config"] = {
        key: clip[key]
        for key in (
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "image_size",
            "patch_size",
            "hidden_act",
        )
    }
    config = from_published(published)
    config.layer, config.project = layer, project
    return fill(
        build(lambda: ColPhi3V(config)),
        tensors(files_of(folder)),
        lambda key: place_of(key, project=project),
        source="golden",
        device="cpu",
        dtype=torch.float32,
    )


def test_every_case_as_released(model: ColPhi3V, cases: Cases) -> None:
    assert len(cases.names) == 8
    for name in cases.names:
        made, real = model(**cases.inputs(name)), cases.real(name)
        assert_close(made, cases.values[f"{name}.out.embeddings"], real)
        assert not made[~real].any()


def test_every_case_with_the_head(folder: Path, cases: Cases) -> None:
    model = load(folder, layer=None, project=True)
    for name in cases.names:
        expected = cases.values[f"{name}.aux.projected128_last_hidden_state"]
        assert_close(model(**cases.inputs(name)), expected, cases.real(name))


def test_hidden_states(model: ColPhi3V, cases: Cases) -> None:
    for name in cases.names:
        inputs, real = cases.inputs(name), cases.real(name)
        embedded = model.embed(inputs["input_ids"], inputs.get("pixel_values"), inputs.get("image_sizes"))
        assert_close(embedded, cases.values[f"{name}.mid.hidden_state_0"], real)
        for layers, mid in ((20, "hidden_state_20"), (None, "last_hidden_state")):
            states = decode(model.language_model, embedded, inputs["attention_mask"], layers)
            assert_close(states, cases.values[f"{name}.mid.{mid}"], real)


def test_scores(model: ColPhi3V, cases: Cases) -> None:
    def vectors(name: str) -> list[torch.Tensor]:
        made = model(**cases.inputs(name))
        return [row[real] for row, real in zip(made, cases.real(name), strict=True)]

    pages = [vectors(name)[0] for name in ("img_1x1", "img_2x2", "img_2x3", "img_4x4")]
    expected = cases.values["maxsim.out.scores"]
    scores = maxsim([vectors("query_single")[0], vectors("query_left_padded")[0]], pages)
    torch.testing.assert_close(scores, expected, **CLOSE)


def test_adapter_on_off_and_merged(folder: Path, cases: Cases) -> None:
    adapted = add_adapter(load(folder), folder / "adapter", lambda key: adapted_place(key, project=False))
    assert len(cases.adapted) == 2
    for name, expected in cases.adapted.items():
        assert_close(adapted(**cases.inputs(name)), expected, cases.real(name))
        with adapted.disable_adapter():
            plain = adapted(**cases.inputs(name))
        assert_close(plain, cases.values[f"{name}.out.embeddings"], cases.real(name))
        assert_close(adapted(**cases.inputs(name)), expected, cases.real(name))  # not lost
    merged = adapted.merge_and_unload()
    assert isinstance(merged, ColPhi3V)
    for name, expected in cases.adapted.items():
        assert_close(merged(**cases.inputs(name)), expected, cases.real(name))


def gradient(width: int, height: int) -> Image.Image:
    """Red from left to right, green from top to bottom, blue along the diagonal, as the golden pages were drawn."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    planes = [x / (width - 1) + 0 * y, y / (height - 1) + 0 * x, (x + y) / (width + height - 2)]
    return Image.fromarray((np.stack(planes, axis=-1) * 255).astype(np.uint8))


def test_views(folder: Path, tmp_path: Path) -> None:
    processor = ColPhi3VProcessor(vocabulary(tmp_path))
    rows = json.loads((folder / "image_processor_table.json").read_text())
    pooled = load_file(folder / "image_processor_pooled.safetensors")
    assert len(rows) == len(pooled) == 5
    for i, row in enumerate(rows):
        page = gradient(*row["size_wh"])
        square = processor.squared(page)
        assert list(square.size) == row["square_wh"]
        pixels, (lines, columns) = processor.views(square)
        assert [[lines * 336, columns * 336]] == row["image_sizes_hw"]
        assert [1, *pixels.shape] == row["pixel_values_shape"]
        assert [(lines * columns + 1) * 144 + 1 + (lines + 1) * 12] == row["num_img_tokens"]
        cells = torch.nn.functional.adaptive_avg_pool2d(pixels, 6)
        torch.testing.assert_close(cells, pooled[f"img_{i}.pooled"], atol=1e-5, rtol=0)
        if row["without_pad_to_square"]:
            assert [list(hd_transform(page).size[::-1])] == row["without_pad_to_square"]["image_sizes_hw"]
