"""Does an item behave as the model says: infit and outfit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.irt.estimates import IrtFit
from bench.irt.responses import as_responses

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ItemFit:
    """Mean squares and their approximately standard normal forms; arrays [item], NaN without answers.

    A mean square of 1 is as expected; above, the answers are noisier than the model (a strong
    model fails, a weak one passes); below, they are more regular.
    """

    infit: Floats
    outfit: Floats
    infit_z: Floats
    outfit_z: Floats

    def misfits(self, *, low: float = 0.5, high: float = 1.5, z: float = 2.0) -> NDArray[np.bool_]:
        """Return the items whose infit or outfit lies outside the range and is beyond chance."""
        found: NDArray[np.bool_] = np.zeros(len(self.infit), dtype=bool)
        for square, normal in ((self.infit, self.infit_z), (self.outfit, self.outfit_z)):
            found |= ((square < low) | (square > high)) & (np.abs(normal) > z)
        return found


def item_fit(responses: NDArray[Any], fit: IrtFit) -> ItemFit:
    """Return infit and outfit of every item at the estimated abilities.

    ``outfit = mean (y - p)^2 / (p (1 - p))``, ``infit = sum (y - p)^2 / sum p (1 - p)`` over
    subjects with an answer; the normal form is Wilson and Hilferty's cube root.

    Parameters
    ----------
    responses : array [subject, item]
        Those the model was fitted to.
    fit : IrtFit

    References
    ----------
    .. [1] B. D. Wright and G. N. Masters, Rating Scale Analysis, 1982, table 5.3a.

    Examples
    --------
    >>> from bench.irt.rasch import fit_rasch
    >>> answers = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 1, 0]])
    >>> item_fit(answers, fit_rasch(answers)).infit.shape
    (3,)
    """
    data = as_responses(responses)
    p = np.clip(fit.probability(), 1e-12, 1 - 1e-12)
    count = data.present.sum(0)
    w = p * (1 - p) * data.present
    square = (data.right - p) ** 2 * data.present
    kurtosis = w * ((1 - p) ** 3 + p**3)
    single = np.where(data.present > 0, p * (1 - p), 1.0)
    total = w.sum(0)
    infit = _ratio(square.sum(0), total)
    outfit = _ratio((square / single).sum(0), count)
    spread_in = np.sqrt(np.maximum(_ratio((kurtosis - w**2).sum(0), total**2), 0.0))
    noise_out = _ratio((kurtosis / single**2).sum(0), count**2) - _ratio(1.0, count)
    spread_out = np.sqrt(np.maximum(noise_out, 0.0))
    return ItemFit(
        infit=infit,
        outfit=outfit,
        infit_z=_normal(infit, spread_in),
        outfit_z=_normal(outfit, spread_out),
    )


def _normal(square: Floats, spread: Floats) -> Floats:
    """Return Wilson and Hilferty's transformation, NaN without spread."""
    safe = np.where(spread > 0, spread, 1.0)
    z: Floats = np.where(spread > 0, (np.cbrt(square) - 1.0) * 3.0 / safe + safe / 3.0, np.nan)
    return z


def _ratio(total: NDArray[Any] | float, count: Floats) -> Floats:
    """Return total / count, NaN where the count is 0."""
    quotient: Floats = np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)
    return quotient
