"""May the judge stand in for a person? The alternative annotator test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from bench.metrics.intervals import Values, as_floats
from bench.metrics.multiplicity import benjamini_yekutieli
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]
Alignment = Literal["rmse", "accuracy"]


class LeftOutRater(NamedTuple):
    """One person against the judge, both measured by the remaining people.

    ``advantage`` is the share of units where the judge is at least as near, ``p_value`` of "the
    person is better by epsilon or more", ``adjusted`` the same after Benjamini-Yekutieli.
    """

    rater: int
    n_units: int
    judge_advantage: float
    rater_advantage: float
    p_value: float
    adjusted: float
    judge_wins: bool


@dataclass(frozen=True, kw_only=True)
class AlternativeAnnotatorTest:
    """The judge may stand in for a person when it wins against at least half of them.

    Attributes
    ----------
    winning_rate : float
        omega: share of people the judge wins against.
    advantage : float
        rho: mean share of units where the judge is at least as near to the others.
    passes : bool
        omega >= 0.5.
    raters : tuple of LeftOutRater
    skipped : tuple of int
        People with fewer units than the minimum.
    epsilon : float
    """

    winning_rate: float
    advantage: float
    passes: bool
    raters: tuple[LeftOutRater, ...]
    skipped: tuple[int, ...]
    epsilon: float


def alternative_annotator_test(
    judge: Values,
    raters: NDArray[Any],
    *,
    epsilon: float = 0.2,
    alignment: Alignment = "rmse",
    q: float = 0.05,
    minimum_units: int = 30,
) -> AlternativeAnnotatorTest:
    """Test whether the judge represents people as well as one of them does.

    Each person in turn is left out. On every unit the judge and the person are compared by how
    near they are to the remaining people; ties count for both. With ``d`` = (person at least as
    near) - (judge at least as near), a one-sided t test of ``mean(d) >= epsilon`` is made per
    person and adjusted by Benjamini-Yekutieli.

    Parameters
    ----------
    judge : sequence of length n_units
        None or NaN is missing.
    raters : float array [rater, unit]
        NaN is missing. Two raters suffice; three make a consensus (the authors' advice).
    epsilon : float
        What a person must be better by to be worth the cost: 0.2 for experts, 0.15 for trained,
        0.1 for crowd workers.
    alignment : {"rmse", "accuracy"}
        Nearness: negative root mean squared difference, or share of equal labels.
    q : float
        False discovery rate.
    minimum_units : int
        People with fewer units are left out of the test; the t test needs about 30.

    Raises
    ------
    UndefinedStatisticError
        Nobody has enough units that the judge and another person rated as well.

    References
    ----------
    .. [1] N. Calderon, R. Reichart and R. Dror, The Alternative Annotator Test for
       LLM-as-a-Judge, ACL 2025, arXiv 2501.10970, section 3.

    Examples
    --------
    A judge that gives the mean of the others is never further than a person:

    >>> people = np.random.default_rng(0).normal(size=(3, 40))
    >>> found = alternative_annotator_test(people.mean(0), people)
    >>> found.passes, found.winning_rate
    (True, 1.0)
    """
    scores, people = as_floats(judge), np.asarray(raters, dtype=np.float64)
    rated = ~np.isnan(people)
    usable = ~np.isnan(scores) & (rated.sum(0) >= 2)
    tested, skipped = [], []
    for rater in range(len(people)):
        units = np.flatnonzero(usable & rated[rater])
        if len(units) < max(minimum_units, 2):
            skipped.append(rater)
            continue
        others = np.delete(people[:, units], rater, axis=0)
        near_judge = _nearness(scores[units], others, alignment)
        near_rater = _nearness(people[rater, units], others, alignment)
        tested.append((rater, near_judge >= near_rater, near_rater >= near_judge))
    if not tested:
        raise UndefinedStatisticError(
            f"Nobody rated {minimum_units} units that the judge and another person rated as well."
        )
    p = [_p_value(person.astype(float) - machine, epsilon) for _, machine, person in tested]
    adjusted = benjamini_yekutieli(p)
    rows = tuple(
        LeftOutRater(
            rater, len(machine), float(machine.mean()), float(person.mean()), raw, float(adj), bool(adj <= q)
        )
        for (rater, machine, person), raw, adj in zip(tested, p, adjusted, strict=True)
    )
    rate = float(np.mean([row.judge_wins for row in rows]))
    return AlternativeAnnotatorTest(
        winning_rate=rate,
        advantage=float(np.mean([row.judge_advantage for row in rows])),
        passes=rate >= 0.5,
        raters=rows,
        skipped=tuple(skipped),
        epsilon=epsilon,
    )


def _nearness(values: Floats, others: Floats, alignment: Alignment) -> Floats:
    """Return how near each value is to the other people's on the same unit; more is nearer."""
    present = ~np.isnan(others)
    count = present.sum(0)
    if alignment == "accuracy":
        near: Floats = (present & (others == values)).sum(0) / count
        return near
    gap = np.where(present, np.nan_to_num(others) - values, 0.0)
    near = -np.sqrt((gap**2).sum(0) / count)
    return np.round(near, 12)


def _p_value(difference: Floats, epsilon: float) -> float:
    """Return the one-sided p of mean(difference) >= epsilon."""
    n = len(difference)
    spread = float(difference.std(ddof=1))
    gap = float(difference.mean()) - epsilon
    if spread == 0:
        return 0.0 if gap < 0 else 1.0
    return float(stdtr(n - 1, gap / spread * np.sqrt(n)))
