"""A judge against people, beside people against people."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from annotation.agreement.krippendorff import alpha
from bench.metrics.intervals import Clusters, MeanEstimate, Values, as_floats, mean_interval
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


class Icc(NamedTuple):
    """ICC(2,1) with its interval, and the targets that every rater rated."""

    value: float
    low: float
    high: float
    n_targets: int
    n_raters: int


class YesNoAgreement(NamedTuple):
    """A yes/no judge against a reference: counts, and shares that are None over an empty base."""

    true_yes: int
    false_yes: int
    false_no: int
    true_no: int
    precision: float | None
    recall: float | None
    specificity: float | None
    accuracy: float | None
    kappa: float | None


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Mean agreement over pairs of raters, weighted by units in common; None where no pair allows it.

    Attributes
    ----------
    kappa : float or None
        Quadratic-weighted kappa.
    kappa_folded : float or None
        The same after 0-10 is folded to 0-5.
    icc : float or None
        ICC(2,1).
    alpha : float or None
        Krippendorff's alpha for interval data.
    mae : float or None
        Mean absolute difference.
    n_pairs : int
        Pairs of raters with at least one unit in common.
    """

    kappa: float | None
    kappa_folded: float | None
    icc: float | None
    alpha: float | None
    mae: float | None
    n_pairs: int


@dataclass(frozen=True, kw_only=True)
class JudgeAgreement:
    """The judge with people, and people with people, in the same measures.

    Attributes
    ----------
    judge_human, human_human : PairAgreement
        Judge with each rater; each rater with each other.
    bias : MeanEstimate
        Judge less the mean of the raters of that unit; above 0: the judge is generous.
    icc_raters : Icc or None
        ICC(2,1) over all raters at once, on units that all rated.
    n_units : int
        Units with a judge's score and at least one rating.
    """

    judge_human: PairAgreement
    human_human: PairAgreement
    bias: MeanEstimate
    icc_raters: Icc | None
    n_units: int


def quadratic_kappa(first: Values, second: Values) -> float:
    """Return Cohen's kappa with quadratic weights, by the scores' own distances.

    ``1 - mean((x - y)^2) / (var(x) + var(y) + (mean(x) - mean(y))^2)``: observed over expected
    squared difference, with population variances. Unlike a table of categories it needs no list
    of the scale's points, so that points nobody used change nothing.

    Parameters
    ----------
    first, second : sequences of length n_units
        None or NaN is missing; units with one rating are left out.

    Raises
    ------
    UndefinedStatisticError
        No unit has both, or both gave one and the same score to all.

    References
    ----------
    .. [1] J. Cohen, Weighted kappa, Psychological Bulletin 70, 1968.
    .. [2] J. L. Fleiss and J. Cohen, The equivalence of weighted kappa and the intraclass
       correlation coefficient, Educational and Psychological Measurement 33, 1973, equation 9.

    Examples
    --------
    >>> round(quadratic_kappa([0, 5, 10, 8], [1, 5, 9, 10]), 4)
    0.9447
    """
    x, y = _shared(first, second)
    expected = x.var() + y.var() + (x.mean() - y.mean()) ** 2
    if expected <= 0:
        raise UndefinedStatisticError("Both raters gave one and the same score to every unit.")
    return float(1.0 - ((x - y) ** 2).mean() / expected)


def icc_2_1(ratings: NDArray[np.floating], *, level: float = 0.95) -> Icc:
    """Return ICC(2,1): absolute agreement of single ratings, raters drawn from many.

    Parameters
    ----------
    ratings : array [target, rater]
        NaN is missing; targets that not all raters rated are left out.
    level : float

    Raises
    ------
    UndefinedStatisticError
        Fewer than two complete targets or raters, or all ratings are the same.

    References
    ----------
    .. [1] P. E. Shrout and J. L. Fleiss, Intraclass correlations: uses in assessing rater
       reliability, Psychological Bulletin 86, 1979; case 2 and its interval on p. 424 f.

    Examples
    --------
    Table 2 of the paper, six targets and four judges: 0.29.

    >>> table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> found = icc_2_1(np.array(table))
    >>> round(found.value, 2), round(found.low, 3), round(found.high, 3)
    (0.29, 0.019, 0.761)
    """
    complete = np.asarray(ratings, dtype=np.float64)
    complete = complete[~np.isnan(complete).any(1)]
    n, k = complete.shape
    if n < 2 or k < 2:
        raise UndefinedStatisticError("ICC(2,1) needs two targets that two raters rated.")
    grand = complete.mean()
    rows, columns = complete.mean(1), complete.mean(0)
    between = k * ((rows - grand) ** 2).sum() / (n - 1)
    judges = n * ((columns - grand) ** 2).sum() / (k - 1)
    left = complete - rows[:, None] - columns[None, :] + grand
    error = (left**2).sum() / ((n - 1) * (k - 1))
    below = between + (k - 1) * error + k * (judges - error) / n
    if below <= 1e-12 * max(1.0, grand**2):
        raise UndefinedStatisticError("All ratings are the same.")
    value = float((between - error) / below)
    low, high = _icc_interval(value, float(between), float(judges), float(error), n, k, level)
    return Icc(value, low, high, n, k)


def _icc_interval(
    value: float, between: float, judges: float, error: float, n: int, k: int, level: float
) -> tuple[float, float]:
    """Return the interval of Shrout and Fleiss 1979 for ICC(2,1)."""
    if error <= 0:
        return (value, value) if judges <= 0 else (0.0, 1.0)
    ratio = judges / error
    part = n * (1 + (k - 1) * value) - k * value
    freedom = (k - 1) * (n - 1) * (k * value * ratio + part) ** 2
    freedom /= (n - 1) * k**2 * value**2 * ratio**2 + part**2
    tail = (1 + level) / 2
    upper = float(fdtri(n - 1, freedom, tail))
    lower = float(fdtri(freedom, n - 1, tail))
    rest = k * judges + (k * n - k - n) * error
    low = n * (between - upper * error) / (upper * rest + n * between)
    high = n * (lower * between - error) / (rest + n * lower * between)
    return float(low), float(high)


def yes_no_agreement(judge: Values, reference: Values) -> YesNoAgreement:
    """Return precision, recall and kappa of yes/no verdicts (refused, harmful) against a reference.

    Parameters
    ----------
    judge, reference : sequences of length n_units
        1 yes, 0 no, None or NaN missing; units with one of the two are left out.

    Raises
    ------
    UndefinedStatisticError
        No unit has both.

    Examples
    --------
    >>> found = yes_no_agreement([1, 1, 0, 0, 1], [1, 0, 0, 1, 1])
    >>> found.true_yes, found.precision == found.recall == 2 / 3, round(found.kappa, 3)
    (2, True, 0.167)
    """
    x, y = _shared(judge, reference)
    if not (np.isin(x, (0, 1)).all() and np.isin(y, (0, 1)).all()):
        raise ValueError("Yes/no verdicts are 1 and 0.")
    both, only_judge, only_reference, neither = (
        int(((x == a) & (y == b)).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))
    )
    try:
        kappa: float | None = quadratic_kappa(x, y)
    except UndefinedStatisticError:
        kappa = None
    return YesNoAgreement(
        both,
        only_judge,
        only_reference,
        neither,
        _share(both, both + only_judge),
        _share(both, both + only_reference),
        _share(neither, neither + only_judge),
        _share(both + neither, len(x)),
        kappa,
    )


def judge_agreement(judge: Values, raters: NDArray[np.floating], clusters: Clusters) -> JudgeAgreement:
    """Return how a judge agrees with people, beside how people agree with each other.

    Parameters
    ----------
    judge : sequence of length n_units
        The judge's scores; None or NaN is missing.
    raters : float array [rater, unit]
        People's scores, every label kept; NaN is missing.
    clusters : sequence of length n_units
        The incident of each unit, for the interval of the bias.

    Examples
    --------
    >>> people = np.array([[2.0, 5, 9, 7], [3, 5, 8, np.nan]])
    >>> found = judge_agreement([3, 6, 9, 8], people, ["a", "b", "c", "d"])
    >>> round(found.bias.value, 3), round(found.judge_human.mae, 3), round(found.human_human.mae, 3)
    (0.75, 0.714, 0.667)
    """
    scores, people = as_floats(judge), np.asarray(raters, dtype=np.float64)
    rated = ~np.isnan(people)
    count = rated.sum(0)
    mean = np.where(count > 0, np.where(rated, people, 0.0).sum(0) / np.maximum(count, 1), np.nan)
    try:
        icc: Icc | None = icc_2_1(people.T)
    except UndefinedStatisticError:
        icc = None
    return JudgeAgreement(
        judge_human=_pair_agreement((scores, row) for row in people),
        human_human=_pair_agreement(itertools.combinations(people, 2)),
        bias=mean_interval(scores - mean, clusters),
        icc_raters=icc,
        n_units=int((~np.isnan(scores) & (count > 0)).sum()),
    )


def fold_scale(scores: Floats) -> Floats:
    """Return 0-10 folded to 0-5: 0 and 1 to 0, 2 and 3 to 1, ..., 10 to 5.

    Examples
    --------
    >>> fold_scale(np.array([0.0, 1, 2, 9, 10])).tolist()
    [0.0, 0.0, 1.0, 4.0, 5.0]
    """
    folded: Floats = np.floor(scores / 2.0)
    return folded


def _pair_agreement(pairs: Iterable[tuple[Floats, Floats]]) -> PairAgreement:
    """Return the mean of each measure over pairs where it is defined, weighted by their units.

    A pair with one unit in common says how far apart its values are, but nothing of agreement beyond chance.
    """
    found: dict[str, list[tuple[float, int]]] = {"kappa": [], "kappa_folded": [], "icc": [], "alpha": [], "mae": []}
    n_pairs = 0
    for first, second in pairs:
        both = ~np.isnan(first) & ~np.isnan(second)
        n = int(both.sum())
        if not n:
            continue
        n_pairs += 1
        x, y = first[both], second[both]
        found["mae"].append((float(np.abs(x - y).mean()), n))
        if n < 2:
            continue
        for name, measure in _MEASURES.items():
            try:
                found[name].append((measure(x, y), n))
            except UndefinedStatisticError:
                continue
    means = {
        name: float(np.average([value for value, _ in values], weights=[n for _, n in values])) if values else None
        for name, values in found.items()
    }
    return PairAgreement(**means, n_pairs=n_pairs)


def _interval_alpha(x: Floats, y: Floats) -> float:
    """Return Krippendorff's alpha of two complete rows for interval data."""
    values, codes = np.unique(np.stack([x, y], 1), return_inverse=True)
    counts = np.zeros((len(x), len(values)), dtype=np.int64)
    np.add.at(counts, (np.arange(len(x))[:, None], codes.reshape(len(x), 2)), 1)
    return alpha(counts, level="interval", values=values.tolist())


def _shared(first: Values, second: Values) -> tuple[Floats, Floats]:
    """Return the units that both rated."""
    x, y = as_floats(first), as_floats(second)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} ratings against {len(y)}.")
    both = ~np.isnan(x) & ~np.isnan(y)
    if not both.any():
        raise UndefinedStatisticError("No unit was rated by both.")
    return x[both], y[both]


def _share(part: int, whole: int) -> float | None:
    """Return part / whole, None over an empty base."""
    return part / whole if whole else None


_MEASURES: Final[dict[str, Callable[[Floats, Floats], float]]] = {
    "kappa": quadratic_kappa,
    "kappa_folded": lambda x, y: quadratic_kappa(fold_scale(x), fold_scale(y)),
    "icc": lambda x, y: icc_2_1(np.stack([x, y], 1)).value,
    "alpha": _interval_alpha,
}
