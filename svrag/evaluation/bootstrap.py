"""How sure a mean over questions is: bootstrap intervals, and the paired bootstrap between two runs.

Questions are drawn with replacement, or whole documents with all their questions, since those of one document are not
independent of each other. The seed is fixed, so the same figures in the same order give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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
    """The 95 % percentile interval of the mean of `values` (at least one), in whatever order they come."""
    import numpy as np

    low, high = np.percentile(_means(np.sort(np.asarray(values, dtype=float))), [2.5, 97.5])
    return float(low), float(high)


def paired(a: Sequence[float], b: Sequence[float]) -> Difference:
    """Compare two runs over the same questions: `a[i]` and `b[i]` are the scores of question i (at least one).

    p is twice the smaller share of resamples whose mean difference is not above, or not below, 0; one is added to that
    count and to the number of resamples, so it is never 0.
    """
    import numpy as np

    differences = np.subtract(a, b, dtype=float)
    return _difference(float(differences.mean()), _means(differences))


def paired_by_cluster(a: Sequence[float], b: Sequence[float], clusters: Sequence[str]) -> Difference:
    """As `paired`, but whole clusters are drawn: `clusters[i]` names the one of question i. At least two clusters.

    As many clusters are drawn as there are; a resample's mean is over the questions in them, however many those are
    (the cluster bootstrap: Davison and Hinkley 1997, section 3.8).
    """
    import numpy as np

    differences = np.subtract(a, b, dtype=float)
    numbers = {name: number for number, name in enumerate(sorted(set(clusters)))}
    belongs = [numbers[name] for name in clusters]
    counts = _counts(len(numbers))  # (resamples, clusters)
    sums = counts @ np.bincount(belongs, weights=differences)
    sizes = counts @ np.bincount(belongs).astype(float)
    return _difference(float(differences.mean()), sums / sizes)


def _difference(mean: float, means: NDArray[np.float64]) -> Difference:
    import numpy as np

    low, high = np.percentile(means, [2.5, 97.5])
    tail = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return Difference(mean, float(low), float(high), min(1.0, 2 * (tail + 1) / (RESAMPLES + 1)))


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of `RESAMPLES` samples of `values`, drawn with replacement. (n,) -> (RESAMPLES,)."""
    means: NDArray[np.float64] = _counts(len(values)) @ values / len(values)
    return means


@lru_cache(maxsize=2)  # the metrics of a run are over the same few numbers of questions
def _counts(n: int) -> NDArray[np.float64]:
    """How often each of `n` is drawn in each resample of n. (RESAMPLES, n)."""
    import numpy as np

    return np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(float)
