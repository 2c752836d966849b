"""Cluster-robust variance of a weighted mean of category means, for whole arrays at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.in_threads import in_threads
from bench.metrics.small_sample import RobustSpread

Floats = NDArray[np.float64]

#: Degrees of freedom that the pooled variance lends to each category's own; set by simulation.
LENT: Final = 4.0
#: Numbers held at once per array.
_BATCH: Final = 150_000


class Stratified(NamedTuple):
    """Weighted means of category means, one per row.

    ``n_clusters`` counts the clusters of the weighted categories; ``has_lone`` is true where one of these has a
    single cluster, whose spread cannot be known: standard error and degrees are NaN there.
    """

    mean: Floats
    spread: RobustSpread
    n_clusters: NDArray[np.int64]
    has_lone: NDArray[np.bool_]


def stratified_spread(count: Floats, total: Floats, square: Floats, part: Floats) -> Stratified:
    """Return ``sum_c w_c mean_c`` with its CR2 standard error and Satterthwaite degrees of freedom.

    That is a linear combination of the coefficients of a regression on category dummies. In cluster g the hat
    matrix has, within category c, the one eigenvalue ``h_gc = n_gc / n_c`` that matters, so that CR2 is
    ``SE^2 = sum_g (sum_c (w_c / n_c) S_gc / sqrt(1 - h_gc))^2`` with ``S_gc`` the sum of the residuals from
    ``mean_c``. An incident that feeds several categories is one cluster over all of them.

    Degrees of freedom are ``tr(Q)^2 / tr(Q^2)``, Q the covariance matrix of the clusters' terms in a working model
    of random effects by category (those of one cluster move together). Each category's variances are moved
    towards the pooled ones by `LENT` degrees of freedom, because a category of two or three incidents tells
    little of its own.

    Parameters
    ----------
    count, total, square : float arrays [row, cluster, category]
        Values, their sum and their sum of squares; 0 where empty.
    part : float array [row, category]
        Weights that sum to 1; 0 for a category without values.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Bias reduction in standard errors for linear regression with
       multi-stage samples, Survey Methodology 28, 2002; for any linear combination: J. E. Pustejovsky and
       E. Tipton, Journal of Business & Economic Statistics 36, 2018, equations 4 to 6 and 11.
    .. [2] G. W. Imbens and M. Kolesar, Review of Economics and Statistics 98, 2016: the working model estimated.
    .. [3] G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004: the moved variance
       ``(d_0 s_0^2 + d s^2) / (d_0 + d)``; here ``d_0`` is fixed.

    Examples
    --------
    Two categories of two and three incidents, one item each, equal weights. Welch's standard error is
    ``sqrt(s_1^2 / 2 + s_2^2 / 3) / 2 = sqrt(2 / 2 + 1 / 3) / 2``:

    >>> count = np.array([[[1.0, 0], [1, 0], [0, 1], [0, 1], [0, 1]]])
    >>> total = np.array([[[3.0, 0], [5, 0], [0, 1], [0, 2], [0, 3]]])
    >>> found = stratified_spread(count, total, total**2, np.array([[0.5, 0.5]]))
    >>> float(found.mean[0]), round(float(found.spread.se[0]), 6)
    (3.0, 0.57735)
    """
    rows = max(1, _BATCH // max(1, count.shape[1] * count.shape[2]))
    pieces = in_threads(
        lambda at: _spread(*(np.ascontiguousarray(each[at]) for each in (count, total, square, part))),
        ((slice(start, start + rows),) for start in range(0, len(count), rows)),
    )
    if not pieces:
        return _spread(count, total, square, part)
    return stacked(pieces)


def stacked(pieces: Sequence[Stratified]) -> Stratified:
    """Return the rows of ``pieces``, at least one, under each other."""
    spreads = [piece.spread for piece in pieces]
    se, df, share, ceiling = (
        np.concatenate([np.asarray(getattr(spread, name)) for spread in spreads])
        for name in ("se", "df", "share", "ceiling")
    )
    return Stratified(
        np.concatenate([piece.mean for piece in pieces]), RobustSpread(se, df, share, None, ceiling),
        np.concatenate([piece.n_clusters for piece in pieces]), np.concatenate([piece.has_lone for piece in pieces]),
    )


def _spread(count: Floats, total: Floats, square: Floats, part: Floats) -> Stratified:
    n = count.sum(1)
    safe = np.maximum(n, 1.0)
    groups = (count > 0).sum(1)
    mean = total.sum(1) / safe
    share = count / safe[:, None]
    factor = (part / safe)[:, None] / np.sqrt(np.where(share < 1.0, 1.0 - share, np.inf))
    term = (factor * (total - count * mean[:, None])).sum(2)
    within, between = _variances(count, total, square, part > 0)
    has_lone = ((groups == 1) & (part > 0)).any(1) | ~(part > 0).any(1)
    df = _degrees(count, share, factor, within, between)
    whole = (part[:, None] * share * np.sqrt(within + between)[:, None]).sum(2)
    of_cluster = (part[:, None] * share).sum(2)
    return Stratified(
        (part * mean).sum(1),
        RobustSpread(
            np.where(has_lone, np.nan, np.sqrt((term**2).sum(1))), np.where(has_lone, np.nan, df),
            of_cluster, None, (whole**2).sum(1),
        ),
        (of_cluster > 0).sum(1), has_lone,
    )


def _variances(count: Floats, total: Floats, square: Floats, used: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return variances within and between clusters [row, category], moved towards those of all ``used`` categories."""
    n = count.sum(1)
    safe = np.maximum(n, 1.0)
    groups = (count > 0).sum(1)
    explained = (total**2 / np.where(count > 0, count, 1.0)).sum(1)
    squares = square.sum(1)
    inside = np.maximum(squares - explained, 0.0)
    inside = np.where(used & (inside > 1e-12 * squares), inside, 0.0)
    among = np.where(used, np.maximum(explained - total.sum(1) ** 2 / safe, 0.0), 0.0)
    inside_df = np.where(used, n - groups, 0.0)
    among_df = np.where(used, np.maximum(groups - 1, 0), 0)
    typical = (n - (count**2).sum(1) / safe) / np.maximum(groups - 1, 1)
    typical = np.where(typical > 0, typical, 1.0)
    pooled = inside.sum(1, keepdims=True) / np.maximum(inside_df.sum(1, keepdims=True), 1.0)
    excess = among.sum(1, keepdims=True) - among_df.sum(1, keepdims=True) * pooled
    common = np.maximum(excess, 0.0) / np.maximum((among_df * typical).sum(1, keepdims=True), 1.0)
    within: Floats = (inside + LENT * pooled) / (inside_df + LENT)
    level = (among + LENT * (pooled + typical * common)) / (among_df + LENT)
    between: Floats = np.maximum(level - within, 0.0) / typical
    flat = ((within + between) * used).sum(1, keepdims=True) <= 0
    return np.where(flat, 1.0, within), between


def _degrees(count: Floats, share: Floats, factor: Floats, within: Floats, between: Floats) -> Floats:
    """Return ``tr(Q)^2 / tr(Q^2)``.

    With ``V_g`` the working covariance of cluster g's sums and ``d = factor * share``, Q is
    ``diag(alpha) - P D' - D P'``, where ``P = K - D T / 2``, ``K_g = factor_g V_g`` and ``T = sum_g V_g``: its
    traces need no matrix of clusters by clusters.
    """
    root = count * np.sqrt(between)[:, None]
    together = (factor * root).sum(2)
    alone = factor * count * within[:, None]
    alpha = (factor * alone).sum(2) + together**2
    d = factor * share
    turned = np.ascontiguousarray(d.transpose(0, 2, 1))
    middle = root.transpose(0, 2, 1) @ root
    place = np.arange(count.shape[2])
    middle[:, place, place] += count.sum(1) * within
    p = alone + root * together[:, :, None] - d @ middle / 2.0
    return satterthwaite(alpha, p, d, turned)


def satterthwaite(alpha: Floats, p: Floats, d: Floats, turned: Floats | None = None) -> Floats:
    """Return ``tr(Q)^2 / tr(Q^2)`` of ``Q = diag(alpha) - P D' - D P'``; NaN where Q is 0.

    Parameters
    ----------
    alpha : float array [row, cluster]
    p, d : float arrays [row, cluster, column]
    turned : float array [row, column, cluster], optional
        ``d`` with its last axes exchanged, where it is at hand.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002: degrees of freedom by F. E. Satterthwaite,
       Biometrics Bulletin 2, 1946, of a sum of squares with covariance Q.

    Examples
    --------
    Deviations from a mean of four equal variances, ``Q = I - 1 1' / 4``, have three degrees:

    >>> ones = np.ones((1, 4, 1))
    >>> satterthwaite(np.ones((1, 4)), ones / 8, ones).tolist()
    [3.0]
    """
    turned = np.ascontiguousarray(d.transpose(0, 2, 1)) if turned is None else turned
    diagonal = -2.0 * (p * d).sum(2)
    mixed = turned @ p
    low_rank = 2.0 * ((p.transpose(0, 2, 1) @ p) * (turned @ d)).sum((1, 2))
    low_rank += 2.0 * (mixed * mixed.transpose(0, 2, 1)).sum((1, 2))
    trace = (alpha + diagonal).sum(1)
    trace_square = (alpha**2 + 2.0 * alpha * diagonal).sum(1) + low_rank
    found: Floats = np.where(trace_square > 0, trace**2 / np.where(trace_square > 0, trace_square, 1.0), np.nan)
    return found
