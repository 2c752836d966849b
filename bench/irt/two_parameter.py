"""The two-parameter model: items differ in difficulty and in how sharply they divide."""

from __future__ import annotations

from typing import Any, Final, Literal

from numpy.typing import NDArray

from bench.irt.estimates import IrtFit, Priors
from bench.irt.joint import joint_map
from bench.irt.marginal import marginal_em
from bench.irt.responses import as_responses
from gvsir.exceptions import UndefinedStatisticError

LEAST_SUBJECTS: Final = 5


def fit_two_parameter(
    responses: NDArray[Any],
    *,
    method: Literal["marginal", "joint"] = "marginal",
    priors: Priors | None = None,
    n_nodes: int | None = None,
) -> IrtFit:
    """Fit ``P(y_ij = 1) = 1 / (1 + exp(-c_j (a_i - b_j)))`` with a ~ N(0, 1).

    Parameters
    ----------
    responses : array [subject, item]
        1 conforms, 0 does not, NaN missing.
    method : {"marginal", "joint"}
        Marginal EM, or joint MAP with abilities brought to mean 0 and spread 1.
    priors : Priors, optional
        log c ~ N(0, 0.5^2); b with spread 2 for marginal, 1 for joint. They keep the items of a
        few dozen models from running away; with `Priors(sd_difficulty=inf,
        sd_log_discrimination=inf)` the marginal method is maximum likelihood.
    n_nodes : int, optional
        Integration nodes of the marginal method.

    Raises
    ------
    UndefinedStatisticError
        Fewer than five subjects: use `bench.irt.rasch.fit_rasch`.

    References
    ----------
    .. [1] A. Birnbaum in F. M. Lord and M. R. Novick, Statistical Theories of Mental Test Scores,
       1968, chapter 17.

    Examples
    --------
    >>> import numpy as np
    >>> draw = np.random.default_rng(0)
    >>> ability, difficulty = draw.normal(size=60), np.linspace(-2, 2, 40)
    >>> chance = 1 / (1 + np.exp(difficulty - ability[:, None]))
    >>> fit = fit_two_parameter((draw.random((60, 40)) < chance).astype(float))
    >>> fit.converged, bool(np.corrcoef(fit.ability, ability)[0, 1] > 0.9)
    (True, True)
    """
    data = as_responses(responses)
    if len(data.right) < LEAST_SUBJECTS:
        raise UndefinedStatisticError(
            f"Discrimination needs {LEAST_SUBJECTS} subjects, there are {len(data.right)}; "
            "fit difficulty only."
        )
    if method == "joint":
        return joint_map(data, two_parameters=True, priors=priors or Priors(sd_difficulty=1.0))
    return marginal_em(data, two_parameters=True, priors=priors or Priors(), n_nodes=n_nodes)
