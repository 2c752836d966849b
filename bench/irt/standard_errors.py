"""Standard errors of items from the observed information (Louis), all items at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LARGEST = 3000


def one_parameter_errors(information: Floats, factors: Floats) -> Floats:
    """Return standard errors of the difficulties.

    The observed information is ``diag(information) - F F^T``: what complete data would tell,
    less the variance of the score that the unknown abilities leave.

    Parameters
    ----------
    information : float array [item]
    factors : float array [item, subject and node]
        ``sqrt(weight) (score - its posterior mean)``. The spread of the population is taken as
        known.

    References
    ----------
    .. [1] T. A. Louis, Finding the observed information matrix when using the EM algorithm, JRSS
       B 44, 1982, equation 3.2.

    Examples
    --------
    >>> one_parameter_errors(np.array([4.0, 1.0]), np.zeros((2, 3))).tolist()
    [0.5, 1.0]
    """
    variance = _inverse_diagonal(1.0 / information, factors)
    if variance is None:
        variance = 1.0 / np.maximum(information - (factors**2).sum(1), 1e-12)
    return np.sqrt(variance)


def two_parameter_errors(cc: Floats, bb: Floats, cb: Floats, factors: Floats) -> tuple[Floats, Floats]:
    """Return standard errors of log c and of b.

    Parameters
    ----------
    cc, bb, cb : float arrays [item]
        Information of complete data by (log c, log c), (b, b) and (log c, b).
    factors : float array [2, item, subject and node]
        As in `one_parameter_errors`, for log c and b.

    Examples
    --------
    >>> two_parameter_errors(np.array([4.0]), np.array([1.0]), np.array([0.0]), np.zeros((2, 1, 3)))
    (array([0.5]), array([1.]))
    """
    items = len(cc)
    # With R R^T the information of one item, R^-1 turns the problem into 1 - G G^T.
    root_c = np.sqrt(cc)
    lever = cb / root_c
    root_b = np.sqrt(np.maximum(bb - lever**2, 1e-12))
    first = factors[0] / root_c[:, None]
    second = (factors[1] - lever[:, None] * first) / root_b[:, None]
    whitened = np.concatenate([first, second])
    inverse = _inverse_blocks(whitened, items)
    if inverse is None:
        own = np.stack([1 - (first**2).sum(1), -(first * second).sum(1), 1 - (second**2).sum(1)])
        determinant = np.maximum(own[0] * own[2] - own[1] ** 2, 1e-12)
        inverse = np.stack([own[2], -own[1], own[0]]) / determinant
    one, cross, two = inverse
    ratio = -lever / root_b
    var_c = (one + 2 * ratio * cross + ratio**2 * two) / cc
    return np.sqrt(np.maximum(var_c, 0.0)), np.sqrt(np.maximum(two, 0.0)) / root_b


def _inverse_diagonal(diagonal: Floats, factors: Floats) -> Floats | None:
    """Return the diagonal of (diag(1 / diagonal) - F F^T)^-1, or None where it is out of reach."""
    root = np.sqrt(diagonal)[:, None]
    blocks = _inverse_blocks(factors * root, 0)
    if blocks is None:
        return None
    found: Floats = blocks[0] * diagonal
    return found


def _inverse_blocks(whitened: Floats, items: int) -> Floats | None:
    """Return parts of (1 - G G^T)^-1: its diagonal, or per item (1, 1), (1, 2), (2, 2).

    The smaller of G G^T and G^T G is inverted (Woodbury); None if both are too large or the
    information is not positive.
    """
    rows, columns = whitened.shape
    if min(rows, columns) > LARGEST:
        return None
    try:
        if rows <= columns:
            inverse = np.linalg.inv(np.linalg.cholesky(np.eye(rows) - whitened @ whitened.T))
            half = inverse.T
        else:
            middle = np.linalg.cholesky(np.eye(columns) - whitened.T @ whitened)
            half = np.linalg.solve(middle, whitened.T).T
    except np.linalg.LinAlgError:
        return None
    own = 0.0 if rows <= columns else 1.0
    diagonal: Floats = own + (half**2).sum(1)
    if not items:
        return diagonal[None, :]
    cross = (half[:items] * half[items:]).sum(1)
    return np.stack([diagonal[:items], cross, diagonal[items:]])
