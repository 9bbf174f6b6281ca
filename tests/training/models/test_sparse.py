"""SPLADE: its weights are the formula's, it is trained, and what is saved is a SparseEncoder of equal weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM

from svrag.errors import InputError
from svrag.training.batch import Item, TokenBatch
from svrag.training.config import LossPart, Sparsity
from svrag.training.losses.flops import FLOPS, flops
from svrag.training.models.opening import makes_terms
from svrag.training.models.words import make_head
from svrag.training.objective import Objective
from svrag.training.run import trainer_of
from tests.retrievers.dense.checkpoints import write_encoder
from tests.retrievers.dense.networks import write_qwen
from tests.training.made import batch
from tests.training.models.families import TEXTS
from tests.training.models.one_vector import ADAPTER, EXAMPLES, opened, trained, vectors_of
from tests.training.runs import losses_of, recipe

TRIPLET = LossPart(name="triplet", candidates="pool", margin=5.0)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT for masked words, as they are published."""
    from transformers import BertConfig

    folder = write_encoder(tmp_path_factory.mktemp("masked") / "model")
    torch.manual_seed(0)
    BertForMaskedLM(BertConfig.from_pretrained(folder, initializer_range=0.3)).save_pretrained(folder)
    (folder / "modules.json").unlink()
    shutil.rmtree(folder / "1_Pooling")
    return folder


def read_back(folder: Path) -> np.ndarray:
    from sentence_transformers import SparseEncoder

    model = SparseEncoder(str(folder), device="cpu")
    assert model.similarity_fn_name == "dot"
    return model.encode_document([*TEXTS], convert_to_sparse_tensor=False).numpy()


def test_weights_are_the_greatest_of_log_1_plus_relu_of_the_logits(masked: Path) -> None:
    from transformers import AutoModelForMaskedLM

    network = AutoModelForMaskedLM.from_pretrained(masked).eval()
    trainable = opened(masked, family="sparse")
    for text, found in zip(TEXTS, vectors_of(trainable, [*TEXTS], query=False), strict=True):
        inputs = trainable.prepare([Item(text=text)], query=False)
        with torch.no_grad():
            logits = network(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[0]
        np.testing.assert_allclose(found, logits.relu().log1p().max(0).values.numpy(), atol=1e-5)
    assert 0 < (found > 0).mean() < 1


@pytest.mark.parametrize("adapter", [ADAPTER, None], ids=["lora", "whole"])
def test_steps_lower_the_loss_and_what_is_saved_loads_to_equal_weights(
    masked: Path, adapter: Any, tmp_path: Path
) -> None:
    trainable = opened(masked, adapter, family="sparse")
    before, after = trained(trainable, TRIPLET)
    assert after < before - 0.01
    trainable.save(tmp_path)
    now = vectors_of(trainable, [*TEXTS], query=False)
    np.testing.assert_allclose(read_back(tmp_path), now, atol=1e-5)
    again = opened(tmp_path)  # the folder tells its family itself
    np.testing.assert_allclose(vectors_of(again, [*TEXTS], query=False), now, atol=1e-5)


def test_a_bert_that_predicts_no_words_gets_a_head_of_the_embeddings(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "bert")
    trainable = opened(folder, None, family="sparse")
    words = trainable.network.model[0].auto_model.get_output_embeddings().weight
    assert words is trainable.network.model[0].auto_model.get_input_embeddings().weight
    np.testing.assert_array_equal(
        vectors_of(opened(folder, None, family="sparse"), [*TEXTS], query=False),
        vectors_of(trainable, [*TEXTS], query=False),
    )
    before, after = trained(trainable, TRIPLET, steps=10, rate=3e-4)
    assert after < before
    trainable.save(tmp_path / "saved")
    np.testing.assert_allclose(read_back(tmp_path / "saved"), vectors_of(trainable, [*TEXTS], query=False), atol=1e-5)


def test_minilm_begins_with_its_own_words(minilm: str) -> None:
    trainable = opened(Path(minilm), None, family="sparse")
    text = "The kiln was fired at night, and the bowls cracked."
    vector = torch.from_numpy(vectors_of(trainable, [text], query=False)[0])
    assert 10 < int((vector > 0).sum()) < 300, "of 30,522"
    best = trainable.network.model.tokenizer.convert_ids_to_tokens(vector.topk(20).indices.tolist())
    assert {"##ln", "fired", "night", "bowls", "cracked"} <= set(best)


def test_a_head_tells_words_apart_that_the_network_does(tmp_path: Path) -> None:
    network = BertForMaskedLM.from_pretrained(write_encoder(tmp_path / "bert"))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "bert")
    make_head(network, tokenizer)
    words = [i for i in range(len(tokenizer)) if i not in tokenizer.all_special_ids]
    ids = torch.tensor([[tokenizer.cls_token_id, word, tokenizer.sep_token_id] for word in words])
    with torch.no_grad():
        logits = network.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, 1]
    own = logits[torch.arange(len(words)), torch.tensor(words)]
    assert (own[:, None] >= logits[:, words]).float().mean() > 0.95, "each word's own weight is among the greatest"
    assert network.cls.predictions.decoder.weight is network.bert.embeddings.word_embeddings.weight


def test_a_language_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no layer that predicts words, and is no BERT"):
        opened(write_qwen(tmp_path), family="sparse")


def test_pooling_and_similarity_are_not_chosen(masked: Path) -> None:
    with pytest.raises(InputError, match=r"model\.similarity is not for sparse encoders"):
        opened(masked, family="sparse", similarity="cosine")


def texts(*rows: list[float]) -> TokenBatch:
    vectors = torch.tensor(rows, dtype=torch.float64)[:, None]
    return TokenBatch(vectors, torch.ones(len(rows), 1, dtype=torch.bool))


def test_flops_are_the_squares_of_the_means() -> None:
    some = texts([1.0, 0.0, 2.0], [3.0, 0.0, 0.0])
    assert float(flops(some)) == 2.0**2 + 0 + 1.0**2
    # A term that all have costs more than as much weight on a term of each.
    assert flops(texts([2.0, 0.0], [2.0, 0.0])) > flops(texts([2.0, 0.0], [0.0, 2.0]))


def test_weights_grow_as_the_square_of_the_step() -> None:
    term = FLOPS(Sparsity(query=0.1, document=0.01, ramp=9))
    queries, documents = texts([1.0, 1.0]), texts([2.0, 0.0])
    full = 0.1 * 2 + 0.01 * 4
    for step, share in ((0, 0.01), (4, 0.25), (9, 1.0), (50, 1.0)):
        assert float(term(queries, documents, step)) == pytest.approx(share * full)
    assert FLOPS(Sparsity(query=1.0, document=1.0)).ramp(0) == 1.0


def test_the_term_is_added_to_the_mean_of_the_losses() -> None:
    some = batch([[0, 1], [1, 0]], [[1.0, 0.0], [1.0, 0.0]], [5, 6])
    queries, documents = texts([1.0, 0.0], [0.0, 1.0]), texts([2.0, 0.0], [0.5, 1.0])
    term = FLOPS(Sparsity(query=0.3, document=0.2, ramp=3))
    plain = Objective(TRIPLET)(some, queries, documents, None, step=1)
    with_term = Objective(TRIPLET, sparsity=term)(some, queries, documents, None, step=1)
    assert float(with_term - plain) / 2 == pytest.approx(float(term(queries, documents, 1)))


def test_a_run_with_the_regulariser_ends_sparser(masked: Path, tmp_path: Path) -> None:
    def weights(name: str, **parts: Any) -> tuple[float, list[float]]:
        made = recipe(masked, tmp_path / name, optimisation={"steps": 12, "rate": 1e-2}, adapter=None, **parts)
        made = made.model_copy(update={"model": made.model.model_copy(update={"family": "sparse"})})
        trainer, trainable = trainer_of(made, EXAMPLES, tell=lambda _: None)
        trainer.train()
        return float(vectors_of(trainable, [*TEXTS], query=False).sum()), losses_of(trainer.state.log_history)

    plain, _ = weights("plain")
    less, losses = weights("less", sparsity={"query": 1.0, "document": 1.0, "ramp": 3})
    assert less < 0.8 * plain
    assert np.isfinite(losses).all()


def test_the_regulariser_is_for_sparse_encoders(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "bert")
    made = recipe(folder, tmp_path / "run", sparsity={"query": 0.1, "document": 0.1})
    assert not makes_terms(made.model)
    with pytest.raises(InputError, match=r"sparsity is for sparse encoders: set model\.family to sparse"):
        trainer_of(made, EXAMPLES)
