"""Halo of a judge that reads a framework: its verdicts beside those of the same model asked for one dimension alone."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.label_data import cluster_of
from bench.metrics.halo import DimensionHalo, ExcessCorrelation, dimension_halo, excess_correlation
from bench.models import DimensionVerdict, Judge, Judgement
from bench.scoring import RUBRICS, Rubric
from bench.scoring.case import NOT_ENGAGED
from bench.scoring.frameworks import CHECKS, WHOLE, dimension_keys, rubric_name, short_name
from gvsir.models import ValueDimension, ValueSystem

#: What may differ between a judge and its checks: what is asked, and the order in which.
_ASKED: Final = ("rubric", "rubric_version", "rubric_sha256", "seed")


@dataclass(frozen=True, kw_only=True)
class HaloLine:
    """One dimension; ``checks`` are the judges asked for it alone, ``name`` what the next one is to be called."""

    dimension: ValueDimension
    checks: tuple[Judge, ...]
    name: str
    found: DimensionHalo


@dataclass(frozen=True, kw_only=True)
class Halo:
    """What is known of the halo of a judge; ``excess`` is over its dimensions together."""

    lines: tuple[HaloLine, ...]
    excess: ExcessCorrelation
    n_answers: int

    @property
    def is_incomplete(self) -> bool:
        """Whether a dimension has no answer read both ways."""
        return any(not line.found.n for line in self.lines)

    @property
    def first_name(self) -> str:
        """What the check to ask for next is called: of a dimension that has none yet, else of the first."""
        return next((line.name for line in self.lines if not line.found.n), self.lines[0].name)


class _Said(NamedTuple):
    value: float
    engaged: float
    cluster: str


def is_whole(judge: Judge) -> bool:
    """Return whether ``judge`` reads a whole framework at once, by a text that this version knows."""
    return judge.config.get("rubric") in WHOLE and _known(judge) is not None


def judges_checked_by(judge: Judge) -> list[Judge]:
    """Return the judges of a whole framework that ``judge``, asked for one dimension, checks."""
    rubric = _known(judge)
    if rubric is None or not rubric.alone:
        return []
    return _alike(judge, [rubric_name(rubric.system)])


def halo_of(judge: Judge) -> Halo | None:
    """Return the halo of ``judge``; None where it reads no framework, or the framework is not loaded.

    Over the answers on record that both it and a check have read, whichever run asked: a number of queries that does
    not grow with them. Where several verdicts of one kind are on record for an answer, the newest counts.
    """
    rubric = _known(judge)
    if rubric is None or not is_whole(judge) or judge.language_model is None:
        return None
    system = ValueSystem.objects.filter(key=rubric.system).order_by("-version").first()
    if system is None:
        return None
    keys = dimension_keys(rubric.system)
    rows = {each.key: each for each in ValueDimension.objects.filter(system=system, key__in=keys)}
    if len(rows) < len(keys):
        return None
    names = {rubric_name(rubric.system, key): key for key in keys}
    checks: dict[str, list[Judge]] = {key: [] for key in keys}
    for check in _alike(judge, list(names)):
        checks[names[check.config["rubric"]]].append(check)
    alone = _said([check for each in checks.values() for check in each])
    together = _said([judge], of_answers_of=[check for each in checks.values() for check in each])
    units = sorted({unit for unit, _key in alone} & {unit for unit, _key in together}, key=repr)
    clusters = [next(together[unit, key].cluster for key in keys if (unit, key) in together) for unit in units]
    (one, in_one), (two, in_two) = (_arrays(units, keys, each) for each in (together, alone))
    return Halo(
        lines=tuple(
            HaloLine(
                dimension=rows[key], checks=tuple(checks[key]),
                name=f"{short_name(rubric.system, key)}:{judge.language_model.name}",
                found=dimension_halo(one[:, at], two[:, at], in_one[:, at], in_two[:, at], clusters),
            )
            for at, key in enumerate(keys)
        ),
        excess=excess_correlation(one, two, clusters), n_answers=len(units),
    )


def _known(judge: Judge) -> Rubric | None:
    """Return the rubric of ``judge`` where it is one of a framework, in the very form that this version has."""
    name = judge.config.get("rubric", "")
    if name not in WHOLE and name not in CHECKS:
        return None
    rubric = RUBRICS[name]
    return rubric if judge.config.get("rubric_sha256", "") in ("", rubric.text_sha256) else None


def _alike(judge: Judge, rubrics: Sequence[str]) -> list[Judge]:
    """Return the judges that are the same model with the same settings as ``judge``, and judge by one of ``rubrics``."""
    found = Judge.objects.filter(language_model=judge.language_model_id, config__rubric__in=list(rubrics)).order_by("pk")
    wanted = _settings(judge)
    return [each for each in found if _known(each) is not None and _settings(each) == wanted]


def _settings(judge: Judge) -> dict[str, Any]:
    return {name: value for name, value in judge.config.items() if name not in _ASKED}


def _said(
    judges: Sequence[Judge], *, of_answers_of: Sequence[Judge] | None = None
) -> dict[tuple[Hashable, str], _Said]:
    """Return, for (answer, dimension), the newest readable verdict of ``judges``."""
    if not judges or (of_answers_of is not None and not of_answers_of):
        return {}
    judgements = Judgement.objects.filter(judge__in=judges, state=Judgement.State.PROFILED)
    if of_answers_of is not None:
        other = Judgement.objects.filter(judge__in=of_answers_of, state=Judgement.State.PROFILED)
        judgements = judgements.filter(response__in=other.order_by().values("response"))
    rows = DimensionVerdict.objects.filter(judgement__in=judgements).order_by("judgement_id", "pk")
    found: dict[tuple[Hashable, str], _Said] = {}
    for response, item, language, incident, key, value, reason in rows.values_list(
        "judgement__response_id", "judgement__release_item__item_id", "judgement__language",
        "judgement__release_item__item__incident_id", "dimension__key", "value", "missing_reason",
    ):
        if value is not None:
            found[(response, item, language), key] = _Said(value, 1.0, cluster_of(incident, item))
        elif reason == NOT_ENGAGED:
            found[(response, item, language), key] = _Said(np.nan, 0.0, cluster_of(incident, item))
    return found


def _arrays(
    units: Sequence[Hashable], keys: Sequence[str], said: Mapping[tuple[Hashable, str], _Said]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scores and "engaged" as arrays [answer, dimension]; NaN where not readable."""
    values = np.full((len(units), len(keys)), np.nan)
    engaged = values.copy()
    for row, unit in enumerate(units):
        for column, key in enumerate(keys):
            if (unit, key) in said:
                values[row, column], engaged[row, column], _cluster = said[unit, key]
    return values, engaged
