"""Sign-flip permutation tests over clusters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EXACT_CLUSTERS = 16
BATCH = 4_000_000


class PermutationResult(NamedTuple):
    """A two-sided p-value, how many sign patterns it rests on, and whether they are all."""

    p_value: float
    patterns: int
    exact: bool


def sign_flip(
    sums: Floats, *, rng: np.random.Generator | None = None, patterns: int = 10_000
) -> PermutationResult:
    """Return the p-value of "no difference" by flipping the sign of whole clusters.

    Under no difference, a cluster's summed difference is as likely to have either sign. The
    statistic is the absolute total; clusters whose sum is 0 change nothing and are left out of
    the enumeration. Up to 16 of the rest: all 2^G patterns. More: ``patterns`` random ones and
    ``(1 + hits) / (1 + patterns)``, which is never 0.

    Parameters
    ----------
    sums : float array of length n_clusters
        Summed paired differences of each cluster.
    rng : numpy.random.Generator, optional
        Needed when there are more than 16 clusters.
    patterns : int
        Random sign patterns.

    References
    ----------
    .. [1] R. A. Fisher, The Design of Experiments, 1935, section 21.
    .. [2] B. Phipson and G. K. Smyth, Permutation p-values should never be zero, Statistical
       Applications in Genetics and Molecular Biology 9, 2010.

    Examples
    --------
    Of the 8 patterns of 1, 2, 3 only all plus and all minus reach a total of 6:

    >>> sign_flip(np.array([1.0, 2.0, 3.0]))
    PermutationResult(p_value=0.25, patterns=8, exact=True)
    """
    moved = sums[sums != 0]
    observed = abs(float(moved.sum()))
    reach = observed - 1e-9 * max(1.0, float(np.abs(moved).sum()))
    if len(moved) <= EXACT_CLUSTERS:
        totals = np.zeros(1)
        for part in moved:
            totals = np.concatenate([totals + part, totals - part])
        return PermutationResult(float((np.abs(totals) >= reach).mean()), len(totals), True)
    if rng is None:
        raise ValueError("More than 16 clusters are tested by random patterns, which need an rng.")
    hits, left = 0, patterns
    while left:
        rows = min(left, max(1, BATCH // len(moved)))
        totals = random_signs(rng, rows, len(moved)) @ moved
        hits += int((np.abs(totals) >= reach).sum())
        left -= rows
    return PermutationResult((1 + hits) / (1 + patterns), patterns, False)


def random_signs(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """Return random -1.0 and 1.0.

    Examples
    --------
    >>> sorted(set(random_signs(np.random.default_rng(0), 3, 4).ravel().tolist()))
    [-1.0, 1.0]
    """
    bits = np.unpackbits(np.frombuffer(rng.bytes((rows * columns + 7) // 8), dtype=np.uint8))
    signs: Floats = 2.0 * bits[: rows * columns].reshape(rows, columns).astype(np.float64) - 1.0
    return signs
