"""Profiles within an answer: how much more, or less, each value is expressed than the answer's others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def centred_within(values: NDArray[Any], group: NDArray[Any], *, least: int = 2) -> Floats:
    """Return each value less the mean of its group (ipsatised); NaN in a group of fewer than ``least`` values.

    Takes out how strongly an answer, or a judge of it, speaks for all values together; what is left is the order
    of the values within it. A group is one answer; its values are those of the dimensions that it engages. An
    answer that engages one value says nothing of its place among others, and its 0 would only look like a finding.

    Parameters
    ----------
    values : float array [n]
        Scores on one scale.
    group : int array [n]
        The answer that each belongs to.
    least : int

    References
    ----------
    .. [1] S. H. Schwartz, Universals in the content and structure of values, Advances in Experimental Social
       Psychology 25, 1992; the centring is his "MRAT" correction, Computing Scores for the 10 Human Values, 2003.
    .. [2] R. Fischer, Standardization to account for cross-cultural response bias, Journal of Cross-Cultural
       Psychology 35, 2004: ipsatised scores add up to 0 within a group, so they compare values within, not levels
       between.

    Examples
    --------
    >>> centred_within(np.array([80.0, 50, 20, 90]), np.array([0, 0, 0, 1])).tolist()
    [30.0, 0.0, -30.0, nan]
    """
    scores = np.asarray(values, dtype=np.float64)
    code = np.unique(group, return_inverse=True)[1] if len(scores) else np.zeros(0, dtype=np.intp)
    count, total = np.bincount(code), np.bincount(code, weights=scores)
    found: Floats = np.where(count[code] >= least, scores - (total / np.maximum(count, 1))[code], np.nan)
    return found
