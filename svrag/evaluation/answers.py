"""Metrics of one answer: exact match with the gold answer, and whether a question without an answer was refused."""

from __future__ import annotations

import re
import string

from svrag.evaluation.question import EvalQuestion
from svrag.generation.answer import Answer

NAMES = ("answer_exact_match", "unanswerable_accuracy")

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_CITATIONS = re.compile(r"\s*\[\d+\]")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def answer_metrics(question: EvalQuestion, answer: Answer) -> dict[str, float]:
    """`answer_exact_match` (1 or 0) for an answerable question, `unanswerable_accuracy` (1 or 0) for any other.

    Nothing for a question whose answer is not to be scored.
    """
    if not question.answer_format:
        return {}
    if not question.answerable:
        return {"unanswerable_accuracy": float(not answer.answerable)}
    return {"answer_exact_match": float(answer.answerable and exact_match(answer.text, question.answer))}


def exact_match(answer: str, gold: str) -> bool:
    """Whether they are the same but for case, punctuation, articles, white space and citation marks [n]."""
    return _normalised(_CITATIONS.sub("", answer)) == _normalised(gold)


def _normalised(text: str) -> str:
    """As SQuAD does it (Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
