from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svrag.errors import InputError
from svrag.retrievers.dense.encoder import TextEncoder, load_encoder
from tests.retrievers.dense.checkpoints import WORDS, change_weights, write_encoder

TEXTS = ["The kiln was fired.", "Salt.", "Nine hours in the chamber, " * 12, "Bowls weigh 318 grams."]


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def tiny(tiny_folder: Path) -> TextEncoder:
    return load_encoder(str(tiny_folder))


@pytest.fixture
def copied(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def test_vectors_have_length_one_and_do_not_depend_on_the_batch(minilm: str) -> None:
    encoder = load_encoder(minilm)
    told: list[tuple[int, int]] = []
    many = encoder.passages([*TEXTS, *(f"filler {i} " * (i % 40) for i in range(60))], lambda *step: told.append(step))
    assert (many.dtype, many.shape) == (np.float32, (64, encoder.dimension))
    assert np.linalg.norm(many, axis=1) == pytest.approx(np.ones(64), abs=1e-5)
    for i, text in enumerate(TEXTS):
        assert np.abs(encoder.passages([text])[0] - many[i]).max() < 1e-5
    assert told[-1] == (64, 64)


def test_real_weights_know_what_is_close_in_meaning(minilm: str) -> None:
    encoder = load_encoder(minilm)
    closeness = encoder.passages(TEXTS) @ encoder.questions(["At what time was the oven lit for the pottery?"])[0]
    assert closeness.argmax() in (0, 2)
    assert closeness.argmin() == 1


def test_no_texts(tiny: TextEncoder) -> None:
    assert tiny.passages([]).shape == (0, tiny.dimension)


def test_prompts_stand_before_questions_and_documents(tiny: TextEncoder, tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "prompted", prompts={"query": "question : ", "document": "passage : "})
    prompted = load_encoder(str(folder))
    assert prompted.questions(["the kiln"]) == pytest.approx(tiny.questions(["question : the kiln"]), abs=1e-6)
    assert prompted.passages(["the kiln"]) == pytest.approx(tiny.passages(["passage : the kiln"]), abs=1e-6)
    assert prompted.fingerprint != tiny.fingerprint
    assert len(prompted.windows("kiln " * 40)) > len(tiny.windows("kiln " * 40))  # the prompt takes room


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=120), st.lists(st.sampled_from(WORDS), max_size=40))
def test_windows_hold_every_word_and_fit(tiny: TextEncoder, words: list[str], heading: list[str]) -> None:
    context = " ".join(heading)
    windows = tiny.windows(" ".join(words), context)
    heads = [window.partition("\n")[0] if context else "" for window in windows]
    bodies = [window.partition("\n")[2] if context else window for window in windows]
    assert all(context.endswith(head) and head for head in heads) or not context
    for window in windows:
        assert len(tiny._model.tokenizer(window, truncation=False)["input_ids"]) <= 24
    # One after the other the windows are the text again, what neighbours share aside.
    joined: list[str] = []
    for body in bodies:
        piece = body.split()
        shared = next(n for n in range(len(joined), -1, -1) if joined[len(joined) - n :] == piece[:n])
        joined += piece[shared:]
    assert set(joined) == set(words)
    assert bodies[0].split() == words[: len(bodies[0].split())]
    assert bodies[-1].split() == words[-len(bodies[-1].split()) :]


def test_windows_of_text_without_spaces_or_words(tiny: TextEncoder) -> None:
    assert tiny.windows("", "") == tiny.windows("  \n ", "") == []
    assert tiny.windows("", "the kiln") == ["the kiln"]
    assert "".join(dict.fromkeys("".join(tiny.windows(":>" * 60)))) == ":>"


def test_a_missing_weight_is_an_error(copied: Path) -> None:
    change_weights(copied, without="encoder.layer.1.output.dense.weight")
    with pytest.raises(
        InputError, match=r"missing encoder\.layer\.1\.output\.dense\.weight; get the checkpoint again"
    ):
        load_encoder(str(copied))


def test_a_weight_that_belongs_nowhere_is_an_error(copied: Path) -> None:
    change_weights(copied, extra="encoder.layer.9.output.dense.weight")
    with pytest.raises(InputError, match=r"unexpected encoder\.layer\.9\.output\.dense\.weight"):
        load_encoder(str(copied))


def test_a_missing_pooler_changes_nothing(copied: Path, tiny: TextEncoder) -> None:
    change_weights(copied, without="pooler.dense.weight")
    assert load_encoder(str(copied)).passages(["the kiln"]) == pytest.approx(tiny.passages(["the kiln"]), abs=1e-6)


def test_the_fingerprint_tells_weights_apart_not_places(copied: Path, tiny: TextEncoder) -> None:
    assert load_encoder(str(copied)).fingerprint == tiny.fingerprint
    change_weights(copied, nudged="encoder.layer.0.output.dense.bias")
    for other in ("another", "third"):  # the last two encoders are kept
        load_encoder(str(write_encoder(copied.parent / other, seed=1)))
    assert load_encoder(str(copied)).fingerprint != tiny.fingerprint


def test_places_without_an_encoder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        load_encoder(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="cannot load the encoder"):
        load_encoder(str(tmp_path))


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(HfApi, "model_info", unreachable)
    with pytest.raises(InputError, match=r"cannot be reached: name a folder with --encoder DIR"):
        load_encoder("svrag-tests/not-on-this-machine")


def test_no_such_name_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    def unknown(*_: object, **__: object) -> None:
        raise HfHubHTTPError("404", response=httpx.Response(404, request=httpx.Request("GET", "https://hub.invalid")))

    monkeypatch.setattr(HfApi, "model_info", unknown)
    with pytest.raises(InputError, match="no encoder 'svrag-tests/nothing' on the Hugging Face Hub"):
        load_encoder("svrag-tests/nothing")


def test_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match=r'needs sentence_transformers: pip install "svrag\[dense\]"'):
        load_encoder("svrag-tests/any")


def test_models_compared_by_dot_products_keep_their_lengths(copied: Path, tiny: TextEncoder) -> None:
    settings = copied / "config_sentence_transformers.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "similarity_fn_name": "dot"}))
    other = load_encoder(str(copied))
    made, unit = other.passages(["the kiln", "salt"]), tiny.passages(["the kiln", "salt"])
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    assert (other.cosine, tiny.cosine) == (False, True)
    assert abs(lengths - 1).min() > 0.1
    assert made / lengths == pytest.approx(unit, abs=1e-6)
