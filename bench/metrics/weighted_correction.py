"""A judge's mean corrected by labels that were drawn with unequal chances: by stratum, in clusters."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bench.metrics.corrected import CorrectedMean
from bench.metrics.intervals import Clusters, Values, as_floats
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


def weighted_prediction_powered_mean(
    judge: Values, human: Values, weights: Values, clusters: Clusters, *, level: float = 0.95
) -> CorrectedMean:
    """Return ``mean(judge) + sum w (human - judge) / sum w``, the sums over labelled responses.

    The prediction-powered mean for labels drawn by stratum: a labelled response counts as often as it
    stands for others of its stratum. The variance is that of both parts together, by incident: the
    influence of a response is ``(f - mean f) / N``, and if it is labelled also
    ``w (r - mean r) / sum w`` with r = human - judge; its sums per cluster are squared, added up, and
    widened by G / (G - 1), G being the number of clusters with a label. When all responses are labelled
    it is the clustered standard error of the people's mean.

    Parameters
    ----------
    judge : sequence of length n_responses
        The judge's scores; a response without one is left out, whatever its label.
    human : sequence of length n_responses
        Mean of the raters; None or NaN where nobody labelled.
    weights : sequence of length n_responses
        Size of the stratum over its labelled responses; read only where there is a label.
    clusters : sequence of length n_responses
        The incident of each response.
    level : float

    Raises
    ------
    UndefinedStatisticError
        Fewer than two labelled responses, or all of them come from one incident.

    References
    ----------
    .. [1] C.-E. Sarndal, B. Swensson and J. Wretman, Model Assisted Survey Sampling, Springer, 1992,
       section 6.3 (the difference estimator), and 5.7 for means by a ratio of weighted sums.
    .. [2] A. N. Angelopoulos et al., Prediction-powered inference, Science 382, 2023, arXiv 2301.09633.

    Examples
    --------
    The judge gives 8 to all. People give 6 to the one labelled response that stands for four, and 8 to
    those that stand for one each: 8 + (4 * -2 + 0 + 0) / 6 = 6.667.

    >>> found = weighted_prediction_powered_mean(
    ...     [8, 8, 8, 8, 8, 8], [6, 8, 8, None, None, None], [4, 1, 1, None, None, None], list("abcdef"))
    >>> round(found.value, 3), found.uncorrected, found.n_labelled
    (6.667, 8.0, 3)
    """
    f, y, w = as_floats(judge), as_floats(human), as_floats(weights)
    judged = ~np.isnan(f)
    labelled = judged & ~np.isnan(y)
    n, total = int(labelled.sum()), int(judged.sum())
    if n < 2:
        raise UndefinedStatisticError("Two labelled responses are needed.")
    names = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    code = np.array([names[name] for name in clusters])
    n_clusters = len(set(code[labelled].tolist()))
    if n_clusters < 2:
        raise UndefinedStatisticError("The labelled responses come from one incident only.")
    share = w[labelled] / w[labelled].sum()
    residual = y[labelled] - f[labelled]
    own, correction = float(f[judged].mean()), float(share @ residual)
    influence: Floats = np.zeros(len(f))
    influence[judged] = (f[judged] - own) / total
    influence[labelled] += share * (residual - correction)
    sums = np.bincount(code, weights=influence)
    se = math.sqrt(float(sums @ sums) * n_clusters / (n_clusters - 1))
    half = float(stdtrit(n_clusters - 1, (1 + level) / 2)) * se
    value = own + correction
    return CorrectedMean(
        value=value, se=se, low=value - half, high=value + half, uncorrected=own, correction=correction,
        n_labelled=n, n_judged=total, weight=1.0, method="weighted_prediction_powered",
    )


def effective_count(weights: Values) -> float:
    """Return how many equally weighted labels say as much: ``(sum w)^2 / sum w^2``; 0 for none.

    References
    ----------
    .. [1] L. Kish, Survey Sampling, Wiley, 1965, section 11.7.

    Examples
    --------
    >>> effective_count([1, 1, 1, 1]), round(effective_count([3, 1]), 2), effective_count([])
    (4.0, 1.6, 0.0)
    """
    w = as_floats(weights)
    return float(w.sum() ** 2 / (w @ w)) if w.size else 0.0
