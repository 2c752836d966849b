"""A judge's mean corrected by human labels."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from bench.metrics.coded import coded
from bench.metrics.intervals import Clusters, Values, as_floats
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class CorrectedMean:
    """A corrected mean beside the uncorrected one.

    Attributes
    ----------
    value, se, low, high : float
        Corrected.
    uncorrected : float
        The judge's own mean over all responses it scored.
    correction : float
        ``value - uncorrected``.
    n_labelled, n_judged : int
        Responses with a human label and a verdict, and all with a verdict.
    weight : float
        The lambda given to the judge: 1 plain, 0 ignores it.
    method : str
    """

    value: float
    se: float
    low: float
    high: float
    uncorrected: float
    correction: float
    n_labelled: int
    n_judged: int
    weight: float
    method: str


def prediction_powered_mean(
    judge: Values,
    human: Values,
    *,
    clusters: Clusters | None = None,
    tune: bool = False,
    level: float = 0.95,
) -> CorrectedMean:
    """Return the mean human score that all responses would have, by prediction-powered inference.

    ``mean of L(judge) over unlabelled + mean of (human - L judge) over labelled`` with L the
    weight of the judge (1, or tuned). Unbiased however bad the judge is, if the labelled
    responses are a random sample; the better the judge, the narrower.

    Parameters
    ----------
    judge : sequence of length n_responses
        The judge's scores; a response without one is left out, whatever its label.
    human : sequence of length n_responses
        Human labels (mean of raters); None or NaN where not labelled.
    clusters : sequence of length n_responses, optional
        The incident of each response. Without it all responses count as independent.
    tune : bool
        Choose the weight that makes the variance least (PPI++), between 0 and 1.
    level : float

    Returns
    -------
    CorrectedMean
        With clusters, t with as many degrees as the smaller number of clusters (labelled or
        not) less one; without, normal quantiles as in the paper.

    Raises
    ------
    UndefinedStatisticError
        Fewer than two labelled or two unlabelled responses (or clusters of them).

    References
    ----------
    .. [1] A. N. Angelopoulos et al., Prediction-powered inference, Science 382, 2023, arXiv
       2301.09633, algorithm 1: variance var(f)/N + var(y - f)/n.
    .. [2] A. N. Angelopoulos, J. C. Duchi and T. Zrnic, PPI++, arXiv 2311.01453, 2023, section 6:
       lambda = cov(y, f) / ((1 + n/N) var(f)).

    Examples
    --------
    A judge that is always 2 too high is put right:

    >>> found = prediction_powered_mean([5, 7, 9, 6, 8, 7], [3, 5, 7, None, None, None])
    >>> found.uncorrected, found.value, found.n_labelled
    (7.0, 5.0, 3)
    """
    f, y = as_floats(judge), as_floats(human)
    judged = ~np.isnan(f)
    labelled, rest = judged & ~np.isnan(y), judged & np.isnan(y)
    n, n_rest = int(labelled.sum()), int(rest.sum())
    if n < 2 or n_rest < 2:
        raise UndefinedStatisticError("Two labelled and two unlabelled responses are needed.")
    weight = _tuned_weight(f[labelled], y[labelled], f[rest]) if tune else 1.0
    rectifier = y[labelled] - weight * f[labelled]
    value = float(weight * f[rest].mean() + rectifier.mean())
    if clusters is None:
        # The paper's own variances divide by n; n - 1 here, to err on the wide side.
        variance = weight**2 * f[rest].var(ddof=1) / n_rest + rectifier.var(ddof=1) / n
        quantile = float(ndtri((1 + level) / 2))
    else:
        influence = np.zeros(len(f))
        influence[rest] = weight * (f[rest] - f[rest].mean()) / n_rest
        influence[labelled] += (rectifier - rectifier.mean()) / n
        variance, degrees = _clustered_variance(influence, clusters, labelled, rest)
        quantile = float(stdtrit(degrees, (1 + level) / 2))
    se = math.sqrt(variance)
    own = float(f[judged].mean())
    return CorrectedMean(
        value=value,
        se=se,
        low=value - quantile * se,
        high=value + quantile * se,
        uncorrected=own,
        correction=value - own,
        n_labelled=n,
        n_judged=n + n_rest,
        weight=weight,
        method="prediction_powered_tuned" if tune else "prediction_powered",
    )


def stratified_prediction_powered_mean(
    judge: Values, human: Values, strata: Sequence[Hashable], *, tune: bool = False, level: float = 0.95
) -> CorrectedMean:
    """Return the prediction-powered mean when labels were drawn per stratum (category, score band).

    Each stratum is corrected alone; the means are weighted by the stratum's share of judged
    responses and the variances by its square.

    Raises
    ------
    UndefinedStatisticError
        A stratum has fewer than two labelled or two unlabelled responses; the message names it.

    References
    ----------
    .. [1] A. Fisch et al., Stratified prediction-powered inference, arXiv 2406.04291, 2024.

    Examples
    --------
    >>> judge, human = [5, 7, 9, 6, 1, 2, 2, 3], [4, 6, None, None, 2, 3, None, None]
    >>> found = stratified_prediction_powered_mean(judge, human, list("aaaabbbb"))
    >>> found.uncorrected, found.value
    (4.375, 5.0)
    """
    f, y = as_floats(judge), as_floats(human)
    judged = ~np.isnan(f)
    total = int(judged.sum())
    value = variance = weight = 0.0
    n_labelled = 0
    for stratum in dict.fromkeys(strata):
        member = np.array([name == stratum for name in strata]) & judged
        if not member.any():
            continue
        share = member.sum() / total
        try:
            part = prediction_powered_mean(f[member], y[member], tune=tune)
        except UndefinedStatisticError as error:
            raise UndefinedStatisticError(f"Stratum {stratum}: {error}") from error
        value += share * part.value
        variance += (share * part.se) ** 2
        weight += share * part.weight
        n_labelled += part.n_labelled
    if not total:
        raise UndefinedStatisticError("No response was judged.")
    half = float(ndtri((1 + level) / 2)) * math.sqrt(variance)
    own = float(f[judged].mean())
    return CorrectedMean(
        value=float(value),
        se=math.sqrt(variance),
        low=float(value - half),
        high=float(value + half),
        uncorrected=own,
        correction=float(value - own),
        n_labelled=n_labelled,
        n_judged=total,
        weight=float(weight),
        method="stratified_prediction_powered",
    )


def corrected_share(
    judged_yes: int,
    n: int,
    *,
    true_yes: float,
    labelled_yes: float,
    true_no: float,
    labelled_no: float,
    level: float = 0.95,
) -> CorrectedMean:
    """Return the true share behind a yes/no judge of known sensitivity and specificity.

    ``(p + specificity - 1) / (sensitivity + specificity - 1)``, cut to 0..1, with p the judge's
    share of yes. The standard error is the delta method's over all three parts. The interval
    adds pseudo-counts to each part and shifts the centre, so that it holds near 0 and 1 and with
    few labels.

    Parameters
    ----------
    judged_yes, n : int
        Verdicts of yes, and all verdicts, on responses without a label.
    true_yes, labelled_yes : float
        Verdicts of yes among the responses people called yes (sensitivity).
    true_no, labelled_no : float
        Verdicts of no among the responses people called no (specificity). Fractions where labels
        have unequal weights and these are effective counts.
    level : float

    Raises
    ------
    UndefinedStatisticError
        A part is empty, or the judge is no better than a coin
        (sensitivity + specificity <= 1).

    References
    ----------
    .. [1] W. J. Rogan and B. Gladen, Estimating prevalence from the results of a screening test,
       American Journal of Epidemiology 107, 1978.
    .. [2] Z. Lang and J. Reiczigel, Confidence limits for prevalence of disease adjusted for
       estimated sensitivity and specificity, Preventive Veterinary Medicine 113, 2014.
    .. [3] C. Lee et al., How to correctly report LLM-as-a-judge evaluations, arXiv 2511.21140, 2025.

    Examples
    --------
    60 of 100 judged yes, sensitivity 0.9, specificity 0.8: (0.6 + 0.8 - 1) / 0.7 = 0.571.

    >>> found = corrected_share(60, 100, true_yes=45, labelled_yes=50, true_no=40, labelled_no=50)
    >>> round(found.value, 3), round(found.se, 3)
    (0.571, 0.085)
    """
    if not (n and labelled_yes and labelled_no):
        raise UndefinedStatisticError("Verdicts, labels of yes and labels of no are all needed.")
    p, sensitivity, specificity = judged_yes / n, true_yes / labelled_yes, true_no / labelled_no
    if sensitivity + specificity <= 1:
        raise UndefinedStatisticError("The judge is no better than a coin; its share cannot be corrected.")
    value = _untangled(p, sensitivity, specificity)
    se = math.sqrt(_share_variance(value, p, n, sensitivity, labelled_yes, specificity, labelled_no))
    z = float(ndtri((1 + level) / 2))
    padded_p, padded_n = (judged_yes + z * z / 2) / (n + z * z), n + z * z
    padded_yes, padded_no = (true_yes + 1) / (labelled_yes + 2), (true_no + 1) / (labelled_no + 2)
    centre = _untangled(padded_p, padded_yes, padded_no)
    spread = _share_variance(
        centre, padded_p, padded_n, padded_yes, labelled_yes + 2, padded_no, labelled_no + 2
    )
    shift = 2 * z * z * (
        centre * padded_yes * (1 - padded_yes) / (labelled_yes + 2)
        - (1 - centre) * padded_no * (1 - padded_no) / (labelled_no + 2)
    )
    half = z * math.sqrt(spread)
    return CorrectedMean(
        value=value,
        se=se,
        low=min(max(centre + shift - half, 0.0), 1.0),
        high=min(max(centre + shift + half, 0.0), 1.0),
        uncorrected=p,
        correction=value - p,
        n_labelled=round(labelled_yes + labelled_no),
        n_judged=n,
        weight=1.0,
        method="sensitivity_specificity",
    )


def _tuned_weight(f: Floats, y: Floats, rest: Floats) -> float:
    """Return PPI++'s lambda, cut to 0..1."""
    pooled = float(np.concatenate([f, rest]).var(ddof=1))
    if pooled == 0:
        return 0.0
    ratio = len(f) / len(rest)
    return float(np.clip(np.cov(y, f)[0, 1] / ((1 + ratio) * pooled), 0.0, 1.0))


def _clustered_variance(
    influence: Floats, clusters: Clusters, labelled: NDArray[np.bool_], rest: NDArray[np.bool_]
) -> tuple[float, int]:
    """Return the variance from sums of influence per cluster, and degrees of freedom."""
    code = coded(clusters).codes
    few = min(len(set(code[labelled])), len(set(code[rest])))
    if few < 2:
        raise UndefinedStatisticError("The labelled responses come from one incident only.")
    sums = np.bincount(code, weights=influence)
    return float(sums @ sums) * few / (few - 1), few - 1


def _untangled(p: float, sensitivity: float, specificity: float) -> float:
    """Return the Rogan-Gladen share, cut to 0..1."""
    return min(max((p + specificity - 1) / (sensitivity + specificity - 1), 0.0), 1.0)


def _share_variance(
    share: float, p: float, n: float, sensitivity: float, n_yes: float, specificity: float, n_no: float
) -> float:
    """Return the delta-method variance of the Rogan-Gladen share."""
    parts = p * (1 - p) / n
    parts += share**2 * sensitivity * (1 - sensitivity) / n_yes
    parts += (1 - share) ** 2 * specificity * (1 - specificity) / n_no
    return parts / (sensitivity + specificity - 1) ** 2
