"""Cluster-robust variance that holds with few and unequal clusters, for whole arrays at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]


class RobustSpread(NamedTuple):
    """Standard errors and their degrees of freedom, one per row."""

    se: Floats
    df: Floats


def cluster_variances(count: Floats, total: Floats, square: Floats) -> tuple[Floats, Floats]:
    """Return the variance within clusters and between cluster means, by analysis of variance.

    Parameters
    ----------
    count, total, square : float arrays [..., cluster]
        Values per cluster, their sum and their sum of squares; 0 for an empty cluster.

    Returns
    -------
    within, between : float arrays [...]
        ``within`` is 0 when no cluster has two values; ``between`` is never negative.

    References
    ----------
    .. [1] S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, Wiley, 1992,
       section 3.6: ``n_0 = (n - sum n_g^2 / n) / (G - 1)``.

    Examples
    --------
    Two clusters, (1, 3) and (5, 7): within 2, between ((8 - 2) / 2 = 7) as 16 / 1 = 2 + 2 * 7.

    >>> pair = cluster_variances(np.array([2.0, 2]), np.array([4.0, 12]), np.array([10.0, 74]))
    >>> [float(v) for v in pair]
    [2.0, 7.0]
    """
    n = count.sum(-1)
    groups = (count > 0).sum(-1)
    filled = np.where(count > 0, count, 1.0)
    explained = (total**2 / filled).sum(-1)
    scale = square.sum(-1)
    inside = np.maximum(scale - explained, 0.0)
    inside = np.where(inside < 1e-12 * scale, 0.0, inside)
    within = inside / np.maximum(n - groups, 1)
    safe_n = np.maximum(n, 1)
    among = np.maximum(explained - total.sum(-1) ** 2 / safe_n, 0.0) / np.maximum(groups - 1, 1)
    typical = (n - (count**2).sum(-1) / safe_n) / np.maximum(groups - 1, 1)
    between = np.maximum(among - within, 0.0) / np.where(typical > 0, typical, 1.0)
    return within, np.where(groups > 1, between, 0.0)


def robust_spread(residual: Floats, share: Floats, omega: Floats) -> RobustSpread:
    """Return the CR2 standard error of a weighted mean and its Satterthwaite degrees of freedom.

    The mean is ``sum_i a_i x_i`` with weights that sum to 1. Cluster g has the share
    ``h_g = sum_{i in g} a_i`` and the residual ``s_g = sum_{i in g} a_i (x_i - mean)``. Then
    ``SE^2 = sum_g s_g^2 / (1 - h_g)``; with equal clusters that is the usual factor
    G / (G - 1). Its degrees of freedom are ``tr(B W)^2 / tr((B W)^2)``, where
    ``B = (I - 1 h^T) diag(1 / (1 - h)) (I - h 1^T)`` and W holds the working variances.

    Parameters
    ----------
    residual, share : float arrays [..., cluster]
        ``s_g`` and ``h_g``; both 0 for an empty cluster.
    omega : float array [..., cluster]
        Working variance of a cluster's weighted sum, up to a factor.

    Returns
    -------
    RobustSpread
        NaN where fewer than two clusters have a share.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Bias reduction in standard errors for linear
       regression with multi-stage samples, Survey Methodology 28, 2002.
    .. [2] G. W. Imbens and M. Kolesar, Robust standard errors in small samples, Review of
       Economics and Statistics 98, 2016: W with estimated correlation within clusters.

    Examples
    --------
    >>> spread = robust_spread(np.array([-0.5, 0.5]), np.array([0.5, 0.5]), np.array([1.0, 1.0]))
    >>> float(spread.se), float(spread.df)
    (1.0, 1.0)
    """
    several = (share > 0).sum(-1) > 1
    inflate = 1.0 / np.where(share < 1.0, 1.0 - share, np.inf)
    variance = (residual**2 * inflate).sum(-1)
    v = inflate * share
    kappa = (inflate * share**2).sum(-1)
    w0, w1, w2 = omega.sum(-1), (omega * v).sum(-1), (omega * v**2).sum(-1)
    diagonal = kappa[..., None] - 2.0 * v
    trace = (omega * (inflate + diagonal)).sum(-1)
    full = kappa**2 * w0**2 - 4.0 * kappa * w0 * w1 + 2.0 * w0 * w2 + 2.0 * w1**2
    trace_square = full + (omega**2 * (2.0 * inflate * diagonal + inflate**2)).sum(-1)
    df = trace**2 / np.where(trace_square > 0, trace_square, 1.0)
    return RobustSpread(
        np.where(several, np.sqrt(variance), np.nan),
        np.where(several & (trace_square > 0), df, np.nan),
    )


def mean_spread(count: Floats, total: Floats, square: Floats) -> tuple[Floats, RobustSpread]:
    """Return the mean over all values of all clusters, and its robust spread.

    Parameters
    ----------
    count, total, square : float arrays [..., cluster]
        As for `cluster_variances`.

    Returns
    -------
    mean : float array [...]
        NaN where there are no values.
    spread : RobustSpread

    Examples
    --------
    >>> mean, spread = mean_spread(np.array([2.0, 1, 1]), np.array([1.0, 1, 1]), np.array([1.0, 1, 1]))
    >>> float(mean), round(float(spread.se), 4), round(float(spread.df), 2)
    (0.75, 0.2041, 1.8)
    """
    n = count.sum(-1, keepdims=True)
    safe_n = np.maximum(n, 1)
    mean = total.sum(-1, keepdims=True) / safe_n
    within, between = cluster_variances(count, total, square)
    share = count / safe_n
    omega = within[..., None] * count / safe_n**2 + between[..., None] * share**2
    flat = omega.sum(-1, keepdims=True) <= 0
    spread = robust_spread((total - count * mean) / safe_n, share, np.where(flat, count / safe_n**2, omega))
    return np.where(n > 0, mean, np.nan)[..., 0], spread


def t_interval(mean: Floats, spread: RobustSpread, level: float) -> tuple[Floats, Floats]:
    """Return ``mean -+ t_df SE``.

    Examples
    --------
    >>> low, high = t_interval(np.array(1.0), RobustSpread(np.array(0.1), np.array(10.0)), 0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.7772, 1.2228)
    """
    half = stdtrit(spread.df, (1.0 + level) / 2.0) * spread.se
    return mean - half, mean + half


def score_interval(
    mean: Floats, spread: RobustSpread, n_clusters: Floats, bounds: tuple[float, float], level: float
) -> tuple[Floats, Floats]:
    """Return Wilson's interval with the effective number of values that the spread implies.

    On the scale 0 to 1, ``n_eff = m (1 - m) / SE^2`` and Wilson's formula is used with t of the
    spread's degrees of freedom in place of z. The interval stays inside the scale and leans
    towards its middle, as the spread of bounded scores does. Where all clusters have the same
    mean the spread is 0 and says nothing; each cluster then counts as one observation.

    Parameters
    ----------
    mean, n_clusters : float arrays [...]
    spread : RobustSpread
    bounds : tuple of float
        Lowest and highest possible score.
    level : float

    References
    ----------
    .. [1] E. B. Wilson, Probable inference, JASA 22, 1927.
    .. [2] E. L. Korn and B. I. Graubard, Confidence intervals for proportions with small
       expected number of positive counts estimated from survey data, Survey Methodology 24,
       1998: effective sample size with t in place of z.

    Examples
    --------
    Eight of ten with the binomial standard error gives Wilson's interval (t with many degrees):

    >>> spread = RobustSpread(np.array((0.8 * 0.2 / 10) ** 0.5), np.array(1e9))
    >>> low, high = score_interval(np.array(0.8), spread, np.array(10), (0, 1), 0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4902, 0.9433)
    """
    floor, ceiling = bounds
    width = ceiling - floor
    p = np.clip((mean - floor) / width, 0.0, 1.0)
    room = p * (1.0 - p)
    variance = (spread.se / width) ** 2
    known = (variance > 1e-24) & (room > 0)
    df = np.where(known, spread.df, np.maximum(n_clusters - 1.0, 1.0))
    t = stdtrit(df, (1.0 + level) / 2.0)
    ratio = np.where(known, variance / np.where(room > 0, room, 1.0), 1.0 / np.maximum(n_clusters, 1.0))
    k = np.where(np.isnan(spread.se), np.nan, t**2 * ratio)
    half = np.sqrt(k * room + k**2 / 4.0) / (1.0 + k)
    middle = (p + k / 2.0) / (1.0 + k)
    return floor + width * (middle - half), floor + width * (middle + half)
