"""All scores of a run as arrays: read once, in a number of queries that does not grow, for every statistic on it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Count, F, Max, Sum
from numpy.typing import NDArray

from bench.label_data import cluster_of
from bench.metrics.ipsatised import centred_within
from bench.models import Judgement, KeptScores, ReleaseItem, Response, Run, Score, Trial
from bench.score_units import PROFILES, Counts, ScoreArrays, mean_of, packed, unpacked
from bench.scoring.case import NOT_ENGAGED
from bench.scoring.frameworks import FRAMEWORKS
from gvsir.models import ValueDimension

_NOT_ANSWERED = (Response.State.REFUSED, Response.State.CONTENT_FILTER)


def scores_version(run: Run) -> str:
    """Return a text that changes when the scores of ``run`` do."""
    kept = KeptScores.objects.filter(run=run).values_list("pk", "made_at").first()
    if kept is not None:
        return f"kept-{kept[0]}-{kept[1].timestamp()}"
    found = Score.objects.filter(run=run).aggregate(
        n=Count("pk"), scored=Count("value"), last=Max("pk"), total=Sum("value")
    )
    return f"rows-{found['n']}-{found['scored']}-{found['last']}-{found['total']}-{run.created_at.timestamp()}"


def read_scores(run: Run) -> ScoreArrays:
    """Return the scores of ``run``: as they were kept, else from the rows."""
    kept = KeptScores.objects.filter(run=run).values_list("content", flat=True).first()
    found = None if kept is None else unpacked(bytes(kept))
    return scores_from_rows(run) if found is None else found


def forget_scores(run: Run) -> None:
    """Take away the kept arrays, because scores of ``run`` are about to change."""
    KeptScores.objects.filter(run=run).delete()


def keep_scores(run: Run) -> None:
    """Write the arrays of ``run`` from its rows."""
    content = packed(scores_from_rows(run))
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)  # two that score the same run write one after the other
        forget_scores(run)
        KeptScores.objects.create(run=run, content=content)


def scores_from_rows(run: Run) -> ScoreArrays:
    """Return the scores of ``run`` from its rows; seven queries, whatever the size."""
    models = np.array(list(run.language_models.order_by("name").values_list("pk", flat=True)), dtype=np.int64)
    placed = list(
        ReleaseItem.objects.filter(release=run.release_id).order_by("position")
        .values_list("pk", "item__incident_id", "item_id")
    )
    item_keys = np.array([pk for pk, *_rest in placed], dtype=np.int64)
    trials = _records(
        Trial.objects.filter(run=run).order_by("pk").values_list("pk", "language_model_id", "release_item_id", "language"),
        [("pk", "i8"), ("model", "i8"), ("item", "i8"), ("language", "U12")],
    )
    row, column = _places(models, trials["model"]), _places(item_keys, trials["item"])
    refused, told = _refusals(run, trials["pk"])
    scored = _records(
        Score.objects.filter(run=run, value__isnull=False).order_by().values_list("trial_id", "dimension_id", "value"),
        [("trial", "i8"), ("dimension", "i8"), ("value", "f8")],
    )
    missing = list(
        Score.objects.filter(run=run, value__isnull=True).order_by()
        .values_list("trial_id", "dimension_id", "missing_reason")
    )
    keys = _named(_dimensions(scored, missing))
    return _assembled(
        models=models, item_keys=item_keys, clusters=tuple(cluster_of(incident, item) for _pk, incident, item in placed),
        trials=trials["pk"], row=row, column=column, language=np.unique(trials["language"], return_inverse=True)[1],
        refused=refused, told=told, scored=scored, missing=missing, keys=keys,
    )


def _named(dimensions: Sequence[int]) -> dict[int, str]:
    """Return the names of ``dimensions``: those of a framework with it, as two systems may share a key."""
    found = ValueDimension.objects.filter(pk__in=dimensions).values_list("pk", "key", "system__key")
    return {pk: f"{system}/{key}" if system in FRAMEWORKS else key for pk, key, system in found}


def _records(rows: Iterable[tuple[Any, ...]], dtype: list[tuple[str, str]]) -> NDArray[Any]:
    return np.fromiter(rows, dtype=np.dtype(dtype))


def _places(keys: Counts, wanted: NDArray[Any]) -> NDArray[np.intp]:
    """Return where each of ``wanted`` stands in ``keys``; all of them are there."""
    order = np.argsort(keys)
    found: NDArray[np.intp] = order[np.searchsorted(keys, wanted, sorter=order)] if len(wanted) else np.zeros(0, np.intp)
    return found


def _dimensions(scored: NDArray[Any], missing: Sequence[tuple[int, int, str]]) -> list[int]:
    return sorted({*np.unique(scored["dimension"]).tolist(), *(dimension for _trial, dimension, _reason in missing)})


def _refusals(run: Run, trials: Counts) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return, by trial, whether it refused and whether that is known.

    An answer refused where the provider or its filter stopped it, or where most of the run's judges that say so
    say "refused" (not "partial"). Votes that the headline leaves out, of the model's own family, are left out here.
    """
    refused, told = np.zeros(len(trials), dtype=bool), np.zeros(len(trials), dtype=bool)
    stopped = Trial.objects.filter(run=run, response__state__in=_NOT_ANSWERED).values_list("pk", flat=True)
    stopped_at = _places(trials, np.fromiter(stopped, dtype=np.int64))
    own = set(
        Score.left_out.through.objects.filter(score__run=run).order_by().values_list("score__trial_id", "judgement_id")
    )
    latest: dict[tuple[int, int], bool] = {}
    verdicts = (
        Judgement.objects.filter(
            response__trials__run=run, response__trials__release_item=F("release_item"),
            response__trials__language=F("language"), judge__in=run.judges.all(), state=Judgement.State.SCORED,
        )
        .exclude(refusal="").order_by("pk").values_list("response__trials__pk", "pk", "judge_id", "refusal")
    )
    for trial, pk, judge, state in verdicts:
        if (trial, pk) not in own:
            latest[trial, judge] = state == Judgement.Refusal.REFUSED
    balance: Counter[int] = Counter()
    for (trial, _judge), is_refused in latest.items():
        balance[trial] += 1 if is_refused else -1
    at = _places(trials, np.fromiter(balance, dtype=np.int64, count=len(balance)))
    refused[at] = np.fromiter((each > 0 for each in balance.values()), dtype=bool, count=len(balance))
    told[at] = True
    refused[stopped_at] = told[stopped_at] = True
    return refused, told


def _assembled(
    *, models: Counts, item_keys: Counts, clusters: tuple[str, ...], trials: Counts, row: NDArray[np.intp],
    column: NDArray[np.intp], language: NDArray[np.intp], refused: NDArray[np.bool_], told: NDArray[np.bool_],
    scored: NDArray[Any], missing: Sequence[tuple[int, int, str]], keys: Mapping[int, str],
) -> ScoreArrays:
    dimension_keys = np.array(sorted(keys, key=lambda pk: keys[pk]), dtype=np.int64)
    width = max(len(dimension_keys), 1)
    is_lost = np.array([reason != NOT_ENGAGED for *_place, reason in missing], dtype=bool)
    lost = np.array([(trial, dimension) for trial, dimension, _reason in missing], dtype=np.int64).reshape(-1, 2)
    at, lost_at = _places(trials, scored["trial"]), _places(trials, lost[:, 0])
    code = column[at] * width + _places(dimension_keys, scored["dimension"])
    lost_code = column[lost_at] * width + _places(dimension_keys, lost[:, 1])
    units, places = np.unique(np.concatenate([code, lost_code]), return_inverse=True)
    shape = (len(models), len(units))
    cell = row[at] * len(units) + places[: len(code)]
    lost_cell = row[lost_at] * len(units) + places[len(code) :]

    def summed(where: NDArray[Any], weights: NDArray[Any] | None = None, shape: tuple[int, ...] = shape) -> NDArray[Any]:
        return np.bincount(where, weights=weights, minlength=math.prod(shape)).reshape(shape)

    n_scored = summed(cell)
    complied = ~refused[at]
    asked = (len(models), len(item_keys))
    spot = row * len(item_keys) + column
    more: dict[str, Any] = {}
    if (n_languages := int(language.max(initial=0)) + 1) > 1:
        spoken = (row * n_languages + language)[at] * len(units) + places[: len(code)]
        by_unit, by_item = (len(models), n_languages, len(units)), (len(models), n_languages, len(item_keys))
        said = (row * n_languages + language) * len(item_keys) + column
        more["by_language"] = mean_of(summed(spoken, scored["value"], by_unit), summed(spoken, None, by_unit))
        more |= {f"{name}_by_language": summed(said[which], None, by_item) for name, which in (("refused", refused), ("told", told))}
    in_profile = np.isin(scored["dimension"], [pk for pk, name in keys.items() if name.partition("/")[0] in PROFILES])
    if in_profile.any():
        deviation = centred_within(scored["value"][in_profile], at[in_profile])
        known = ~np.isnan(deviation)
        where = cell[in_profile][known]
        more["centred"] = mean_of(summed(where, deviation[known]), summed(where))
    reasons: dict[tuple[int, str], Counter[str]] = {}
    model_of = models[row[lost_at]].tolist()
    for model, (_trial, dimension, reason) in zip(model_of, missing, strict=True):
        reasons.setdefault((model, keys[dimension]), Counter())[reason] += 1
    return ScoreArrays(
        models=models, items=item_keys[units // width] if len(item_keys) else units,
        dimensions=tuple(keys[dimension_keys[unit % width]] for unit in units.tolist()),
        values=mean_of(summed(cell, scored["value"]), n_scored),
        without_refusals=mean_of(summed(cell[complied], scored["value"][complied]), summed(cell[complied])),
        n_scored=n_scored, n_unscored=summed(lost_cell[is_lost]), item_keys=item_keys,
        n_refused=summed(spot[refused], None, asked), n_told=summed(spot[told], None, asked),
        clusters_of_items=clusters,
        reasons={cell: max((n, reason) for reason, n in count.items())[1] for cell, count in reasons.items()}, **more,
    )
