"""Encoders with one vector: what is opened, trained, saved, and read back by the loaders of the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from svrag.errors import InputError
from svrag.retrievers.dense.encoder import load_encoder
from svrag.training.batch import Item
from svrag.training.config import LossPart
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.dense.networks import write_qwen
from tests.training.models.families import QUESTIONS, TEXTS, Stripes
from tests.training.models.one_vector import ADAPTER, opened, trained, vectors_of

INFONCE = LossPart(name="infonce", temperature=0.1)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("bert"), prompts={"query": "question : ", "document": "passage : "})


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_qwen(tmp_path_factory.mktemp("qwen"))


def assert_read_back(folder: Path, trainable: Any) -> None:
    encoder = load_encoder(str(folder))
    np.testing.assert_allclose(
        encoder.questions(QUESTIONS), vectors_of(trainable, [*QUESTIONS], query=True), atol=1e-5
    )
    np.testing.assert_allclose(encoder.passages(TEXTS), vectors_of(trainable, [*TEXTS], query=False), atol=1e-5)


@pytest.mark.parametrize("adapter", [ADAPTER, None], ids=["lora", "whole"])
@pytest.mark.parametrize("family", ["bert", "qwen"])
def test_steps_lower_the_loss_and_what_is_saved_loads_to_equal_vectors(
    family: str, adapter: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(family)
    trainable = opened(folder, adapter, **({} if family == "bert" else {"family": "dense"}))
    untouched = vectors_of(trainable, [*TEXTS], query=False)
    before, after = trained(trainable, INFONCE)
    assert after < before - 0.01
    assert np.abs(vectors_of(trainable, [*TEXTS], query=False) - untouched).max() > 1e-3
    changed = {name for name, weight in trainable.network.named_parameters() if weight.requires_grad}
    assert all((".lora_" in name) == (adapter is not None) for name in changed)
    trainable.save(tmp_path)
    assert_read_back(tmp_path, trainable)


def test_the_checkpoint_as_it_is_gives_the_vectors_that_search_has_of_it(bert: Path) -> None:
    assert_read_back(bert, opened(bert))


def test_real_weights(minilm: str, tmp_path: Path) -> None:
    trainable = opened(Path(minilm))
    assert_read_back(Path(minilm), trainable)
    before, after = trained(trainable, INFONCE, steps=2)
    assert after < before
    trainable.save(tmp_path)
    assert_read_back(tmp_path, trainable)


def test_a_bare_network_gets_the_masked_mean_or_its_first_token(qwen: Path) -> None:
    from transformers import AutoModel

    network = AutoModel.from_pretrained(qwen)
    texts = [TEXTS[0], TEXTS[0] + TEXTS[1]]  # the first is padded
    for pooling, expected in (("mean", lambda hidden: hidden.mean(0)), ("cls", lambda hidden: hidden[0])):
        trainable = opened(qwen, family="dense", pooling=pooling, similarity="dot")
        found = vectors_of(trainable, texts, query=False)
        for text, vector in zip(texts, found, strict=True):
            inputs = trainable.prepare([Item(text=text)], query=False)
            with torch.no_grad():
                hidden = network(input_ids=inputs["input_ids"]).last_hidden_state[0]
            np.testing.assert_allclose(vector, expected(hidden).numpy(), atol=1e-5)


def test_vectors_that_are_compared_by_their_dot_product_keep_their_length(bert: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    trainable = opened(bert, similarity="dot")
    found = vectors_of(trainable, [*TEXTS], query=False)
    assert np.abs(np.linalg.norm(found, axis=1) - 1).min() > 0.1
    cosine = vectors_of(opened(bert), [*TEXTS], query=False)
    np.testing.assert_allclose(found / np.linalg.norm(found, axis=1, keepdims=True), cosine, atol=1e-6)
    trainable.save(tmp_path)
    again = SentenceTransformer(str(tmp_path), device="cpu")
    assert again.similarity_fn_name == "dot"
    np.testing.assert_allclose(again.encode_document([*TEXTS]), found, atol=1e-5)


def test_longer_texts_are_cut_where_the_recipe_says(bert: Path, tmp_path: Path) -> None:
    trainable = opened(bert, longest=6)
    assert trainable.prepare([Item(text=" ".join(TEXTS))], query=False)["input_ids"].shape == (1, 6)
    trainable.save(tmp_path)
    assert json.loads((tmp_path / "sentence_bert_config.json").read_text()).get("max_seq_length", 6) == 6
    assert_read_back(tmp_path, trainable)


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_no_more_is_read_than_a_network_has_places_for(family: str, bert: Path, tmp_path: Path) -> None:
    """A recipe is for models of any length. RoBERTa's first places are those of its padding."""
    folder = Path(shutil.copytree(bert, tmp_path / "copy"))
    if family == "Roberta":
        import transformers

        config = transformers.RobertaConfig(
            vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=26, pad_token_id=0,
        )  # fmt: skip
        transformers.RobertaModel(config).save_pretrained(folder)
    trainable = opened(folder, longest=10_000)
    long = Item(text=" ".join([*TEXTS] * 20))
    prepared = trainable.prepare([long], query=False)
    assert prepared["input_ids"].shape == (1, 24 if family == "Bert" else 25)
    assert trainable.network(**prepared)[0].shape == (1, 1, 16)


def test_pooling_that_leaves_the_prompt_out(bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(bert, tmp_path / "copy"))
    settings = folder / "1_Pooling" / "config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "include_prompt": False}))
    trainable = opened(folder)
    assert_read_back(folder, trainable)
    with_prompt = vectors_of(opened(bert), [*TEXTS], query=False)
    assert np.abs(vectors_of(trainable, [*TEXTS], query=False) - with_prompt).max() > 0.01


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pooling": "cls"}, "model.pooling: .* says itself how it pools"),
        ({"dimension": 8}, "model.dimension is 8, but vectors of .* have 16 numbers"),
        ({"facets": ["type"]}, "model.facets: .* makes one vector of a text"),
        ({"picture_tokens": 9}, "model.picture_tokens: .* makes one vector of a text"),
        ({"family": "text", "longest": 9}, "model.longest is for model.family dense; .* is text"),
        ({"family": "dence"}, "model.family: dence is none; there are .*, dense, sparse"),
    ],
)
def test_what_the_family_cannot_do(bert: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        opened(bert, **options)
    assert "\n" not in str(raised.value)


def test_pictures_are_refused(bert: Path) -> None:
    with pytest.raises(InputError, match="the model reads texts only"):
        opened(bert).prepare([Item(picture=Stripes(1))], query=False)


def test_a_network_that_nothing_is_said_of_needs_a_family(qwen: Path) -> None:
    with pytest.raises(InputError, match=r"needs model.family \(.*dense, sparse\)"):
        opened(qwen)


def test_questions_and_documents_may_be_read_by_a_network_each(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    sides = []
    for seed in (1, 2):
        source = write_encoder(tmp_path / f"source {seed}", seed=seed)
        sides.append([Transformer(str(source)), Pooling(16, "cls")])
    router = Router.for_query_document(query_modules=sides[0], document_modules=sides[1])
    folder = tmp_path / "both"
    SentenceTransformer(modules=[router], similarity_fn_name="dot").save_pretrained(
        str(folder), create_model_card=False
    )
    trainable = opened(folder, family="dense")
    assert_read_back(folder, trainable)
    before, after = trained(trainable, LossPart(name="triplet", candidates="pool"))
    assert after < before
    changed = [name for name, weight in trainable.network.named_parameters() if weight.requires_grad]
    assert {"query" in name for name in changed} == {True, False}
    trainable.save(tmp_path / "saved")
    assert_read_back(tmp_path / "saved", trainable)
