"""What people said of a run's responses, brought together with what a judge said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from bench.models import HumanLabel, Judge, Judgement, LabelTask, Run

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LabelledResponse:
    """One response of a sample with its labels, by rater; ``cluster`` is its incident, or its item."""

    trial_id: int
    response_id: int
    release_item_id: int
    language: str
    cluster: str
    values: dict[int, int] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """The mean of the people's values; None where nobody gave one."""
        return sum(self.values.values()) / len(self.values) if self.values else None

    @property
    def is_refused(self) -> bool | None:
        """Whether most people say it is refused; None where nobody said, or they are divided."""
        votes = [state == HumanLabel.Refusal.REFUSED for state in self.refusals.values()]
        if not votes or 2 * sum(votes) == len(votes):
            return None
        return 2 * sum(votes) > len(votes)


@dataclass(frozen=True, kw_only=True)
class JudgeVerdict:
    """What a judge said: its value and its refusal state, "" where it does not say."""

    value: float
    refusal: str


def cluster_of(incident_id: int | None, item_id: int) -> str:
    """Return the name of the cluster of an item: its incident, or itself."""
    return f"incident {incident_id}" if incident_id else f"item {item_id}"


def labelled_responses(run: Run, *, sample_id: int | None = None) -> list[LabelledResponse]:
    """Return the responses of the run's samples (or of one) that have a label, each once."""
    tasks = LabelTask.objects.filter(sample__run=run)
    if sample_id is not None:
        tasks = tasks.filter(sample=sample_id)
    return list(_labelled(tasks).values())


def tasks_of_judge(judge: Judge) -> QuerySet[LabelTask]:
    """Return the label tasks of every run that ``judge`` sits in, and of every response that it judged anywhere."""
    judged = Judgement.objects.filter(judge=judge).order_by().values("response")
    seated = Run.judges.through.objects.filter(judge=judge).values("run")
    return LabelTask.objects.filter(Q(trial__response__in=judged) | Q(sample__run__in=seated))


def labelled_for(judge: Judge) -> list[LabelledResponse]:
    """Return the labelled responses of :func:`tasks_of_judge`; labels of one response in several runs come together."""
    found: dict[tuple[int, int, str], LabelledResponse] = {}
    for each in _labelled(tasks_of_judge(judge)).values():
        same = found.setdefault((each.response_id, each.release_item_id, each.language), each)
        same.values.update(each.values)
        same.refusals.update(each.refusals)
    return list(found.values())


def _labelled(tasks: QuerySet[LabelTask]) -> dict[int, LabelledResponse]:
    rows = (
        tasks.filter(labels__isnull=False).order_by("trial_id", "labels__pk").values_list(
            "trial_id", "trial__response_id", "trial__release_item_id", "trial__language",
            "trial__release_item__item__incident_id", "trial__release_item__item_id",
            "labels__rater_id", "labels__value", "labels__refusal",
        )
    )
    found: dict[int, LabelledResponse] = {}
    for trial, response, release_item, language, incident, item, rater, value, refusal in rows:
        labelled = found.setdefault(trial, LabelledResponse(
            trial_id=trial, response_id=response, release_item_id=release_item, language=language,
            cluster=cluster_of(incident, item),
        ))
        if value is not None:
            labelled.values[rater] = value
        if refusal:
            labelled.refusals[rater] = refusal
    return found


def verdicts(judge: Judge, labelled: Iterable[LabelledResponse]) -> dict[int, JudgeVerdict]:
    """Return the judge's last valid verdict on each response, by trial."""
    wanted = {(each.response_id, each.release_item_id, each.language): each.trial_id for each in labelled}
    responses = sorted({response for response, _, _ in wanted})
    found: dict[int, JudgeVerdict] = {}
    for start in range(0, len(responses), 500):
        rows = Judgement.objects.filter(
            judge=judge, state=Judgement.State.SCORED, response__in=responses[start : start + 500]
        ).order_by("pk")
        for response, item, language, value, refusal in rows.values_list(
            "response_id", "release_item_id", "language", "value", "refusal"
        ):
            trial = wanted.get((response, item, language))
            if trial is not None and value is not None:
                found[trial] = JudgeVerdict(value=value, refusal=refusal)
    return found


def rating_table(labelled: Sequence[LabelledResponse]) -> Floats:
    """Return ``ratings[rater, response]``, NaN where a rater gave no value."""
    raters = sorted({rater for each in labelled for rater in each.values})
    place = {rater: row for row, rater in enumerate(raters)}
    table: Floats = np.full((len(raters), len(labelled)), np.nan)
    for column, each in enumerate(labelled):
        for rater, value in each.values.items():
            table[place[rater], column] = value
    return table


def label_weights(sample_id: int, labelled: Iterable[LabelledResponse]) -> dict[int, float]:
    """Return, by trial, for how many responses of its stratum each labelled response stands."""
    known = {each.trial_id for each in labelled if each.values}
    tasks: Any = LabelTask.objects.filter(sample=sample_id, trial__in=known).values_list(
        "trial_id", "stratum", "stratum_size"
    )
    by_stratum: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for trial, stratum, size in tasks:
        by_stratum[stratum].append((trial, size))
    return {trial: size / len(members) for members in by_stratum.values() for trial, size in members}
