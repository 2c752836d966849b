"""Cluster-robust variance of a weighted mean of category means, for whole arrays at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.small_sample import RobustSpread

Floats = NDArray[np.float64]

#: Degrees of freedom that the pooled variance lends to each category's own; set by simulation.
LENT: Final = 4.0
#: Numbers held at once per array: they stay in the processor's cache.
_BATCH: Final = 50_000


class Stratified(NamedTuple):
    """Weighted means of category means, one per row.

    ``n_clusters`` counts the clusters of the weighted categories; ``has_lone`` is true where one of these has a
    single cluster, whose spread cannot be known: standard error and degrees are NaN there.
    """

    mean: Floats
    spread: RobustSpread
    n_clusters: NDArray[np.int64]
    has_lone: NDArray[np.bool_]


def stratified_spread(count: Floats, total: Floats, squares: Floats, part: Floats) -> Stratified:
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
    count, total : float arrays [row, category, cluster]
        Values and their sum; 0 where empty.
    squares : float array [row, category]
        Sums of the squared values of all clusters.
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

    >>> count = np.array([[[1.0, 1, 0, 0, 0], [0, 0, 1, 1, 1]]])
    >>> total = np.array([[[3.0, 5, 0, 0, 0], [0, 0, 1, 2, 3]]])
    >>> found = stratified_spread(count, total, np.array([[34.0, 14]]), np.array([[0.5, 0.5]]))
    >>> float(found.mean[0]), round(float(found.spread.se[0]), 6)
    (3.0, 0.57735)
    """
    rows = max(1, _BATCH // max(1, count.shape[1] * count.shape[2]))
    pieces = [slice(start, start + rows) for start in range(0, max(1, len(count)), rows)]
    return stacked([_spread(count[at], total[at], squares[at], part[at]) for at in pieces])


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


def _spread(count: Floats, total: Floats, squares: Floats, part: Floats) -> Stratified:
    n = count.sum(2)
    safe = np.maximum(n, 1.0)
    groups = np.count_nonzero(count, axis=2)
    sums = total.sum(2)
    mean = sums / safe
    share = count / safe[:, :, None]
    factor = np.sqrt(np.maximum(1.0 - share, 0.0))
    np.divide((part / safe)[:, :, None], factor, out=factor, where=share < 1.0)
    factor[share >= 1.0] = 0.0
    term = np.einsum("rcg,rcg->rg", factor, total - count * mean[:, :, None])
    explained = np.einsum("rcg,rcg->rc", total, total / np.where(count > 0, count, 1.0))
    within, between = _variances(
        n, groups, sums**2 / safe, explained, squares, np.einsum("rcg,rcg->rc", count, count) / safe, part > 0
    )
    has_lone = ((groups == 1) & (part > 0)).any(1) | ~(part > 0).any(1)
    df = _degrees(count, share, factor, within, between)
    whole = ((part * np.sqrt(within + between))[:, None] @ share)[:, 0]
    of_cluster = (part[:, None] @ share)[:, 0]
    return Stratified(
        (part * mean).sum(1),
        RobustSpread(
            np.where(has_lone, np.nan, np.sqrt((term**2).sum(1))), np.where(has_lone, np.nan, df),
            of_cluster, None, (whole**2).sum(1),
        ),
        np.count_nonzero(of_cluster, axis=1), has_lone,
    )


def _variances(
    n: Floats, groups: NDArray[np.intp], by_mean: Floats, explained: Floats, squares: Floats, crowd: Floats,
    used: NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """Return variances within and between clusters [row, category], moved towards those of all ``used`` categories.

    ``by_mean`` is ``n mean^2``, ``explained`` the sum over clusters of ``n_g mean_g^2``, ``crowd`` that of
    ``n_g^2 / n``.
    """
    inside = np.maximum(squares - explained, 0.0)
    inside = np.where(used & (inside > 1e-12 * squares), inside, 0.0)
    among = np.where(used, np.maximum(explained - by_mean, 0.0), 0.0)
    inside_df = np.where(used, n - groups, 0.0)
    among_df = np.where(used, np.maximum(groups - 1, 0), 0)
    typical = (n - crowd) / np.maximum(groups - 1, 1)
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
    root = count * np.sqrt(between)[:, :, None]
    together = np.einsum("rcg,rcg->rg", factor, root)
    p = factor * count
    p *= within[:, :, None]
    alpha = np.einsum("rcg,rcg->rg", factor, p) + together**2
    d = factor * share
    middle = root @ root.transpose(0, 2, 1)
    place = np.arange(count.shape[1])
    middle[:, place, place] += count.sum(2) * within
    root *= together[:, None]
    p += root
    p -= np.matmul(middle / 2.0, d, out=root)
    return satterthwaite(alpha, p, d)


def satterthwaite(alpha: Floats, p: Floats, d: Floats) -> Floats:
    """Return ``tr(Q)^2 / tr(Q^2)`` of ``Q = diag(alpha) - P' D - D' P``; NaN where Q is 0.

    Parameters
    ----------
    alpha : float array [row, cluster]
    p, d : float arrays [row, column, cluster]

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002: degrees of freedom by F. E. Satterthwaite,
       Biometrics Bulletin 2, 1946, of a sum of squares with covariance Q.

    Examples
    --------
    Deviations from a mean of four equal variances, ``Q = I - 1 1' / 4``, have three degrees:

    >>> ones = np.ones((1, 1, 4))
    >>> satterthwaite(np.ones((1, 4)), ones / 8, ones).tolist()
    [3.0]
    """
    diagonal = -2.0 * np.einsum("rcg,rcg->rg", p, d)
    turned = p.transpose(0, 2, 1)
    mixed = d @ turned
    low_rank = 2.0 * ((p @ turned) * (d @ d.transpose(0, 2, 1))).sum((1, 2))
    low_rank += 2.0 * (mixed * mixed.transpose(0, 2, 1)).sum((1, 2))
    trace = (alpha + diagonal).sum(1)
    trace_square = (alpha**2 + 2.0 * alpha * diagonal).sum(1) + low_rank
    found: Floats = np.where(trace_square > 0, trace**2 / np.where(trace_square > 0, trace_square, 1.0), np.nan)
    return found
