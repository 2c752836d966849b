"""Cluster-robust variance that holds with few and unequal clusters, for whole arrays at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bench.metrics.exact_ratio import exact_quantile

Floats = NDArray[np.float64]

#: Up to so many degrees of freedom, unequal clusters get the exact quantile in place of Satterthwaite's t.
EXACT_UP_TO = 40.0
#: How fast a skewed share leans towards complete correlation within clusters; set by simulation.
CAUTION = 0.125
#: A share of the scale times what is left of it, under which a mean lies at its end.
_NO_ROOM = 1e-12
#: Beyond so many clusters, t is always close enough.
MOST_CLUSTERS = 5000


class RobustSpread(NamedTuple):
    """Standard errors and their degrees of freedom, one per row.

    ``share`` and ``omega`` are the working model behind the degrees; None where only these are
    known. ``ceiling`` is the variance of the mean if the values of a cluster were all the same.
    """

    se: Floats
    df: Floats
    share: Floats | None = None
    omega: Floats | None = None
    ceiling: Floats | None = None

    def quantile(self, level: float) -> Floats:
        """Return what to multiply ``se`` with for a central interval of ``level``.

        Student's t where clusters count alike (it is exact then) or degrees are many, else
        `bench.metrics.exact_ratio.exact_quantile`.

        Examples
        --------
        >>> lone = robust_spread(*(np.array(part) for part in ([0.3, -0.2, -0.1], [0.8, 0.1, 0.1], [64.0, 1, 1])))
        >>> round(float(lone.df), 2), round(float(lone.quantile(0.95)), 1), round(float(stdtrit(lone.df, 0.975)), 1)
        (1.1, 7.7, 10.2)
        """
        found: Floats = np.asarray(stdtrit(self.df, (1.0 + level) / 2.0), dtype=np.float64)
        if self.share is None or self.omega is None or self.share.shape[-1] > MOST_CLUSTERS:
            return found
        groups = (self.share > 0).sum(-1)
        uneven = (self.df <= EXACT_UP_TO) & (self.df < 0.995 * (groups - 1))
        if not uneven.any():
            return found
        found = found.copy()
        share, omega = (part[uneven] if part.ndim > 1 else part[None] for part in (self.share, self.omega))
        found[uneven] = exact_quantile(share, omega, np.atleast_1d(self.df[uneven]), level)
        return found


class ScoreInterval(NamedTuple):
    """Bounds, and where they can be missed on one side only.

    A sample of nothing but an end of the scale has the interval from that end to ``k / (1 + k)``,
    ``k = t^2 / n_eff``. Where the mean is no further from the end than that, no sample puts the
    interval on the far side of the truth: 95 % intervals then cover 97.5 % and more. A share has a
    discrete distribution, and no interval that is the same for the same sample can do without
    this [1]_; more clusters can.

    References
    ----------
    .. [1] L. D. Brown, T. T. Cai and A. DasGupta, Interval estimation for a binomial proportion,
       Statistical Science 16, 2001, sections 2 and 4.
    """

    low: Floats
    high: Floats
    is_one_sided: NDArray[np.bool_]


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


def robust_spread(
    residual: Floats, share: Floats, omega: Floats, ceiling: Floats | None = None
) -> RobustSpread:
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
    ceiling : float array [...], optional
        Kept in the result.

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
        share,
        omega,
        ceiling,
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
    omega = np.where(flat, count / safe_n**2, omega)
    ceiling = (within + between) * (share**2).sum(-1)
    spread = robust_spread((total - count * mean) / safe_n, share, omega, ceiling)
    return np.where(n > 0, mean, np.nan)[..., 0], spread


def t_interval(mean: Floats, spread: RobustSpread, level: float) -> tuple[Floats, Floats]:
    """Return the mean less and plus the quantile of `RobustSpread` times the standard error.

    Examples
    --------
    >>> low, high = t_interval(np.array(1.0), RobustSpread(np.array(0.1), np.array(10.0)), 0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.7772, 1.2228)
    """
    half = spread.quantile(level) * spread.se
    return mean - half, mean + half


def score_interval(
    mean: Floats, spread: RobustSpread, n_clusters: Floats, bounds: tuple[float, float], level: float
) -> ScoreInterval:
    """Return Wilson's interval with the effective number of values that the spread implies.

    On the scale 0 to 1, ``n_eff = m (1 - m) / SE^2`` and Wilson's formula is used with t of the
    spread's degrees of freedom in place of z. The interval stays inside the scale and leans
    towards its middle, as the spread of bounded scores does. Where all clusters have the same
    mean the spread is 0 and says nothing; each cluster then counts as one observation.

    Near the ends of the scale few clusters hold all that departs from the end, and a sample that
    happens to have few of them also shows too little correlation within clusters. The variance
    therefore leans from the estimated one towards that of complete correlation, by an eighth of
    the squared skewness of the mean (at most wholly). The eighth is ours, set by simulation.

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
    .. [3] C. Franco, R. J. A. Little, T. A. Louis and E. V. Slud, Comparative study of confidence
       intervals for proportions in complex sample surveys, Journal of Survey Statistics and
       Methodology 7, 2019: with the effective sample size, Wilson's and the Bayesian intervals
       cover best; Clopper-Pearson's is wider throughout.

    Examples
    --------
    Eight of ten with the binomial standard error gives Wilson's interval (t with many degrees):

    >>> spread = RobustSpread(np.array((0.8 * 0.2 / 10) ** 0.5), np.array(1e9))
    >>> low, high, _ = score_interval(np.array(0.8), spread, np.array(10), (0, 1), 0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4902, 0.9433)

    19 of 20 cannot be told from all of 20; 12 of 20 can:

    >>> mean = np.array([0.95, 0.6])
    >>> spread = RobustSpread((mean * (1 - mean) / 20) ** 0.5, np.full(2, 1e9))
    >>> score_interval(mean, spread, np.array([20.0, 20]), (0, 1), 0.95).is_one_sided.tolist()
    [True, False]
    """
    floor, ceiling = bounds
    width = ceiling - floor
    p = np.clip((mean - floor) / width, 0.0, 1.0)
    room = p * (1.0 - p)
    room = np.where(room > _NO_ROOM, room, 0.0)
    variance = (spread.se / width) ** 2
    known = (variance > 1e-24) & (room > 0)
    t = np.where(known, spread.quantile(level), stdtrit(np.maximum(n_clusters - 1.0, 1.0), (1.0 + level) / 2.0))
    safe_room = np.where(room > 0, room, 1.0)
    ratio = np.where(known, variance / safe_room, 1.0 / np.maximum(n_clusters, 1.0))
    if spread.ceiling is not None:
        lean = np.clip(CAUTION * (1.0 - 2.0 * p) ** 2 / safe_room * ratio * _unevenness(spread.share), 0.0, 1.0)
        careful = (1.0 - lean) * ratio + lean * spread.ceiling / width**2 / safe_room
        ratio = np.where(known, np.maximum(ratio, careful), ratio)
    k = np.where(np.isnan(spread.se), np.nan, t**2 * ratio)
    half = np.sqrt(k * room + k**2 / 4.0) / (1.0 + k)
    middle = (p + k / 2.0) / (1.0 + k)
    low, high = floor + width * (middle - half), floor + width * (middle + half)
    return ScoreInterval(low, high, np.asarray(np.minimum(p, 1.0 - p) <= k / (1.0 + k)))


def _unevenness(share: Floats | None) -> Floats | float:
    """Return how much more skewed than with equal clusters the mean is, squared; 1 for equal ones."""
    if share is None:
        return 1.0
    square = (share**2).sum(-1)
    found: Floats = (share**3).sum(-1) ** 2 / np.where(square > 0, square, 1.0) ** 4
    return found
