"""Adjusted p-values when many claims are made at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Return Holm's step-down p-values: the chance of any false claim in the family is controlled.

    The i-th smallest p is multiplied by (m - i + 1), made non-decreasing, cut at 1. Use it for
    claims ("A is ahead of B").

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian
       Journal of Statistics 6, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _unsorted(stepped, order)


def benjamini_hochberg(p_values: Sequence[float] | Floats) -> Floats:
    """Return Benjamini-Hochberg p-values: the expected share of false finds is controlled.

    The i-th smallest p is multiplied by m / i, made non-decreasing from the top. For exploring.

    References
    ----------
    .. [1] Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, JRSS B 57, 1995.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.02, 0.04, 0.04, 0.02]
    """
    return _step_up(_checked(p_values), 1.0)


def benjamini_yekutieli(p_values: Sequence[float] | Floats) -> Floats:
    """Return Benjamini-Yekutieli p-values, valid under any dependence between the tests.

    As Benjamini-Hochberg, times ``1 + 1/2 + ... + 1/m``.

    References
    ----------
    .. [1] Y. Benjamini and D. Yekutieli, The control of the false discovery rate in multiple
       testing under dependency, Annals of Statistics 29, 2001.

    Examples
    --------
    >>> benjamini_yekutieli([0.01, 0.04]).round(3).tolist()
    [0.03, 0.06]
    """
    p = _checked(p_values)
    return _step_up(p, float((1.0 / np.arange(1, len(p) + 1)).sum()))


def _checked(p_values: Sequence[float] | Floats) -> Floats:
    """Return p-values as floats; refuse what is not one."""
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("A p-value lies between 0 and 1.")
    return p


def _step_up(p: Floats, factor: float) -> Floats:
    """Return step-up adjusted p-values times a factor."""
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1) * factor
    return _unsorted(np.minimum.accumulate(scaled[::-1])[::-1], order)


def _unsorted(stepped: Floats, order: NDArray[np.intp]) -> Floats:
    """Return sorted adjusted values in their first order, at most 1."""
    adjusted = np.empty_like(stepped)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
