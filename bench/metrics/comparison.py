"""Two models on the items both answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.metrics.intervals import Clusters, MeanEstimate, Values, as_floats, mean_interval, scored_clusters
from bench.metrics.permutation import PermutationResult, sign_flip
from bench.metrics.power import smallest_resolvable


class McNemar(NamedTuple):
    """Items only A passed, items only B passed, exact two-sided p."""

    only_a: int
    only_b: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Model A against model B.

    Attributes
    ----------
    difference : MeanEstimate
        Mean of A - B over shared items, with its clustered interval; items that are not shared
        count as missing in it.
    test : PermutationResult or None
        Sign-flip test over clusters; None when nothing is shared.
    correlation : float or None
        Pearson's r of the two models' scores on shared items; None when one does not vary.
    n_shared, only_a, only_b : int
        Items both answered, and items that only one did (in no number above).
    """

    difference: MeanEstimate
    test: PermutationResult | None
    correlation: float | None
    n_shared: int
    only_a: int
    only_b: int

    def resolvable(self, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
        """Return the smallest true difference that these items show with the given power."""
        se = self.difference.se
        return smallest_resolvable(se, alpha=alpha, power=power) if se else None


def compare(
    a: Values,
    b: Values,
    clusters: Clusters,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    patterns: int = 10_000,
) -> PairedComparison:
    """Compare two models by paired differences on shared items, clustered by incident.

    Parameters
    ----------
    a, b : sequences of length n_items
        Scores of the same items in the same order (epochs averaged); None or NaN is missing.
    clusters : sequence of length n_items
        The incident of each item.
    rng : numpy.random.Generator
        For the random sign patterns, used above 16 clusters.
    level, patterns
        Of the interval, and of the permutation test.

    References
    ----------
    .. [1] E. Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024, section 4: paired
       differences with clusters.

    Examples
    --------
    >>> found = compare([9, 8, 7, None], [7, 7, 6, 5], ["a", "b", "c", "d"], rng=np.random.default_rng(0))
    >>> round(found.difference.value, 4), found.test.p_value, found.n_shared, found.only_b
    (1.3333, 0.25, 3, 1)
    """
    first, second = as_floats(a), as_floats(b)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} scores of A but {len(second)} of B.")
    has_a, has_b = ~np.isnan(first), ~np.isnan(second)
    both = has_a & has_b
    scale = float(np.abs(np.concatenate([first[both], second[both]])).max(initial=0.0))
    difference = without_noise(first - second, scale)
    data = scored_clusters(difference, clusters)
    test = sign_flip(data.sums()[1], rng=rng, patterns=patterns) if data.n else None
    mean = mean_interval(difference, clusters, level=level)
    if mean.value is not None:
        mean = replace(mean, value=float(without_noise(np.array(mean.value), scale)))
    return PairedComparison(
        difference=mean,
        test=test,
        correlation=_correlation(first[both], second[both]),
        n_shared=int(both.sum()),
        only_a=int((has_a & ~has_b).sum()),
        only_b=int((has_b & ~has_a).sum()),
    )


def without_noise(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Return differences with what is only rounding made 0: ``|x| <= 1e-12 * scale``.

    Means of the same scores, summed in another order, differ by some units in the last place (2.2e-16 of their size
    [1]_); no score is known to a millionth of a millionth of its scale.

    References
    ----------
    .. [1] N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM, 2002, section 4.2.

    Examples
    --------
    >>> without_noise(np.array([0.1 + 0.2 - 0.3, -3e-16, 1e-9, np.nan]), 10).tolist()
    [0.0, 0.0, 1e-09, nan]
    """
    found: NDArray[np.float64] = np.where(np.abs(values) <= 1e-12 * scale, 0.0, values)
    return found


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Return Pearson's r, or None when one side does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def mcnemar(a: Values, b: Values) -> McNemar:
    """Return McNemar's exact test of two models' yes/no outcomes on shared items.

    Under no difference the items that only one model passed fall to either side like a fair
    coin. Items are taken as independent: with several items an incident, `compare` is the test
    to trust.

    Parameters
    ----------
    a, b : sequences of length n_items
        1 passed, 0 not, None or NaN missing.

    Returns
    -------
    McNemar
        ``p_value`` is 1 when no item tells the models apart.

    References
    ----------
    .. [1] Q. McNemar, Note on the sampling error of the difference between correlated
       proportions or percentages, Psychometrika 12, 1947.

    Examples
    --------
    >>> mcnemar([1, 1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 1])
    McNemar(only_a=6, only_b=1, p_value=0.125)
    """
    first, second = as_floats(a), as_floats(b)
    both = ~np.isnan(first) & ~np.isnan(second)
    if not np.isin(first[both], (0, 1)).all() or not np.isin(second[both], (0, 1)).all():
        raise ValueError("McNemar's test takes outcomes 0 and 1.")
    only_a = int(((first == 1) & (second == 0)).sum())
    only_b = int(((first == 0) & (second == 1)).sum())
    if only_a + only_b == 0:
        return McNemar(0, 0, 1.0)
    return McNemar(only_a, only_b, float(stats.binomtest(only_a, only_a + only_b).pvalue))
