"""What a comparison can resolve, before money is spent."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from statistics import fmean, variance

from scipy.special import ndtri


@dataclass(frozen=True, kw_only=True)
class PairedDesign:
    """A planned comparison of two models on the same items.

    Attributes
    ----------
    between : float
        Variance over items of the true difference between the models (omega squared).
    within_a, within_b : float
        Variance of one response's score around its item's mean, per model (sigma squared).
    epochs_a, epochs_b : int
        Repeats per item.
    items_per_cluster : float
        Mean number of items from one incident.
    cluster_correlation : float
        Correlation of differences within an incident, 0 to 1.
    """

    between: float
    within_a: float = 0.0
    within_b: float = 0.0
    epochs_a: int = 1
    epochs_b: int = 1
    items_per_cluster: float = 1.0
    cluster_correlation: float = 0.0

    @property
    def variance(self) -> float:
        """Variance that one more item divides: omega^2 + sigma_A^2/K_A + sigma_B^2/K_B, clustered."""
        drawn = self.between + self.within_a / self.epochs_a + self.within_b / self.epochs_b
        return drawn * (1.0 + (self.items_per_cluster - 1.0) * self.cluster_correlation)


@dataclass(frozen=True, kw_only=True)
class MeasuredDesign:
    """Variances that scores showed: over items of the true difference, within items, and within incidents.

    ``correlation`` is None where no incident has two items.
    """

    between: float
    within: float
    correlation: float | None


#: Pairs of models beyond these add nothing to a rough variance.
_MOST_PAIRS = 300

Scores = Mapping[Hashable, tuple[Hashable, Sequence[float]]]


def measured_design(models: Sequence[Scores]) -> MeasuredDesign | None:
    """Return what the scores of at least two models on shared items tell; None where fewer than two items are shared.

    The variance within items is pooled over items with several epochs (0 where none has: then it stays part of the
    variance between items, and more epochs promise nothing). Of each pair the variance of the items' differences,
    less what the epochs leave of the variance within, is the variance of the true difference; pairs are averaged.
    The correlation within incidents is the analysis-of-variance estimate, (MSB - MSW) / (MSB + (m0 - 1) MSW), at
    least 0.

    Parameters
    ----------
    models : sequence of mapping
        Of each model, by item: its incident and the scores of its epochs.

    References
    ----------
    .. [1] E. Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024, sections 3 and 5.
    .. [2] A. Donner, A Review of Inference Procedures for the Intraclass Correlation Coefficient in the One-Way
       Random Effects Model, International Statistical Review 54, 1986, 67-82.
    """
    spread, freedom = 0.0, 0
    for scores in models:
        for _cluster, values in scores.values():
            if len(values) > 1:
                spread += variance(values) * (len(values) - 1)
                freedom += len(values) - 1
    within = spread / freedom if freedom else 0.0
    betweens, correlations = [], []
    for one, other in islice(combinations(models, 2), _MOST_PAIRS):
        shared = [key for key in one if key in other]
        if len(shared) < 2:
            continue
        differences = [fmean(one[key][1]) - fmean(other[key][1]) for key in shared]
        noise = fmean(within / len(one[key][1]) + within / len(other[key][1]) for key in shared)
        betweens.append(max(0.0, variance(differences) - noise))
        clusters = defaultdict(list)
        for key, difference in zip(shared, differences, strict=True):
            clusters[one[key][0]].append(difference)
        correlation = intraclass(list(clusters.values()))
        if correlation is not None:
            correlations.append(correlation)
    if not betweens:
        return None
    return MeasuredDesign(
        between=fmean(betweens), within=within, correlation=max(0.0, fmean(correlations)) if correlations else None
    )


def intraclass(groups: Sequence[Sequence[float]]) -> float | None:
    """Return the one-way analysis-of-variance correlation within groups; None where it is not defined.

    Examples
    --------
    >>> intraclass([[1.0, 1.0], [3.0, 3.0]])
    1.0
    >>> intraclass([[1.0], [3.0]]) is None
    True
    """
    n, k = sum(len(group) for group in groups), len(groups)
    if k < 2 or n == k:
        return None
    grand = sum(sum(group) for group in groups) / n
    among = sum(len(group) * (fmean(group) - grand) ** 2 for group in groups) / (k - 1)
    inside = sum(sum((value - fmean(group)) ** 2 for value in group) for group in groups) / (n - k)
    size = (n - sum(len(group) ** 2 for group in groups) / n) / (k - 1)
    total = among + (size - 1) * inside
    return (among - inside) / total if total else None


def smallest_difference(
    design: PairedDesign, n_items: int, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the smallest true difference that n items show with the given power.

    ``d = (z_{1-alpha/2} + z_power) sqrt(variance / n)``.

    References
    ----------
    .. [1] E. Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024, section 5, equation 9:
       n = (z_{a/2} + z_b)^2 (omega^2 + sigma_A^2/K_A + sigma_B^2/K_B) / d^2; with clusters times
       the design effect 1 + (m - 1) rho of L. Kish, Survey Sampling, 1965.

    Examples
    --------
    >>> round(smallest_difference(PairedDesign(between=1 / 9), 969), 4)
    0.03
    """
    return _quantiles(alpha, power) * math.sqrt(design.variance / n_items)


def required_items(
    design: PairedDesign, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many items show a true difference with the given power.

    Examples
    --------
    Miller 2024, section 5: omega^2 = 1/9, no noise within items, difference 0.03: 969 questions.

    >>> required_items(PairedDesign(between=1 / 9), 0.03)
    969
    """
    return math.ceil(_quantiles(alpha, power) ** 2 * design.variance / difference**2)


def smallest_resolvable(se: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference a comparison with this standard error shows.

    Examples
    --------
    >>> round(smallest_resolvable(0.1), 3)
    0.28
    """
    return _quantiles(alpha, power) * se


def _quantiles(alpha: float, power: float) -> float:
    """Return z_{1 - alpha/2} + z_power."""
    return float(ndtri(1.0 - alpha / 2.0) + ndtri(power))
