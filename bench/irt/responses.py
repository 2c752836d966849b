"""Yes/no responses of models to items, with missing ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Responses:
    """Arrays [subject, item].

    Attributes
    ----------
    right : float array
        1 where the response conforms, 0 where not or missing.
    present : float array
        1 where there is a response.
    """

    right: Floats
    present: Floats

    @property
    def complete(self) -> bool:
        """No response is missing."""
        return bool(self.present.all())

    def without_information(self) -> NDArray[np.bool_]:
        """Return the items that all answered alike, or nobody: only the prior places them."""
        total, count = self.right.sum(0), self.present.sum(0)
        alike: NDArray[np.bool_] = (total == 0) | (total == count)
        return alike


def dichotomised(scores: NDArray[Any], *, threshold: float) -> Floats:
    """Return 1 where a score reaches the threshold, 0 below, NaN where missing.

    Examples
    --------
    >>> dichotomised(np.array([[7.0, 4.9, np.nan]]), threshold=5).tolist()
    [[1.0, 0.0, nan]]
    """
    values = np.asarray(scores, dtype=np.float64)
    return np.where(np.isnan(values), np.nan, (values >= threshold).astype(np.float64))


def as_responses(responses: NDArray[Any]) -> Responses:
    """Return checked responses.

    Parameters
    ----------
    responses : array [subject, item]
        0, 1 or NaN (missing).

    Raises
    ------
    ValueError
        Something is neither 0, 1 nor NaN, or the array has not two axes.
    UndefinedStatisticError
        Fewer than two subjects, no item, or a subject without any response.
    """
    values = np.asarray(responses, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError("Responses are [subject, item].")
    present = ~np.isnan(values)
    if not np.isin(values[present], (0.0, 1.0)).all():
        raise ValueError("A response is 0, 1 or missing.")
    if len(values) < 2 or not values.shape[1]:
        raise UndefinedStatisticError("Two subjects and one item are needed.")
    if not present.any(1).all():
        raise UndefinedStatisticError("A subject has no response at all; leave it out.")
    return Responses(right=np.where(present, values, 0.0), present=present.astype(np.float64))
