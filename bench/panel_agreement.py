"""How far the judges of a run agree with one another: Krippendorff's alpha on the numbers they gave.

Families matter: judges of one family tend to agree for reasons of their own, so their number stands beside alpha.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from annotation.agreement.krippendorff import alpha_of
from annotation.agreement.reliability_data import from_ratings
from bench.execution_session import judgements_of
from bench.models import DimensionVerdict, Judge, Judgement, Run
from bench.scoring import ITEM_SYSTEM
from bench.voting_judges import voters_by_system
from gvsir.exceptions import UndefinedStatisticError

#: judge -> (what was judged) -> value
Ratings = Mapping[Hashable, Mapping[Hashable, float]]


@dataclass(frozen=True, kw_only=True)
class PanelAgreement:
    """Agreement of the judges of one value system.

    Parameters
    ----------
    dimension : str
        Key of a dimension; "" for all together.
    alpha : float or None
        Krippendorff's alpha for interval data; None is undefined, and ``reason`` says why.
    n_units : int
        Answers (times dimensions) on which at least two judges gave a number.
    """

    system: str
    dimension: str
    judges: tuple[Judge, ...]
    alpha: float | None
    reason: str
    n_units: int

    @property
    def n_families(self) -> int:
        """How many families the judges come from; one of unknown family counts for itself."""
        named = {judge.language_model.family if judge.language_model else "" for judge in self.judges}
        unnamed = sum(not (judge.language_model and judge.language_model.family) for judge in self.judges)
        return len(named - {""}) + unnamed


def panel_agreement(run: Run) -> list[PanelAgreement]:
    """Return, for each value system with a panel, alpha over all answers and then for each dimension.

    Every vote counts here, those that a headline leaves out included: it is about the judges, not the models.
    """
    found = []
    for system, judges in voters_by_system(run.judges.select_related("language_model").order_by("pk")).items():
        if len(judges) > 1:
            ratings = _ratings(run, judges) if system == ITEM_SYSTEM else _profiles(run, judges)
            keys = sorted({key for key, _unit in _units(ratings)})
            found += [_agreement(system, key, judges, ratings) for key in ["", *keys]]
    return found


def interval_alpha(ratings: Ratings) -> tuple[float | None, str, int]:
    """Return alpha, or None and why it is undefined, and the number of units with two ratings or more.

    Examples
    --------
    >>> value, reason, n = interval_alpha({"a": {1: 2.0, 2: 8.0}, "b": {1: 3.0, 2: 8.0, 3: 1.0}})
    >>> round(value, 3), reason, n
    (0.976, '', 2)
    >>> interval_alpha({"a": {1: 5.0}, "b": {1: 5.0}})[0] is None
    True
    """
    data = from_ratings(ratings)
    counts = data.counts()
    n_units = int((counts.sum(axis=1) >= 2).sum()) if counts.size else 0
    try:
        return alpha_of(data, level="interval"), "", n_units
    except UndefinedStatisticError as error:
        return None, str(error), n_units


def _agreement(system: str, dimension: str, judges: list[Judge], ratings: Ratings) -> PanelAgreement:
    chosen = {
        judge: {unit: value for unit, value in of_judge.items() if not dimension or unit[0] == dimension}  # type: ignore[index]
        for judge, of_judge in ratings.items()
    }
    value, reason, n_units = interval_alpha(chosen)
    return PanelAgreement(
        system=system, dimension=dimension, judges=tuple(judges), alpha=value, reason=reason, n_units=n_units
    )


def _units(ratings: Ratings) -> Iterable[tuple[str, Hashable]]:
    for of_judge in ratings.values():
        yield from of_judge  # type: ignore[misc]


def _ratings(run: Run, judges: list[Judge]) -> dict[Hashable, dict[Hashable, float]]:
    found: dict[Hashable, dict[Hashable, float]] = {judge.pk: {} for judge in judges}
    rows = judgements_of(run).filter(judge__in=judges, state=Judgement.State.SCORED).order_by("pk")
    for judge, response, item, language, key, value in rows.values_list(
        "judge_id", "response_id", "release_item_id", "language", "release_item__item__category__key", "value"
    ):
        if value is not None:
            found[judge][key, (response, item, language)] = value
    return found


def _profiles(run: Run, judges: list[Judge]) -> dict[Hashable, dict[Hashable, float]]:
    found: dict[Hashable, dict[Hashable, float]] = {judge.pk: {} for judge in judges}
    judgements = judgements_of(run).filter(judge__in=judges, state=Judgement.State.PROFILED)
    rows = DimensionVerdict.objects.filter(judgement__in=judgements, value__isnull=False).order_by("judgement")
    for judge, response, item, language, key, value in rows.values_list(
        "judgement__judge_id", "judgement__response_id", "judgement__release_item_id", "judgement__language",
        "dimension__key", "value",
    ):
        if value is not None:
            found[judge][key, (response, item, language)] = value
    return found
