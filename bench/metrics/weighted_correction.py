"""A judge's mean corrected by labels that were drawn with unequal chances: by stratum, in clusters."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bench.metrics.coded import coded
from bench.metrics.comparison import without_noise
from bench.metrics.corrected import CorrectedMean
from bench.metrics.correction_degrees import Scatter, Weighed, degrees_of, inflated, scatter_of
from bench.metrics.intervals import Clusters, Values, as_floats
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


def weighted_prediction_powered_mean(
    judge: Values, human: Values, weights: Values, clusters: Clusters, *, level: float = 0.95
) -> CorrectedMean:
    """Return ``mean(judge) + sum w (human - judge) / sum w``, the sums over labelled responses.

    The prediction-powered mean for labels drawn by stratum: a labelled response counts as often as it
    stands for others of its stratum. It is `corrected_whole` of one category in which every response is
    an item of its own.

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
    part = corrected_part(judge, human, weights, range(len(judge)), clusters)
    return replace(corrected_whole([part], [1.0], level=level), method="weighted_prediction_powered")


class CorrectedPart(NamedTuple):
    """The corrected mean of one category, and what each incident adds to its error.

    Arrays are by incident, in the order of ``clusters``; ``terms`` are summed and squared, and ``share``, ``squares``,
    ``judged`` and ``labelled`` are those of `bench.metrics.correction_degrees.Weighed`.
    """

    uncorrected: float
    correction: float
    clusters: tuple[Hashable, ...]
    terms: Floats
    share: Floats
    squares: Floats
    judged: Scatter
    labelled: Scatter
    n_labelled: int
    n_judged: int
    n_clusters: int


def corrected_part(
    judge: Values, human: Values, weights: Values, items: Sequence[Hashable], clusters: Clusters
) -> CorrectedPart:
    """Return the mean of the items' means, put right by the labels of some of their responses.

    As :func:`weighted_prediction_powered_mean`, for a mean in which every item counts the same however often it was
    asked: a response stands for ``1 / (responses of its item)``, and a label for so much of each response of its
    stratum. ``n_clusters`` counts the incidents with a label.

    With a_i the weight of a response in the judge's mean, b_i that of a label in the correction (each sum to 1),
    r = human - judge, and h_g, k_g their sums in incident g, what the incident adds to the error is
    ``sum_i a_i (f_i - mean f) / sqrt(1 - h_g) + sum_i b_i (r_i - mean r) / sqrt(1 - k_g)`` [1]_: where everything is
    labelled, the term of people's mean.

    Raises
    ------
    UndefinedStatisticError
        Fewer than two labelled responses, or all of them come from one incident.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Bias reduction in standard errors for linear regression with multi-stage
       samples, Survey Methodology 28, 2002 (CR2), of each of the two means.

    Examples
    --------
    Item a is judged 4 and 6, b 9; people say 3 of the first and 9 of the last, both labels standing for themselves
    alone: (5 + 9) / 2 + (.5 * -1 + 1 * 0) / 1.5.

    >>> part = corrected_part([4, 6, 9], [3, None, 9], [1, None, 1], ["a", "a", "b"], ["x", "x", "y"])
    >>> part.uncorrected, round(part.correction, 3)
    (7.0, -0.333)
    """
    f, y, w = as_floats(judge), as_floats(human), as_floats(weights)
    judged = ~np.isnan(f)
    labelled = judged & ~np.isnan(y)
    names, code = coded(clusters)
    n_clusters = len(set(code[labelled].tolist()))
    if labelled.sum() < 2:
        raise UndefinedStatisticError("Two labelled responses are needed.")
    if n_clusters < 2:
        raise UndefinedStatisticError("The labelled responses come from one incident only.")
    item = np.unique(np.array([str(each) for each in items]), return_inverse=True)[1]
    per_item = np.bincount(item[judged], minlength=int(item.max()) + 1)
    n_items = int((per_item > 0).sum())
    own_share: Floats = np.where(judged, 1 / np.maximum(per_item[item], 1), 0.0)
    own = float(own_share[judged] @ f[judged]) / n_items
    share = w[labelled] * own_share[labelled]
    share = share / share.sum()
    residual = y[labelled] - f[labelled]
    correction = float(share @ residual)
    weight: Floats = np.zeros((len(f), 2))
    weight[judged, 0], weight[labelled, 1] = own_share[judged] / n_items, share
    values = np.stack([np.where(judged, f, own), np.where(labelled, y - f, correction)], axis=1)
    off = weight * (values - np.array([own, correction]))
    of_cluster, residual_sums = (_by_cluster(code, each, len(names)) for each in (weight, off))
    return CorrectedPart(
        uncorrected=own, correction=correction, clusters=names,
        terms=(residual_sums * inflated(of_cluster)).sum(1), share=of_cluster,
        squares=_by_cluster(code, (weight[:, :, None] * weight[:, None, :]).reshape(-1, 4), len(names)).reshape(-1, 2, 2),
        judged=scatter_of(values[judged, :1], code[judged]), labelled=scatter_of(values[labelled], code[labelled]),
        n_labelled=int(labelled.sum()), n_judged=int(judged.sum()), n_clusters=n_clusters,
    )


def _by_cluster(code: NDArray[np.intp], values: Floats, n_clusters: int) -> Floats:
    """Return the sums of ``values`` [response, column] of each cluster."""
    return np.stack([np.bincount(code, weights=column, minlength=n_clusters) for column in values.T], axis=1)


def corrected_whole(parts: Sequence[CorrectedPart], weights: Sequence[float], *, level: float = 0.95) -> CorrectedMean:
    """Return the weighted mean of corrected ``parts``; ``weights`` are made to sum to 1.

    Stratified: each category is put right by its own labels and weighs what it weighs in the headline. An incident
    that feeds several categories is one cluster over all of them. Student's quantile has the degrees of freedom of
    `bench.metrics.correction_degrees`: a category of few labelled incidents that weighs much leaves few.

    References
    ----------
    .. [1] J. E. Pustejovsky and E. Tipton, Small-sample methods for cluster-robust variance estimation, Journal of
       Business & Economic Statistics 36, 2018: CR2 and Satterthwaite degrees of a linear combination.

    Examples
    --------
    >>> parts = [corrected_part([8, 8], [6, 8], [1, 1], ["a", "b"], ["a", "b"]),
    ...          corrected_part([2, 2], [2, 2], [1, 1], ["c", "d"], ["c", "d"])]
    >>> found = corrected_whole(parts, [1, 3])
    >>> found.uncorrected, found.value
    (3.5, 3.25)
    """
    share = np.array(weights, dtype=np.float64) / sum(weights)
    own = float(sum(weight * part.uncorrected for weight, part in zip(share, parts, strict=True)))
    correction = float(sum(weight * part.correction for weight, part in zip(share, parts, strict=True)))
    correction = float(without_noise(np.array(correction), max(abs(part.uncorrected) for part in parts)))
    names: dict[Hashable, int] = {}
    codes = [np.array([names.setdefault(name, len(names)) for name in part.clusters], dtype=np.intp) for part in parts]
    terms = np.zeros(len(names))
    for weight, part, code in zip(share, parts, codes, strict=True):
        terms[code] += weight * part.terms
    se = math.sqrt(float(terms @ terms))
    degrees = degrees_of(
        [Weighed(code, part.share, part.squares, part.judged, part.labelled) for code, part in zip(codes, parts, strict=True)],
        share,
    )
    half = float(stdtrit(degrees, (1 + level) / 2)) * se
    value = own + correction
    return CorrectedMean(
        value=value, se=se, low=value - half, high=value + half, uncorrected=own, correction=correction,
        n_labelled=sum(part.n_labelled for part in parts), n_judged=sum(part.n_judged for part in parts), weight=1.0,
        method="stratified_prediction_powered",
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
