"""The leaderboard of a run: models x categories x layers, with intervals clustered by incident."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode

import numpy as np
from django.db.models import Avg, Count
from django.urls import reverse
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bench.board import Board, Cell, Column, Gate, Group, Row, ranked
from bench.board_columns import columns_of, full_weights
from bench.layer_weights import layer_weights
from bench.metrics.category_table import ScoreTable, category_table, weighted_table
from bench.metrics.ranking import rank_intervals
from bench.models import Judge, LanguageModel, ReleaseItem, Run, Score
from gvsir.models import ValueSystem

#: The layer that the others cannot make up for, and what each of its categories must reach.
GATE_LAYER: Final = "baseline"
GATE_VALUE: Final = 8.0
RANK_SEED: Final = 0
RANK_RESAMPLES: Final = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """All scores of a run: ``values[model, unit]``, a unit being an item on a dimension."""

    values: Floats
    n_scored: NDArray[np.int64]
    n_unscored: NDArray[np.int64]
    dimensions: list[str]
    clusters: list[str]
    reasons: Mapping[tuple[int, str], str]

    def counts(self, model: int, keys: Sequence[str]) -> tuple[int, int]:
        """Return the scored and unscored scores of ``model`` on dimensions ``keys``."""
        where = np.array([key in keys for key in self.dimensions], dtype=bool)
        return int(self.n_scored[model, where].sum()), int(self.n_unscored[model, where].sum())


def board_of_run(run: Run, weights: dict[str, float] | None = None) -> Board:
    """Return the leaderboard of ``run``; the number of queries does not grow with models or items.

    An item's score is the mean over its epochs and languages; a category is the mean of its items, a layer
    the mean of its categories, the whole the mean of the layers (by ``weights`` where given, each divided by
    the number of categories of its layer). Missing scores are in no mean; they are counted beside it.
    """
    models = list(run.language_models.order_by("name"))
    system = _system_of(run)
    columns, groups = columns_of(system)
    scores = _scores(run, models)
    chosen = full_weights(columns, weights)
    bounds = (system.scale_low, system.scale_high)
    table = category_table(scores.values, scores.dimensions, scores.clusters, bounds=bounds)
    place = {str(key): index for index, key in enumerate(table.categories)}
    links = _Links(run, columns, groups)
    counted = {group.key: [key for key in group.members if chosen[key] > 0] or group.members for group in groups}
    layer_tables = {
        key: _weighted(scores, {member: chosen[member] or 1.0 for member in members}, bounds)
        for key, members in counted.items()
    }
    totals = _totals(scores, table, place, groups, chosen, bounds)
    weighing = [key for key, weight in chosen.items() if weight > 0]
    ranges = _rank_ranges(scores, groups, chosen)
    rows = []
    for index, model in enumerate(models):
        cells = {
            column.key: _cell(table, scores, index, place.get(column.key), (column.key,), links.to(model, [column.key]))
            for column in columns
        }
        layers = {
            key: _cell(layer_tables[key], scores, index, 0, members, links.to(model, members))
            for key, members in counted.items()
        }
        rows.append(
            Row(
                model=model.pk, name=model.name, url=model.get_absolute_url(), cells=cells, groups=layers,
                overall=_cell(totals[index], scores, index, 0, weighing, links.to(model, weighing)),
                gate=_gate(cells, columns), badges=("baseline",) if model.kind == LanguageModel.Kind.BASELINE else (),
                facts={"developer": model.developer} if model.developer else {}, rank_range=ranges[index],
            )
        )
    return Board(
        system=system.key, system_label=system.label, measurement=f"run-{run.pk}",
        measurement_label=_("Run {number} on {release}").format(number=run.pk, release=run.release.name),
        scale=bounds, columns=columns, groups=groups, rows=ranked(rows), weights=chosen, is_imported=False,
        badges=_badges(run), facts=_facts(run, len(set(scores.clusters))), how=_how(), has_layers=True,
    )


def _system_of(run: Run) -> ValueSystem:
    found = ValueSystem.objects.filter(
        pk__in=ReleaseItem.objects.filter(release=run.release_id).order_by().values("item__category__system")
    ).first()
    return found or ValueSystem.objects.current("gvs")


def _scores(run: Run, models: Sequence[LanguageModel]) -> _Scores:
    rows = (
        Score.objects.filter(run=run).order_by()
        .values_list("trial__language_model", "trial__release_item", "dimension__key")
        .annotate(mean=Avg("value"), n=Count("value"), total=Count("pk"))
    )
    found = {(model, item, key): (mean, n, total) for model, item, key, mean, n, total in rows}
    units = sorted({(item, key) for _model, item, key in found})
    incidents = {
        pk: f"incident {incident}" if incident else f"item {item}"
        for pk, incident, item in ReleaseItem.objects.filter(release=run.release_id)
        .values_list("pk", "item__incident_id", "item_id")
    }
    shape = (len(models), len(units))
    values = np.full(shape, np.nan)
    n_scored, n_unscored = (np.zeros(shape, dtype=np.int64) for _unused in range(2))
    for row, model in enumerate(models):
        for column, unit in enumerate(units):
            mean, n, total = found.get((model.pk, *unit), (None, 0, 0))
            values[row, column] = np.nan if mean is None else mean
            n_scored[row, column], n_unscored[row, column] = n, total - n
    return _Scores(
        values=values, n_scored=n_scored, n_unscored=n_unscored, dimensions=[key for _item, key in units],
        clusters=[incidents[item] for item, _key in units], reasons=_reasons(run, models),
    )


def _reasons(run: Run, models: Sequence[LanguageModel]) -> dict[tuple[int, str], str]:
    """Return, for each model and dimension, the commonest reason of a missing score."""
    place = {model.pk: index for index, model in enumerate(models)}
    most: dict[tuple[int, str], tuple[int, str]] = defaultdict(lambda: (0, ""))
    rows = (
        Score.objects.filter(run=run, value__isnull=True).order_by()
        .values_list("trial__language_model", "dimension__key", "missing_reason").annotate(n=Count("pk"))
    )
    for model, key, reason, n in rows:
        if model in place:
            most[place[model], key] = max(most[place[model], key], (n, reason))
    return {cell: reason for cell, (_n, reason) in most.items()}


def _weighted(scores: _Scores, weights: Mapping[str, float], bounds: tuple[float, float]) -> ScoreTable:
    """Return the weighted means of all models; NaN for all where no unit has a score row."""
    if not scores.dimensions:
        nothing = np.full((len(scores.values), 1), np.nan)
        zero = np.zeros(nothing.shape, dtype=np.int64)
        return ScoreTable(
            categories=("weighted",), value=nothing, se=nothing, low=nothing, high=nothing, n=zero,
            n_clusters=zero, n_missing=zero, level=0.95, method="cr2_score",
        )
    by_label = cast("dict[Hashable, float]", dict(weights))
    return weighted_table(scores.values, scores.dimensions, scores.clusters, weights=by_label, bounds=bounds)


def _totals(
    scores: _Scores, table: ScoreTable, place: Mapping[str, int], groups: Sequence[Group],
    weights: Mapping[str, float], bounds: tuple[float, float],
) -> list[ScoreTable]:
    """Return each model's table of the whole; models with the same categories present share one."""
    members = {group.key: group.members for group in groups}
    made: dict[tuple[str, ...], ScoreTable] = {}
    result = []
    for index in range(len(scores.values)):
        present = tuple(key for key, column in place.items() if not math.isnan(table.value[index, column]))
        if present not in made:
            made[present] = _weighted(scores, layer_weights(weights, members, present), bounds)
        result.append(made[present])
    return result


def _rank_ranges(
    scores: _Scores, groups: Sequence[Group], weights: Mapping[str, float]
) -> list[tuple[int, int] | None]:
    """Return the ranks that each model takes when incidents are drawn again, from best to worst."""
    present = sorted({key for key, n in zip(scores.dimensions, scores.n_scored.sum(0), strict=True) if n})
    by_key = layer_weights(weights, {group.key: group.members for group in groups}, present)
    items = Counter(scores.dimensions)
    unit_weights = [by_key.get(key, 0.0) / items[key] for key in scores.dimensions]
    if len(set(scores.clusters)) < 2 or not any(unit_weights) or len(scores.values) < 2:
        return [None] * len(scores.values)
    found = rank_intervals(
        scores.values, scores.clusters, rng=np.random.default_rng(RANK_SEED), item_weights=unit_weights,
        resamples=RANK_RESAMPLES,
    )
    return [
        (best, worst) if best else None for best, worst in zip(found.best.tolist(), found.worst.tolist(), strict=True)
    ]


def _cell(
    table: ScoreTable, scores: _Scores, model: int, column: int | None, keys: Sequence[str], url: str
) -> Cell:
    n_scored, n_unscored = scores.counts(model, keys)
    value = None if column is None else _number(table.value[model, column])
    if column is None or value is None:
        reason = next((scores.reasons[model, key] for key in keys if (model, key) in scores.reasons), "")
        return Cell(
            value=None, n_scored=n_scored, n_unscored=n_unscored, url=url if n_unscored else "",
            reason=reason or _no_item(),
        )
    low, high = _number(table.low[model, column]), _number(table.high[model, column])
    return Cell(
        value=value, low=low, high=high, n_scored=n_scored, n_unscored=n_unscored, url=url,
        interval_reason="" if low is not None else _one_incident(),
    )


def _no_item() -> str:
    return _("No item of the release measures this.")


def _one_incident() -> str:
    return _("All scores come from one incident; the spread between incidents is unknown.")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _gate(cells: Mapping[str, Cell], columns: Sequence[Column]) -> Gate | None:
    floor = [column for column in columns if GATE_LAYER in column.groups]
    if not floor:
        return None
    there = [(value, column) for column in floor if (value := cells[column.key].value) is not None]
    lowest = min(there, key=lambda each: each[0], default=(None, None))
    is_complete = len(there) == len(floor)
    return Gate(
        value=lowest[0], column=lowest[1], is_complete=is_complete,
        is_met=is_complete and lowest[0] is not None and lowest[0] >= GATE_VALUE,
    )


class _Links:
    """Addresses of the lists of scores behind the cells of a run."""

    def __init__(self, run: Run, columns: Sequence[Column], groups: Sequence[Group]) -> None:
        self.base = reverse("score_list")
        self.run = run.pk
        self.all = {column.key for column in columns}
        self.groups = {frozenset(group.members): group.key for group in groups}

    def to(self, model: LanguageModel, keys: Sequence[str]) -> str:
        """Return the address of the scores of ``model`` on ``keys``, said as shortly as it can be."""
        query: dict[str, Any] = {"run": self.run, "model": model.pk}
        if frozenset(keys) in self.groups:
            query["layer"] = self.groups[frozenset(keys)]
        elif set(keys) != self.all:
            query["dimension"] = list(keys)
        return f"{self.base}?{urlencode(query, doseq=True)}"


def _badges(run: Run) -> tuple[str, ...]:
    badges = ["demonstration"] if run.is_demonstration or run.release.is_demonstration else []
    if any(judge.kind == Judge.Kind.HEURISTIC for judge in run.judges.all()):
        badges.append("heuristic")
    if run.release.is_imported:
        badges.append("imported")
    return tuple(badges)


def _facts(run: Run, n_clusters: int) -> tuple[str, ...]:
    judges = ", ".join(judge.name for judge in run.judges.all())
    return (
        _("judge: {names}").format(names=judges or "—"),
        _("{n} incidents").format(n=n_clusters),
        _("finished {date}").format(date=run.finished_at.date().isoformat()) if run.finished_at else run.status,
    )


def _how() -> tuple[str, ...]:
    return (
        _("Score of an item: the mean over its repeats and languages. Category: the mean of its items. Layer: the mean of its categories. Whole: the mean of the layers; with your weights, each weight is divided by the number of categories counted in its layer, so that equal weights give the mean of the layers."),
        _("Interval: 95 %, clustered by incident, because items of one incident are not independent (Bell-McCaffrey variance with Satterthwaite degrees of freedom, in Wilson's form so that it stays on the scale)."),
        _("A missing score is in no mean and is never 0; n counts the scores behind a cell, and those missing beside it."),
        # xgettext:no-python-format
        _("Rank: one more than the number of models with a higher score; equal scores share it. The range of ranks holds 95 % of the ranks a model takes when the incidents are drawn again 1,000 times."),
        _("Gate: the lowest of the baseline layer's categories; 8 or more in all of them is asked for, and other layers cannot make up for it."),
    )

