"""Many sign-flip tests on the same incidents at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.permutation import EXACT_CLUSTERS, PermutationResult, random_signs, sign_flip

Floats = NDArray[np.float64]
BATCH = 4_000_000


def sign_flips(sums: Floats, *, rng: np.random.Generator, patterns: int = 10_000) -> list[PermutationResult]:
    """Return the sign-flip test of every row; rows tested by random patterns share them.

    Parameters
    ----------
    sums : float array [test, cluster]
        Summed paired differences of each cluster; 0 where a test has nothing from it.
    rng : numpy.random.Generator
    patterns : int
        Random sign patterns, for rows with more than 16 clusters that are not 0.

    References
    ----------
    .. [1] As `bench.metrics.permutation.sign_flip`: R. A. Fisher 1935; B. Phipson and G. K. Smyth 2010.

    Examples
    --------
    >>> [found.p_value for found in sign_flips(np.array([[1.0, 2, 3], [1, 0, -1]]), rng=np.random.default_rng(0))]
    [0.25, 1.0]
    """
    values = np.asarray(sums, dtype=np.float64)
    many = (values != 0).sum(1) > EXACT_CLUSTERS
    found = [sign_flip(row) if not is_many else None for row, is_many in zip(values, many, strict=True)]
    rows = values[many]
    if not len(rows):
        return [each for each in found if each is not None]
    reach = np.abs(rows.sum(1)) - 1e-9 * np.maximum(1.0, np.abs(rows).sum(1))
    hits = np.zeros(len(rows), dtype=np.int64)
    left, step = patterns, max(1, BATCH // max(rows.shape))
    while left:
        size = min(step, left)
        hits += (np.abs(random_signs(rng, size, rows.shape[1]) @ rows.T) >= reach).sum(0)
        left -= size
    drawn = iter(PermutationResult((1 + int(hit)) / (1 + patterns), patterns, False) for hit in hits)
    return [next(drawn) if each is None else each for each in found]
