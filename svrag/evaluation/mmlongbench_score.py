"""MMLongBench-Doc's own score of an answer, by the format of the gold answer, and its accuracy and F1 over questions.

The rules are those of the published eval/eval_score.py (github.com/mayubo2333/MMLongBench-Doc, Ma et al. 2024, arXiv
2407.01523), quirks included, so that figures can be compared. There a language model first reduces each response to a
short answer in the wanted format; here the generator's own answer is scored, so a wordy one scores lower than it would
there. Only a list is read out of running text (`as_list`), since nothing could score without.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from svrag.evaluation.levenshtein import thresholded_similarity

REFUSAL = "Not answerable"
"""How a refusal, and the gold answer of a question without one, are written."""

# Gold answers of which a letter more or less makes another one: addresses, files, pages, numbers, times, dates, mail.
_EXACT = re.compile(
    r".*https://.*"
    r"|.*(\.py|ipynb)"
    r"|page.*"
    r"|\d+([-\s]\d+)?"
    r"|.*[ap]\.m\..*"
    r"|\d{4}[-\s]\d{2}([-\s]\d{2})?"
    r"|[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}",
    re.DOTALL,
)
_PARENTHESIS = re.compile(r"\s*\([^)]*\)")
_OUTER_QUOTES = re.compile(r"^['\"]|['\"]$")
_SEPARATORS = (re.compile(r"[\n;]+"), re.compile(r",\s+(?:and\s+)?|\s+and\s+"))
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


def score(answer: str, gold: str, answer_format: str) -> float:
    """Between 0 and 1: Int, Float right or wrong; Str, None by ANLS; any other format as a list, by its worst item.

    Raises:
        InputError: rapidfuzz is missing.
    """
    match answer_format:
        case "Int":
            wanted, said = _integer(gold), _number(answer)
            return float(wanted is not None and said is not None and math.isfinite(said) and wanted == int(said))
        case "Float":
            wanted_number, said = _number(_cleaned(gold)), _number(_cleaned(answer))
            return float(wanted_number is not None and said is not None and _same_number(wanted_number, said))
        case "Str" | "None":
            return _score_text(_cleaned(answer), _cleaned(gold))
    return _score_list([_cleaned(item) for item in as_list(answer)], [_cleaned(item) for item in _written_list(gold)])


def _score_text(answer: str, gold: str) -> float:
    return float(answer == gold) if _EXACT.fullmatch(gold) else thresholded_similarity(gold, answer)


def _score_list(answer: Sequence[str], gold: Sequence[str]) -> float:
    """0 unless both are as long; items are paired in alphabetical order, and the least alike pair counts."""
    if len(answer) != len(gold):
        return 0.0
    answer, gold = sorted(answer), sorted(gold)
    if gold and (_number(gold[0]) is not None or _EXACT.fullmatch(gold[0])):
        return float("-".join(answer) == "-".join(gold))
    return min((thresholded_similarity(a, b) for a, b in zip(gold, answer, strict=True)), default=1.0)


def as_list(answer: str) -> list[str]:
    """The items of a list in an answer: written as ['a', 'b'], or by lines or semicolons, or else by commas and "and"."""
    if answer.startswith("["):
        return _written_list(answer)
    separator = next((pattern for pattern in _SEPARATORS if pattern.search(answer.strip())), None)
    items = separator.split(answer) if separator else [answer]
    return [item for item in (_BULLET.sub("", item).strip() for item in items) if item]


def _written_list(text: str) -> list[str]:
    """The items of a list written as in Python; the text as the only item when it is not."""
    if text.startswith("["):
        try:
            return [str(item) for item in ast.literal_eval(text)]
        except (ValueError, SyntaxError):
            pass
    return [text]


def _cleaned(text: str) -> str:
    """Without case, what stands in parentheses, outer quotes, a leading $ and a trailing %.

    The published code means to drop "mile", "miles" and "million" at the end too, but does not.
    """
    text = _PARENTHESIS.sub("", text.lower().strip()).strip()
    return _OUTER_QUOTES.sub("", text).strip().lstrip("$").strip().rstrip("%").strip()


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _same_number(gold: float, said: float) -> bool:
    """Whether they agree within 1 %, or rounded to the decimals of the less precise (2 at least); 29 % and 0.29 do too."""
    for reading in (gold / 100, gold, gold * 100):
        precision = max(min(_decimals(said), _decimals(reading)), 2)
        if math.isclose(reading, said, rel_tol=0.01) or round(said, precision) == round(reading, precision):
            return True
    return False


def _decimals(number: float) -> int:
    written = str(number)
    return len(written.split(".")[-1]) if "." in written else 3


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """What accuracy and F1 need of a question: the score of its answer, whether it has one, whether it got one."""

    score: float
    answerable: bool
    said_answerable: bool


def accuracy_and_f1(answers: Sequence[ScoredAnswer]) -> tuple[float, float]:
    """The mean score, and the harmonic mean of recall and precision of the answerable questions' scores.

    Recall is the sum of the scores of answerable questions over their number, precision the same sum over the number of
    questions that were not refused; F1 is 0 where either cannot be told.
    """
    if not answers:
        return 0.0, 0.0
    accuracy = math.fsum(answer.score for answer in answers) / len(answers)
    gained = math.fsum(answer.score for answer in answers if answer.answerable)
    answerable = sum(answer.answerable for answer in answers)
    answered = sum(answer.said_answerable for answer in answers)
    if not gained or not answered:
        return accuracy, 0.0
    return accuracy, 2 * gained / (answerable + answered)
