"""Repeats of an item: averaged first, and their share of the variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EpochVariance:
    """Where the variance of a mean comes from.

    Attributes
    ----------
    within : float or None
        Variance between the repeats of one item; None when no item has two.
    between : float or None
        Variance between the items' true means; None with fewer than two items.
    mean_epochs : float
        Harmonic mean of the repeats per item.
    n_items : int
        Items with at least one scored repeat.
    """

    within: float | None
    between: float | None
    mean_epochs: float
    n_items: int

    @property
    def within_share(self) -> float | None:
        """Share of the mean's variance that more repeats would remove, 0 to 1."""
        if self.within is None or self.between is None:
            return None
        drawn = self.within / self.mean_epochs
        return drawn / (drawn + self.between) if drawn + self.between > 0 else None


def epoch_means(scores: Sequence[Sequence[float | None]] | NDArray[Any]) -> Floats:
    """Return each item's mean over its scored repeats.

    Parameters
    ----------
    scores : array [..., item, epoch]
        None or NaN is missing.

    Returns
    -------
    float array [..., item]
        NaN for an item without any scored repeat, never 0.

    References
    ----------
    .. [1] E. Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024, section 3.1: average
       the draws of one question, then treat that mean as the score of the question.

    Examples
    --------
    >>> epoch_means([[1, 0, None], [None, None, None], [1, 1, 1]]).tolist()
    [0.5, nan, 1.0]
    """
    values = np.array(scores, dtype=np.float64)
    present = ~np.isnan(values)
    count = present.sum(-1)
    total = np.where(present, values, 0.0).sum(-1)
    means: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means


def epoch_variance(scores: Sequence[Sequence[float | None]] | NDArray[Any]) -> EpochVariance:
    """Return the variance within items (repeats) and between items.

    ``within`` is the pooled variance of repeats, ``between`` the variance of the items' means
    less ``within / K`` (K the harmonic mean of repeats), not below 0. The variance of the mean
    over n items is ``(between + within / K) / n``: more repeats cut only the second part.

    Parameters
    ----------
    scores : array [item, epoch]
        None or NaN is missing.

    References
    ----------
    .. [1] E. Miller, arXiv 2411.00640, 2024, section 3: Var = (Var(mean) + E[variance] / K) / n.
    .. [2] S. R. Searle et al., Variance Components, Wiley, 1992, section 3.6 (unweighted means).

    Examples
    --------
    Items (0, 2) and (4, 6): within 2; means 1 and 5 vary by 8, of which 2 / 2 is noise.

    >>> found = epoch_variance([[0, 2], [4, 6]])
    >>> found.within, found.between, found.within_share
    (2.0, 7.0, 0.125)
    """
    values = np.array(scores, dtype=np.float64)
    present = ~np.isnan(values)
    count = present.sum(1)
    means = epoch_means(values)
    kept = count > 0
    n_items = int(kept.sum())
    freedom = int(np.maximum(count - 1, 0).sum())
    squares = np.where(present, (values - means[:, None]) ** 2, 0.0).sum()
    within = float(squares) / freedom if freedom else None
    mean_epochs = float(n_items / (1.0 / count[kept]).sum()) if n_items else 0.0
    between = None
    if n_items > 1:
        noise = (within or 0.0) / mean_epochs
        between = max(float(means[kept].var(ddof=1)) - noise, 0.0)
    return EpochVariance(within=within, between=between, mean_epochs=mean_epochs, n_items=n_items)
