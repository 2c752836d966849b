"""What a comparison can resolve, before money is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
