"""Documents of two processes are what one process would have, and so are the gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from svrag.training.gather import gather_documents, gather_rows
from svrag.training.objective import Objective
from svrag.training.vectors import encode
from tests.training.made import OBJECTIVES, tokens
from tests.training.small import Small, batch_of, difference, encoder, gradient_of, questions
from tests.training.two_processes import CHUNK, PARTS, QUESTIONS


def test_one_process_keeps_what_it_has() -> None:
    documents, numbers = tokens(3, 4, seed=1), torch.arange(3)
    everyone, same, begin = gather_documents(documents, numbers)
    assert everyone is documents
    assert same is numbers
    assert begin == 0


def test_documents_of_all_processes_in_order(two_processes: list[dict[str, Any]]) -> None:
    own = [tokens(2, 3, seed=0), tokens(4, 5, seed=1)]
    for rank, results in enumerate(two_processes):
        gathered = results["gathered"]
        assert gathered["numbers"].tolist() == [0, 1, 10, 11, 12, 13]
        assert gathered["begin"] == (0, 2)[rank]
        assert gathered["mask"].sum() == own[0].mask.sum() + own[1].mask.sum()
        assert torch.equal(gathered["vectors"][:2, :3][own[0].mask], own[0].vectors[own[0].mask])
        assert torch.equal(gathered["vectors"][2:][own[1].mask], own[1].vectors[own[1].mask])
        assert not gathered["mask"][:2, 3:].any()


def test_rows_of_all_processes_in_order(two_processes: list[dict[str, Any]]) -> None:
    for results in two_processes:
        assert results["gathered"]["rows"].tolist() == [[0, 1], [10, 11], [12, 13]]
    alone = torch.ones(3, 2)
    assert gather_rows(alone) is alone


def test_gradients_are_summed_over_processes(two_processes: list[dict[str, Any]]) -> None:
    total = two_processes[0]["gathered"]["weights"] + two_processes[1]["gathered"]["weights"]
    masks = [tokens(2, 3, seed=0).mask, tokens(4, 5, seed=1).mask]
    wanted = [total[:2, :3] * masks[0][:, :, None], total[2:] * masks[1][:, :, None]]
    for results, gradient in zip(two_processes, wanted, strict=True):
        assert torch.allclose(results["gathered"]["gradient"], gradient)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_two_processes_are_one(two_processes: list[dict[str, Any]], name: str) -> None:
    model, objective = Small(), Objective(OBJECTIVES[name])
    batch = batch_of(questions(QUESTIONS), QUESTIONS, placeless=objective.needs_placeless)
    loss = objective(batch, *encode(encoder(model), batch))
    (loss / QUESTIONS).backward()
    (first, gradient), (second, same) = (results[f"plain {name}"] for results in two_processes)
    assert loss > 0
    assert difference(first + second, loss.detach()) < 1e-5
    assert torch.equal(gradient, same)
    assert difference(gradient, gradient_of(model)) < 1e-5


def test_processes_share_documents_and_differ_in_length_and_number() -> None:
    """What the test above has to be about."""
    parts = [batch_of(questions(QUESTIONS)[part], CHUNK, placeless=False) for part in PARTS]
    assert set(parts[0].document_numbers.tolist()) & set(parts[1].document_numbers.tolist())
    assert len(parts[0].document_numbers) != len(parts[1].document_numbers)
    lengths = [max(chunk.inputs["mask"].shape[1] for chunk in part.documents) for part in parts]
    assert lengths[0] != lengths[1]
    assert len(parts[0].documents) != len(parts[1].documents)
