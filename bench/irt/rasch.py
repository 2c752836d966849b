"""The one-parameter model: items differ in difficulty only."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import NDArray

from bench.irt.estimates import IrtFit, Priors
from bench.irt.joint import joint_map
from bench.irt.marginal import marginal_em
from bench.irt.responses import as_responses


def fit_rasch(
    responses: NDArray[Any],
    *,
    method: Literal["marginal", "joint"] = "marginal",
    priors: Priors | None = None,
    n_nodes: int | None = None,
) -> IrtFit:
    """Fit ``P(y_ij = 1) = 1 / (1 + exp(-(a_i - b_j)))``.

    Parameters
    ----------
    responses : array [subject, item]
        1 conforms, 0 does not, NaN missing.
    method : {"marginal", "joint"}
        Marginal EM (the spread of abilities is estimated), or joint MAP (spread 1 by its prior).
    priors : Priors, optional
        Of the difficulties: spread 2 for marginal, 1 for joint.
    n_nodes : int, optional
        Integration nodes of the marginal method.

    Raises
    ------
    ValueError, UndefinedStatisticError
        As `bench.irt.responses.as_responses`.

    References
    ----------
    .. [1] G. Rasch, Probabilistic Models for Some Intelligence and Attainment Tests, 1960.
    .. [2] D. Thissen, Marginal maximum likelihood estimation for the one-parameter logistic
       model, Psychometrika 47, 1982.

    Examples
    --------
    >>> import numpy as np
    >>> answers = np.array([[1, 1, 1, 0], [1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 1], [1, 1, 0, 0]])
    >>> fit = fit_rasch(answers)
    >>> int(fit.difficulty.argmin()), int(fit.difficulty.argmax()), int(fit.ability.argmin())
    (0, 3, 2)
    """
    data = as_responses(responses)
    if method == "joint":
        return joint_map(data, two_parameters=False, priors=priors or Priors(sd_difficulty=1.0))
    return marginal_em(data, two_parameters=False, priors=priors or Priors(), n_nodes=n_nodes)
