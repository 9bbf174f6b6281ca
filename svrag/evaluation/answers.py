"""Metrics of one answer: how near it is to an accepted one, whether a question without an answer was refused, and
whether it cites the gold evidence.

What the generator wrote is scored as it is but for citation marks and a full stop at its end; of an answer that tells which
of its words are the answer itself (`Answer.short`), those. PNLS, which is made to find an answer in sentences, gets all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from svrag.evaluation.levenshtein import anls, pnls
from svrag.evaluation.mmlongbench_score import REFUSAL, as_list, score
from svrag.evaluation.question import EvalQuestion
from svrag.evaluation.squad import exact_match, token_f1
from svrag.generation.answer import Answer

NAMES = (
    "answer_em",
    "answer_f1",
    "anls",
    "pnls",
    "mmlongbench_score",
    "unanswerable_accuracy",
    "citation_on_gold_page",
)

TOP_PAGES = 5
"""Citations are measured where a gold page is among so many pages found: what was not found cannot be cited."""

_CITATIONS = re.compile(r"\s*\[\d+\]")


def answer_metrics(question: EvalQuestion, answer: Answer) -> dict[str, float]:
    """Every metric that can be told for this answer, by name, in [0, 1]; the best over the accepted answers.

    `mmlongbench_score` of every question; `unanswerable_accuracy` (1 or 0) of one that has no answer; `answer_em`,
    `answer_f1`, `anls` and `pnls` of one that has, 0 when it was refused. Nothing for a question whose answer is not to
    be scored. A gold answer that is a list is compared as text with its items in a row.

    Raises:
        InputError: rapidfuzz is missing.
    """
    if not question.answer_format:
        return {}
    text = _CITATIONS.sub("", answer.text).strip().removesuffix(".") if answer.answerable else REFUSAL
    said = answer.short if answer.short and answer.answerable else text
    accepted = (question.answer, *question.answers)
    metrics = {"mmlongbench_score": max(score(said, gold, question.answer_format) for gold in accepted)}
    if not question.answerable:
        return metrics | {"unanswerable_accuracy": float(not answer.answerable)}
    if question.answer_format == "None":  # "Not answerable or 0 or none" is no text to compare with
        return metrics
    texts = [", ".join(as_list(gold)) if gold.startswith("[") else gold for gold in accepted]
    compared = {
        "answer_em": (exact_match, said),
        "answer_f1": (token_f1, said),
        "anls": (anls, said),
        "pnls": (pnls, text),
    }
    for name, (similarity, words) in compared.items():
        metrics[name] = max(similarity(words, gold) for gold in texts) if answer.answerable else 0.0
    return metrics


def citation_metrics(answer: Answer, gold_pages: Collection[int], pages: Sequence[int]) -> dict[str, float]:
    """`citation_on_gold_page`: the share of the answer's citations that lie on a gold page.

    Only of an answer that cites, to a question with a gold page among the first `TOP_PAGES` of `pages`, those found.
    """
    if not answer.answerable or not answer.citations or not set(pages[:TOP_PAGES]) & set(gold_pages):
        return {}
    on_gold = sum(citation.element.page in gold_pages for citation in answer.citations)
    return {"citation_on_gold_page": on_gold / len(answer.citations)}
