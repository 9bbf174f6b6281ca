from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from svrag.errors import InputError
from svrag.retrievers.kinds import is_retriever_name, kind_of
from svrag.retrievers.sparse.encoder import Terms, load_sparse
from tests.retrievers.dense.checkpoints import change_weights, write_encoder
from tests.retrievers.dense.networks import write_masked_lm, write_splade

pytest.importorskip("sentence_transformers")
TEXTS = ["kiln", "the kiln was fired for nine hours", "salt", "bowls and salt thrown into the chamber"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_splade(tmp_path_factory.mktemp("splade") / "model")


def dense_form(terms: Terms, size: int = 40) -> np.ndarray:
    row = np.zeros(size, dtype=np.float32)
    row[terms.ids] = terms.weights
    return row


def test_weights_are_log_saturated_maxima_over_tokens_whatever_the_batch(folder: Path) -> None:
    """SPLADE-max: w_j = max over tokens of log(1 + relu(logit_j)) (Formal et al. 2021, equation 1 of v2)."""
    import torch
    from transformers import AutoTokenizer, BertForMaskedLM

    bare = folder.with_name("model-bare")
    network, tokenizer = BertForMaskedLM.from_pretrained(bare).eval(), AutoTokenizer.from_pretrained(bare)
    made = load_sparse(str(folder)).passages(TEXTS)
    for text, terms in zip(TEXTS, made, strict=True):
        with torch.inference_mode():
            logits = network(**tokenizer(text, return_tensors="pt")).logits[0]
        expected = torch.log1p(torch.relu(logits)).max(dim=0).values.numpy()
        assert dense_form(terms, len(expected)) == pytest.approx(expected, abs=1e-5)
        assert (np.diff(terms.ids) > 0).all()
        assert (terms.weights > 0).all()
        (alone,) = load_sparse(str(folder)).questions([text])
        assert dense_form(alone) == pytest.approx(dense_form(terms), abs=1e-5)


def test_names(folder: Path) -> None:
    assert (kind_of(str(folder)), kind_of(f"splade:{folder}"), kind_of("splade:owner/any")) == ("sparse",) * 3
    assert is_retriever_name("splade:owner/any")
    with pytest.raises(InputError, match=r"^splade needs a checkpoint: splade:naver/splade-v3 \(licence CC BY-NC-SA"):
        load_sparse("splade")


def test_both_layouts_are_one_model(folder: Path) -> None:
    bare = load_sparse(f"splade:{folder.with_name('model-bare')}")
    assert bare.fingerprint == load_sparse(f"splade:{folder}").fingerprint
    assert load_sparse(str(write_splade(folder.with_name("other"), seed=1))).fingerprint != bare.fingerprint


def test_questions_by_a_table_and_documents_by_a_network(folder: Path) -> None:
    routed = load_sparse(str(write_splade(folder.with_name("routed"), router=True)))
    (question,), (passage,) = routed.questions(["kiln salt"]), routed.passages(["kiln salt"])
    assert question.weights == pytest.approx([1.5, 1.5])  # what write_splade set
    assert dense_form(passage) == pytest.approx(
        dense_form(load_sparse(str(folder)).passages(["kiln salt"])[0]), abs=1e-5
    )
    assert kind_of(str(folder.with_name("routed"))) == "sparse"


@pytest.mark.parametrize("router", [False, True])
def test_weights_that_are_missing_or_left_over(tmp_path: Path, router: bool) -> None:
    folder = write_splade(tmp_path / "model", router=router)
    network = next(
        path.parent
        for path in sorted(folder.rglob("model.safetensors"))
        if (path.parent / "config.json").is_file() and "bert" in (path.parent / "config.json").read_text()
    )
    change_weights(network, extra="bert.encoder.layer.9.output.dense.weight")
    with pytest.raises(InputError, match=r"unexpected bert\.encoder\.layer\.9"):
        load_sparse(str(folder))
    change_weights(network, without="bert.encoder.layer.9.output.dense.weight")
    change_weights(network, without="cls.predictions.transform.dense.weight")
    with pytest.raises(InputError, match=r"missing cls\.predictions\.transform\.dense\.weight"):
        load_sparse(str(folder))


def test_what_has_no_words_to_weigh_is_refused(tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path / "dense")
    with pytest.raises(InputError):
        load_sparse(f"splade:{encoder}")
    for file in ("modules.json", "config_sentence_transformers.json"):
        (encoder / file).unlink()
    with pytest.raises(InputError, match="has no layer that predicts words: its terms would be random"):
        load_sparse(f"splade:{encoder}")


def test_other_comparisons_are_refused(folder: Path) -> None:
    other = write_splade(folder.with_name("cosine"))
    settings = json.loads((other / "config_sentence_transformers.json").read_text())
    (other / "config_sentence_transformers.json").write_text(json.dumps({**settings, "similarity_fn_name": "cosine"}))
    with pytest.raises(InputError, match="is compared by cosine"):
        load_sparse(str(other))


def test_a_masked_language_model_has_terms(tmp_path: Path) -> None:
    assert load_sparse(f"splade:{write_masked_lm(tmp_path / 'bert')}").questions(["kiln"])[0].ids.size
