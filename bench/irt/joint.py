"""Joint estimation: abilities and items together at the mode of their posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bench.irt.estimates import IrtFit, Priors
from bench.irt.responses import Responses

Floats = NDArray[np.float64]
STEP = 0.5
LEAST_C, MOST_C = 0.2, 4.0


@dataclass
class _State:
    """Where the iteration stands."""

    ability: Floats
    b: Floats
    log_c: Floats

    def probability(self) -> Floats:
        """Return P(y = 1), [subject, item]."""
        p: Floats = expit(np.exp(self.log_c) * (self.ability[:, None] - self.b))
        return p


def joint_map(
    data: Responses,
    *,
    two_parameters: bool,
    priors: Priors,
    standardise: bool = True,
    max_iterations: int = 200,
    tolerance: float = 1e-4,
) -> IrtFit:
    """Estimate abilities and items by Newton steps in turn.

    Ability ~ N(0, 1). Steps are cut to 0.5 and c to 0.2..4.

    Parameters
    ----------
    data : Responses
    two_parameters : bool
    priors : Priors
    standardise : bool
        Bring the abilities to mean 0 and, with two parameters, spread 1 after every round (the
        items follow; with one parameter only the mean moves, since c is 1).
    max_iterations, tolerance
        Stop when no parameter moves by more than ``tolerance``.

    Notes
    -----
    Standard errors take the other parameters as known, so they are too small with few models;
    with many items an ability's error is little touched, an item's more. Prefer
    `bench.irt.marginal.marginal_em` for the items.

    References
    ----------
    .. [1] A. Birnbaum in F. M. Lord and M. R. Novick, Statistical Theories of Mental Test Scores,
       1968, chapter 20 (joint estimation); the priors: R. J. Mislevy, Bayes modal estimation in
       item response models, Psychometrika 51, 1986.
    """
    state = _start(data)
    converged, iteration = False, 0
    while iteration < max_iterations and not converged:
        iteration += 1
        before = np.concatenate([state.ability, state.b, state.log_c])
        _step_abilities(data, state)
        _step_difficulties(data, state, priors)
        if two_parameters:
            _step_discriminations(data, state, priors)
        if standardise:
            _standardise(state, two_parameters)
        after = np.concatenate([state.ability, state.b, state.log_c])
        converged = bool(np.abs(after - before).max() < tolerance)
    return _result(data, state, priors, two_parameters, iteration, converged)


def _start(data: Responses) -> _State:
    """Return standardised logits of smoothed shares, and c = 1."""
    ability = np.log((data.right.sum(1) + 0.5) / ((data.present - data.right).sum(1) + 0.5))
    b = -np.log((data.right.sum(0) + 0.5) / ((data.present - data.right).sum(0) + 0.5))
    spread = ability.std() or 1.0
    return _State((ability - ability.mean()) / spread, b, np.zeros(len(b)))


def _step_abilities(data: Responses, state: _State) -> None:
    """Make one Newton step of every ability."""
    c, p = np.exp(state.log_c), state.probability()
    gradient = (data.right - data.present * p) @ c - state.ability
    information = (data.present * p * (1 - p)) @ (c * c) + 1.0
    state.ability = state.ability + np.clip(gradient / information, -STEP, STEP)


def _step_difficulties(data: Responses, state: _State, priors: Priors) -> None:
    """Make one Newton step of every b."""
    c, p, tight = np.exp(state.log_c), state.probability(), priors.sd_difficulty**-2
    gradient = -c * (data.right - data.present * p).sum(0) - tight * state.b
    information = c * c * (data.present * p * (1 - p)).sum(0) + tight
    state.b = state.b + np.clip(gradient / information, -STEP, STEP)


def _step_discriminations(data: Responses, state: _State, priors: Priors) -> None:
    """Make one scoring step of every log c."""
    c, p, narrow = np.exp(state.log_c), state.probability(), priors.sd_log_discrimination**-2
    lever = c * (state.ability[:, None] - state.b)
    gradient = (lever * (data.right - data.present * p)).sum(0) - narrow * state.log_c
    information = (lever**2 * data.present * p * (1 - p)).sum(0) + narrow
    moved = state.log_c + np.clip(gradient / information, -STEP, STEP)
    state.log_c = np.clip(moved, np.log(LEAST_C), np.log(MOST_C))


def _standardise(state: _State, two_parameters: bool) -> None:
    """Bring the abilities to mean 0 and spread 1; the probabilities stay as they are."""
    mean = state.ability.mean()
    spread = (float(state.ability.std()) or 1.0) if two_parameters else 1.0
    state.ability, state.b = (state.ability - mean) / spread, (state.b - mean) / spread
    state.log_c = state.log_c + np.log(spread)


def _result(
    data: Responses, state: _State, priors: Priors, two_parameters: bool, iteration: int, converged: bool
) -> IrtFit:
    """Return the estimates with standard errors from the curvature."""
    c, p = np.exp(state.log_c), state.probability()
    w, gap = data.present * p * (1 - p), state.ability[:, None] - state.b
    bb = c * c * w.sum(0) + priors.sd_difficulty**-2
    cc = c * c * (w * gap**2).sum(0) + priors.sd_log_discrimination**-2
    cb = -c * c * (w * gap).sum(0)
    determinant = np.maximum(cc * bb - cb**2, 1e-12)
    z = c * gap
    return IrtFit(
        ability=state.ability,
        se_ability=1.0 / np.sqrt(w @ (c * c) + 1.0),
        difficulty=state.b,
        se_difficulty=np.sqrt(cc / determinant) if two_parameters else 1.0 / np.sqrt(bb),
        discrimination=c,
        se_log_discrimination=np.sqrt(bb / determinant) if two_parameters else np.full(len(c), np.nan),
        population_sd=1.0,
        without_information=data.without_information(),
        log_likelihood=float((data.right * z - data.present * np.logaddexp(0.0, z)).sum()),
        iterations=iteration,
        converged=converged,
        method="2PL joint" if two_parameters else "1PL joint",
    )
