"""ANLS and PNLS: how much of an answer's letters are right, by edit distance.

ANLS (Biten et al. 2019, arXiv 1905.13648) compares whole strings. PNLS (Chen et al. 2024; appendix B of SV-RAG, arXiv
2411.01106) compares the gold answer with the piece of the answer that is most like it, so that words around it cost
nothing. Case and the amount of white space do not count in either.
"""

from __future__ import annotations

from svrag.errors import InputError

THRESHOLD = 0.5
"""A string that differs by this share of its letters or more is another answer, not a misspelt one: similarity 0."""


def check_installed() -> None:
    """Raise an InputError when rapidfuzz is missing, before anything that takes long."""
    try:
        import rapidfuzz  # noqa: F401
    except ImportError:
        raise InputError("answer metrics need rapidfuzz: pip install 'svrag[eval]'") from None


def thresholded_similarity(a: str, b: str) -> float:
    """1 - (edit distance / length of the longer), or 0 where that is not above 1 - `THRESHOLD`; two empty strings: 1.

    Letters are compared as they are.

    Raises:
        InputError: rapidfuzz is missing.
    """
    check_installed()
    from rapidfuzz.distance import Levenshtein

    similarity = Levenshtein.normalized_similarity(a, b)
    return similarity if similarity > 1 - THRESHOLD else 0.0


def anls(answer: str, gold: str) -> float:
    """The thresholded similarity of one answer and one accepted answer; ANLS is its mean over questions.

    Raises:
        InputError: rapidfuzz is missing.
    """
    return thresholded_similarity(_folded(answer), _folded(gold))


def pnls(answer: str, gold: str) -> float:
    """Matching letters / columns of the alignment of `gold` with the piece of `answer` it is nearest to.

    The piece is found as Sellers (1980) does: an edit distance in which the answer may begin and end anywhere. Of
    pieces equally near the first to end counts, and of alignments equally good the one that, from the end on, pairs two
    letters rather than leave one of the gold answer unpaired, and that rather than one of the answer, as in the authors'
    code (their formula in SV-RAG gives 1/2 for a perfect match). An empty gold answer is contained in anything: 1.
    """
    wanted, said = _folded(gold), _folded(answer)
    # Column by column of the answer; row i: the best alignment of the first i letters of the gold answer with a piece
    # that ends here, as its edit distance and how many letters of the answer in it are unpaired.
    rows = [(i, 0) for i in range(len(wanted) + 1)]
    best = rows[-1]
    for letter in said:
        diagonal, rows[0] = rows[0], (0, 0)
        for i, other in enumerate(wanted, start=1):
            paired = diagonal[0] + (letter != other)
            unpaired_gold = rows[i - 1][0] + 1
            unpaired_said = rows[i][0] + 1
            least = min(paired, unpaired_gold, unpaired_said)
            if paired == least:
                cell = (least, diagonal[1])
            elif unpaired_gold == least:
                cell = (least, rows[i - 1][1])
            else:
                cell = (least, rows[i][1] + 1)
            diagonal, rows[i] = rows[i], cell
        if rows[-1][0] < best[0]:
            best = rows[-1]
    distance, unpaired = best
    columns = len(wanted) + unpaired
    return (columns - distance) / columns if columns else 1.0


def _folded(text: str) -> str:
    return " ".join(text.lower().split())
