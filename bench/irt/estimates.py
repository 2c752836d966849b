"""What an item response model says of items and subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Priors:
    """Normal priors; infinite for none.

    Attributes
    ----------
    sd_difficulty : float
        Of b, around 0.
    sd_log_discrimination : float
        Of log c, around 0; and of the log of the abilities' spread where that is estimated.
    """

    sd_difficulty: float = 2.0
    sd_log_discrimination: float = 0.5


@dataclass(frozen=True, kw_only=True)
class IrtFit:
    """Estimates with standard errors; ``P(y = 1) = 1 / (1 + exp(-c_j (a_i - b_j)))``.

    Attributes
    ----------
    ability, se_ability : float arrays [subject]
        a, on a scale with mean near 0 and the spread ``population_sd``.
    difficulty, se_difficulty : float arrays [item]
        b, on the scale of the ability.
    discrimination, se_log_discrimination : float arrays [item]
        c, and the standard error of log c; 1 and NaN in the one-parameter model.
    population_sd : float
        Spread of the ability in the population; 1 unless estimated.
    without_information : bool array [item]
        All answered alike, or nobody: b and c are the prior's.
    log_likelihood : float
        Of the data without priors: marginal over the ability, or joint.
    iterations : int
    converged : bool
    method : str
        ``"1PL marginal"``, ``"2PL joint"``, ...
    """

    ability: Floats
    se_ability: Floats
    difficulty: Floats
    se_difficulty: Floats
    discrimination: Floats
    se_log_discrimination: Floats
    population_sd: float
    without_information: NDArray[np.bool_]
    log_likelihood: float
    iterations: int
    converged: bool
    method: str

    def probability(self, ability: Floats | None = None) -> Floats:
        """Return P(y = 1), [subject, item], at these abilities or the estimated ones."""
        a = self.ability if ability is None else np.asarray(ability, dtype=np.float64)
        p: Floats = expit(self.discrimination * (a[..., None] - self.difficulty))
        return p

    @property
    def warnings(self) -> tuple[str, ...]:
        """Plain sentences on what not to trust."""
        found = []
        if alike := int(self.without_information.sum()):
            found.append(f"{alike} items were answered alike by all; only the prior places them.")
        if not self.converged:
            found.append(f"The estimates still moved after {self.iterations} steps.")
        return tuple(found)
