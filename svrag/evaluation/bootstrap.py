"""How sure a mean over questions is: bootstrap intervals, and the paired bootstrap between two runs.

Questions are drawn with replacement; the seed is fixed, so the same figures give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 42


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of a - b over questions, its 95 % interval, and the two-sided p of it being 0."""

    mean: float
    low: float
    high: float
    p: float


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of `values` (at least one)."""
    import numpy as np

    low, high = np.percentile(_means(values), [2.5, 97.5])
    return float(low), float(high)


def paired(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Compare two runs over the same questions: `a[i]` and `b[i]` are the scores of question i (at least one).

    p is twice the smaller share of resamples whose mean difference is not above, or not below, 0; one is added to that
    count and to the number of resamples, so it is never 0.
    """
    import numpy as np

    differences = np.subtract(a, b)
    means = _means(differences)
    low, high = np.percentile(means, [2.5, 97.5])
    tail = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p = min(1.0, 2 * (tail + 1) / (RESAMPLES + 1))
    return Difference(float(differences.mean()), float(low), float(high), p)


def _means(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of `RESAMPLES` samples of `values`, drawn with replacement. (n,) -> (RESAMPLES,)."""
    import numpy as np

    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    means: NDArray[np.float64] = np.asarray(values, dtype=float)[drawn].mean(axis=1)
    return means
