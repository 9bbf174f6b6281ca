from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from svrag.cli import main
from svrag.errors import InputError
from svrag.graph.places import Place
from svrag.retrievers.elements.config import ElementConfig
from svrag.retrievers.elements.encoder import ElementGraphEncoder, made
from svrag.retrievers.elements.model import new_model
from svrag.retrievers.elements.published import export
from svrag.retrievers.elements.saved import save
from svrag.retrievers.multivector.heatmap import grid_of
from svrag.retrievers.multivector.loading import is_model_name, load_multivector
from tests.documents_made import write_paper
from tests.retrievers.elements.made import PLACES, TEXTS, encoder, pictures

Tower = Callable[[str], str]


def loaded(tower: Tower, kind: str, **settings: object) -> ElementGraphEncoder:
    return made(kind, "", *encoder(tower, kind, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["siglip2", "clip", "bert", "siglip2+bert"])
def test_results_do_not_depend_on_the_batch(tower: Tower, kind: str) -> None:
    model = loaded(tower, kind, lora=2)
    filler = [f"filler {'x' * (i % 30)}" for i in range(40)]
    told: list[tuple[int, int]] = []
    many = model.passages(
        [*TEXTS, "  ", *filler], lambda *step: told.append(step), places=[*PLACES, PLACES[0], *[PLACES[1]] * 40]
    )
    assert told[-1] == (43, 43)
    assert many[3].vectors.shape == (0, 128)
    for row, text in enumerate(TEXTS):
        (alone,) = model.passages([text], places=[PLACES[row]])
        assert np.allclose(alone.vectors, many[row].vectors, atol=1e-5)
        assert "".join(word for word in alone.words if word not in ("[CLS]", "[SEP]", "<eos>")) == text
    if model.reads_pictures:
        several = [*pictures(), *[Image.new("RGB", (20, 20), "blue")] * 15]
        seen = model.pictures(several, places=[*PLACES, *[None] * 15])
        for row, image in enumerate(pictures()):
            (one,) = model.pictures([image], places=[PLACES[row]])
            assert np.allclose(one.vectors, seen[row].vectors, atol=1e-5)
            assert grid_of(one) == (4, 4) or kind == "clip"  # which sees but the middle, finer across


def test_questions_have_no_place(tower: Tower) -> None:
    model = loaded(tower, "siglip2")
    (question,), (passage,) = model.questions(TEXTS[:1]), model.passages(TEXTS[:1])
    assert np.array_equal(question.vectors, passage.vectors)
    (placed,) = model.passages(TEXTS[:1], places=PLACES[:1])
    assert np.abs(placed.vectors - passage.vectors).max() > 1e-3
    assert model.questions([]) == model.passages([]) == model.pictures([]) == []


def test_the_same_words_elsewhere_are_other_vectors(tower: Tower) -> None:
    model = loaded(tower, "siglip2")
    places = [Place("text", role, 1.0, 0.0) for role in ("intro", "result")]
    first, second = model.passages(["salt", "salt"], places=places)
    assert np.abs(first.vectors - second.vectors).max() > 1e-3
    without = loaded(tower, "siglip2", facets=())
    assert not without.reads_places
    first, second = without.passages(["salt", "salt"], places=places)
    assert np.array_equal(first.vectors, second.vectors)


def test_what_it_says_of_itself(tower: Tower) -> None:
    seeing, reading = loaded(tower, "siglip2"), loaded(tower, "bert", dimension=24, longest=30)
    assert (seeing.dimension, seeing.reads_pictures, seeing.reads_places) == (128, True, True)
    assert (reading.dimension, reading.reads_pictures) == (24, False)
    assert reading.reads_words < seeing.reads_words < 64
    with pytest.raises(InputError, match="reads texts only"):
        reading.pictures(pictures())
    prints = {seeing.fingerprint, reading.fingerprint, loaded(tower, "siglip2", tokens=4).fingerprint}
    prints |= {
        loaded(tower, "siglip2", longest=20).fingerprint,
        loaded(tower, "siglip2", facets=("type",)).fingerprint,
    }
    assert len(prints) == 5
    assert loaded(tower, "siglip2").fingerprint == seeing.fingerprint
    changed, inputs = encoder(tower, "siglip2")
    with torch.no_grad():
        assert changed.gpe is not None
        changed.gpe.raw_beta += 0.5
    assert made("x", "", changed, inputs).fingerprint != seeing.fingerprint


def test_broken_weights_are_told(tower: Tower) -> None:
    model, inputs = encoder(tower, "bert")
    with torch.no_grad():
        model.proj_text.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="no numbers"):
        made("broken", "", model, inputs).questions(["salt"])


def test_folders_and_rows_are_loaded_by_name(tower: Tower, tmp_path: Path) -> None:
    model, _ = encoder(tower, "siglip2", lora=2)
    save(model, tmp_path / "rows" / "mine")
    export(model, tmp_path / "published", "h_full_method")
    expected = load_multivector(str(tmp_path / "rows" / "mine")).questions(["salt"])[0].vectors
    for name in (f"{tmp_path}/rows#mine", f"{tmp_path}/published#h_full_method"):
        assert is_model_name(name)
        found = load_multivector(name)
        assert found.name == name
        assert np.array_equal(found.questions(["salt"])[0].vectors, expected)
    with pytest.raises(InputError, match="several encoders: add # and the name of one, h_full_method"):
        load_multivector(str(tmp_path / "published"))
    assert is_model_name("element-graph#h_best_combo")
    assert is_model_name("owner/model#row")
    assert not is_model_name("owner/model#")
    assert not is_model_name("nothing#row")


def test_a_folder_whose_name_has_the_sign_of_rows(tower: Tower, tmp_path: Path) -> None:
    model, _ = encoder(tower, "bert")
    save(model, tmp_path / "run#3")
    assert load_multivector(str(tmp_path / "run#3")).name == str(tmp_path / "run#3")


@pytest.mark.parametrize(("kind", "name"), [("siglip2", "#model"), ("bert", "/model")])
def test_a_pdf_is_added_and_searched(
    tower: Tower, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, name: str
) -> None:
    model, _ = encoder(tower, kind, lora=2)
    save(model, tmp_path / "model")
    paper = write_paper(tmp_path / "paper.pdf")
    common = ["--library", str(tmp_path / "library"), "--retriever", f"{tmp_path}{name}"]
    assert main(["add", str(paper), *common, "--workers", "1"]) == 0
    capsys.readouterr()
    assert main(["search", "salt in the kiln", *common, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert any("Table salt" in hit["text"] for hit in found["hits"])


def test_real_words_are_near_the_words_they_mean(minilm: str) -> None:
    """Before any training, with heads that only turn: what all-MiniLM has learnt is there."""
    torch.manual_seed(0)
    model, inputs = new_model(ElementConfig(vision=None, text=minilm, dimension=384, longest=128, facets=()))
    with torch.no_grad():
        model.proj_text.weight.copy_(torch.linalg.qr(torch.randn(384, 384))[0])
    encoder = made("minilm", "", model, inputs)
    assert encoder.reads_words == 76
    said = [
        "The oven was lit at dusk to bake the pottery.",
        "Shares of the company fell by nine percent.",
        "Proteins fold in milliseconds.",
    ]
    documents = encoder.passages([*said, "long " * 300])
    assert documents[3].vectors.shape == (128, 384)
    for question, expected in (("When was the kiln fired?", 0), ("stock market losses", 1), ("molecular biology", 2)):
        (asked,) = encoder.questions([question])
        scores = [float((asked.vectors @ one.vectors.T).max(1).sum()) for one in documents[:3]]
        assert int(np.argmax(scores)) == expected
