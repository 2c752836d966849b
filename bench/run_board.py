"""The leaderboard of a run: models x categories x layers, with intervals clustered by incident."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bench.board import Board, Cell, Column, Gate, Group, Row, digits_for, ranked
from bench.board_cells import SCORE, Cells, refused_share
from bench.board_columns import columns_of, full_weights
from bench.board_words import RANK_RESAMPLES, RANK_SEED, how_made, interval_method, no_whole
from bench.judge_uncertainty import with_judges
from bench.layer_weights import layer_weights
from bench.metrics.ranking import rank_intervals
from bench.metrics.weighted_pairs import tiers_from_pairs, weighted_pairs
from bench.models import Judge, LanguageModel, ReleaseItem, Run
from bench.score_arrays import read_scores, scores_version
from bench.score_units import PROFILES, ScoreArrays
from bench.scoring import ITEM_SYSTEM
from bench.scoring.frameworks import FRAMEWORKS
from bench.voting_judges import voters_by_system
from gvsir.models import ValueSystem

#: The layer that the others cannot make up for, and what each of its categories must reach.
GATE_LAYER: Final = "baseline"
GATE_VALUE: Final = 8.0
#: The least share of answers with a score with which a mean is shown.
COVERAGE: Final = 0.95
TIER_ALPHA: Final = 0.05
KEPT_SECONDS: Final = 24 * 3600
#: Changes with what a board holds, so that no board of an older version is taken from the cache.
BOARD_VERSION: Final = 2

Floats = NDArray[np.float64]


def board_of_run(
    run: Run, weights: dict[str, float] | None = None, *, coverage: float = COVERAGE,
    framework: ValueSystem | None = None, interval: str = SCORE,
) -> Board:
    """Return the leaderboard of ``run``; the number of queries does not grow with models or items.

    An item's score is the mean over its epochs and languages; a category is the mean of its items, a layer
    the mean of its categories, the whole the mean of the layers (by ``weights`` where given, each divided by
    the number of categories of its layer). Missing scores are in no mean; they are counted beside it, and a
    mean with a smaller share of scores than ``coverage`` is withheld. Computed once and kept in the cache
    until the scores, the models or the judges of the run change. With a ``framework`` it is that of the
    framework's dimensions, without layers: the whole is their mean. The values of `PROFILES` have no whole unless
    ``weights`` differ, and a profile centred within each answer. ``interval`` is one of `METHODS`.
    """
    models = list(run.language_models.order_by("name"))
    system = framework or system_of(run)
    key = _cache_key(run, models, weights, coverage, system, interval)
    kept: Board | None = cache.get(key)
    if kept is None:
        kept = replace(_computed(run, models, weights, coverage, system, interval), key=key)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _cache_key(
    run: Run, models: Sequence[LanguageModel], weights: Mapping[str, float] | None, coverage: float,
    system: ValueSystem, interval: str,
) -> str:
    facts = [
        BOARD_VERSION, interval, run.pk, run.status, str(run.finished_at), run.release.name, scores_version(run),
        [(model.pk, model.name, model.kind, model.developer) for model in models],
        [(judge.name, judge.kind) for judge in run.judges.all()], weights, coverage, get_language(), system.pk,
    ]
    return f"bench.board.{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"


def _computed(
    run: Run, models: Sequence[LanguageModel], weights: dict[str, float] | None, coverage: float,
    system: ValueSystem, interval: str,
) -> Board:
    has_layers = system.key not in FRAMEWORKS
    judges = judges_on(run, system)
    columns, groups = columns_of(system)
    chosen = full_weights(columns, weights, system=system.key)
    of_all = read_scores(run)
    scores = _ordered(of_all.of_system(system.key).on([column.key for column in columns]), models)
    links = _Links(run, columns, groups, "" if scores.n_units == of_all.n_units and has_layers else system.key)
    members = (
        {group.key: group.members for group in groups} if has_layers else {"": tuple(column.key for column in columns)}
    )
    bounds = (system.scale_low, system.scale_high)
    labels = {each.key: each.label for each in columns}
    maker = Cells(scores, bounds, coverage, labels, needs_all=has_layers, method=interval)
    has_profile = system.key in PROFILES
    has_whole = not has_profile or len(set(chosen.values())) > 1
    rows = _rows(models, scores, columns, groups, members, chosen, maker, links, has_whole=has_whole)
    if has_profile:
        profile = maker.centred_table()
        rows = [replace(row, centred=maker.profile(n, profile, row.cells)) for n, row in enumerate(rows)]
    if has_layers:
        spans = with_judges(
            run, scores, system=system.key, n_judges=len(judges),
            weigh=lambda names: layer_weights(chosen, members, names),
        )
        rows = [replace(row, with_judges=span) for row, span in zip(rows, spans, strict=True)]
    return Board(
        system=system.key, system_label=system.label, measurement=f"run-{run.pk}",
        measurement_label=_("Run {number} on {release}").format(number=run.pk, release=run.release.name),
        scale=bounds, columns=columns, groups=groups, weights=chosen, is_imported=False, badges=_badges(run, judges),
        facts=_facts(run, judges, len(set(scores.clusters))), how=how_made(coverage, system, interval, has_profile),
        has_layers=has_layers, coverage=coverage, rows=ranked(rows), release=run.release.name,
        release_sha256=run.release.sha256, canary=run.release.canary, has_whole=has_whole, has_profile=has_profile,
        interval=interval_method(interval),
    )


def _rows(
    models: Sequence[LanguageModel], scores: ScoreArrays, columns: Sequence[Column], groups: Sequence[Group],
    members: Mapping[str, Sequence[str]], chosen: Mapping[str, float], maker: Cells, links: _Links, *, has_whole: bool,
) -> list[Row]:
    place = maker.column
    counted = {group.key: [key for key in group.members if chosen[key] > 0] or group.members for group in groups}
    parts = {key: {member: chosen[member] or 1.0 for member in members} for key, members in counted.items()}
    layer_tables = {key: maker.weighted(part) for key, part in parts.items()}
    weighing = [key for key, weight in chosen.items() if weight > 0]
    whole = layer_weights(chosen, members, list(place))
    total = maker.weighted(whole)
    complied = maker.weighted(whole, scores.without_refusals)
    items = np.unique(scores.places[scores.units_on(weighing)])
    rows = []
    for index, model in enumerate(models):
        cells = {
            column.key: maker.cell(
                index, maker.table, place.get(column.key), {column.key: 1.0}, links.to(model, [column.key])
            )
            for column in columns
        }
        rows.append(Row(
            model=model.pk, name=model.name, url=model.get_absolute_url(), cells=cells,
            groups={
                key: maker.cell(index, layer_tables[key], 0, parts[key], links.to(model, counted[key])) for key in counted
            },
            overall=(
                maker.cell(index, total, 0, whole, links.to(model, weighing)) if has_whole
                else Cell(value=None, reason=no_whole(), digits=digits_for(maker.bounds))
            ),
            gate=_gate(cells, columns), badges=model.badges,
            facts={"developer": model.developer} if model.developer else {},
            refused=refused_share(scores, index, items),
            without_refusals=maker.without_refusals(index, complied, whole) if has_whole else None,
        ))
    return _placed(rows, scores, members, chosen) if has_whole else rows


def system_of(run: Run) -> ValueSystem:
    """Return the value system that the items of ``run`` measure."""
    found = ValueSystem.objects.filter(
        pk__in=ReleaseItem.objects.filter(release=run.release_id).order_by().values("item__category__system")
    ).first()
    return found or ValueSystem.objects.current("gvs")


def _ordered(scores: ScoreArrays, models: Sequence[LanguageModel]) -> ScoreArrays:
    """Return ``scores`` with a row for each of ``models``, in their order."""
    wanted = [model.pk for model in models]
    return scores if scores.models.tolist() == wanted else scores.of_models(wanted)


def _placed(
    rows: Sequence[Row], scores: ScoreArrays, members: Mapping[str, Sequence[str]], weights: Mapping[str, float]
) -> list[Row]:
    """Return ``rows`` with rank ranges and tiers among the models whose whole has an interval; else with the reason."""
    shown = [index for index, row in enumerate(rows) if row.overall.interval is not None]
    placed = [
        replace(row, place_reason=row.overall.interval_reason)
        if row.overall.value is not None and row.overall.interval is None else row
        for row in rows
    ]
    present = sorted({key for key, n in zip(scores.dimensions, scores.n_scored.sum(0), strict=True) if n})
    by_key = layer_weights(weights, members, present)
    if not by_key or len(shown) < 2:
        return placed
    values = scores.values[shown]
    found = rank_intervals(
        values, scores.clusters, rng=np.random.default_rng(RANK_SEED), resamples=RANK_RESAMPLES,
        category=scores.dimensions, weights=by_key,
    )
    each, dimensions, clusters = scores.in_languages()
    pairs = weighted_pairs(each[shown], dimensions, clusters, weights=by_key)
    overall = np.array([rows[index].overall.value for index in shown], dtype=np.float64)
    tiers = tiers_from_pairs(overall, pairs, alpha=TIER_ALPHA)
    for place, index in enumerate(shown):
        best, worst = int(found.best[place]), int(found.worst[place])
        placed[index] = replace(
            rows[index], rank_range=(best, worst) if best else None, tier=int(tiers[place]) or None
        )
    return placed


def _gate(cells: Mapping[str, Cell], columns: Sequence[Column]) -> Gate | None:
    floor = [column for column in columns if GATE_LAYER in column.groups]
    if not floor:
        return None
    there = [(value, column) for column in floor if (value := cells[column.key].value) is not None]
    lowest = min(there, key=lambda each: each[0], default=(None, None))
    is_complete = len(there) == len(floor)
    ends = [cells[column.key].interval for _value, column in there]
    below = [column.label for (_value, column), end in zip(there, ends, strict=True) if end and end[1] < GATE_VALUE]
    if below:
        state, reason = "fail", _("The interval lies below {least} in {names}.").format(
            least=f"{GATE_VALUE:g}", names=", ".join(below)
        )
    elif not is_complete:
        state, reason = "undecided", _("{n} of {total} categories of the baseline layer have a value.").format(
            n=len(there), total=len(floor)
        )
    elif all(end and end[0] >= GATE_VALUE for end in ends):
        state, reason = "pass", _("All intervals lie at or above {least}.").format(least=f"{GATE_VALUE:g}")
    else:
        state, reason = "undecided", _("An interval contains {least}, or there is none.").format(least=f"{GATE_VALUE:g}")
    return Gate(
        value=lowest[0], column=lowest[1], is_complete=is_complete, state=state, reason=reason,
        is_met=is_complete and lowest[0] is not None and lowest[0] >= GATE_VALUE,
    )


class _Links:
    """Addresses of the lists of scores behind the cells of a run."""

    def __init__(self, run: Run, columns: Sequence[Column], groups: Sequence[Group], system: str) -> None:
        self.base = reverse("score_list")
        self.fixed = {"run": run.pk, **({"system": system} if system else {})}
        self.all = {column.key for column in columns}
        self.groups = {frozenset(group.members): group.key for group in groups}

    def to(self, model: LanguageModel, keys: Sequence[str]) -> str:
        """Return the address of the scores of ``model`` on ``keys``, said as shortly as it can be."""
        query: dict[str, Any] = {**self.fixed, "model": model.pk}
        if frozenset(keys) in self.groups:
            query["layer"] = self.groups[frozenset(keys)]
        elif set(keys) != self.all:
            query["dimension"] = list(keys)
        return f"{self.base}?{urlencode(query, doseq=True)}"


def judges_on(run: Run, system: ValueSystem) -> list[Judge]:
    """Return the judges of ``run`` that score ``system``; one whose rubric is not known scores the items' own."""
    return voters_by_system(run.judges.all()).get(system.key if system.key in FRAMEWORKS else ITEM_SYSTEM, [])


def _badges(run: Run, judges: Sequence[Judge]) -> tuple[str, ...]:
    badges = ["demonstration"] if run.is_demonstration or run.release.is_demonstration else []
    if any(judge.kind == Judge.Kind.HEURISTIC for judge in judges):
        badges.append("heuristic")
    if run.release.is_imported:
        badges.append("imported")
    return tuple(badges)


def _facts(run: Run, judges: Sequence[Judge], n_clusters: int) -> tuple[str, ...]:
    return (
        _("judge: {names}").format(names=", ".join(judge.name for judge in judges) or "—"),
        _("{n} incidents").format(n=n_clusters),
        _("finished {date}").format(date=run.finished_at.date().isoformat()) if run.finished_at else run.status,
    )
