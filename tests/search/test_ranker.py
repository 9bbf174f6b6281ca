"""The weights: read, refused when they do not fit, and their sum taken by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from svrag.errors import InputError
from svrag.search.ranker import FILE, ElementEvidence, PageEvidence, Weights, learnt_weights


def test_a_score_is_the_sum_of_evidence_times_weight() -> None:
    weights = Weights(PageEvidence(words=2.0, pairs=0.5), ElementEvidence(page=3.0, figure=0.25))
    assert weights.page_score(PageEvidence(words=0.5, pairs=0.2, brevity=1.0)) == pytest.approx(1.1)
    assert weights.element_score(ElementEvidence(page=0.1, figure=1.0, words=1.0)) == pytest.approx(0.55)


def test_the_released_weights_are_those_of_the_file() -> None:
    written = json.loads(FILE.read_text(encoding="utf-8"))
    weights = learnt_weights()
    assert weights.pages._asdict() == written["pages"]
    assert weights.elements._asdict() == written["elements"]
    assert min(*weights.pages, *weights.elements) >= 0
    assert FILE.stat().st_size < 8192


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "holds no weights"),
        ('{"pages": {}}', "holds no weights"),
        ('{"pages": {"words": 1}, "elements": {}}', "do not fit this version"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "w.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        learnt_weights(tmp_path / "w.json")
