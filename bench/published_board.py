"""The leaderboard of an imported measurement: published numbers, weighed here and otherwise unchanged."""

from __future__ import annotations

from collections import defaultdict

from django.urls import reverse
from django.utils.translation import gettext as _

from bench.board import Board, Cell, Column, Row, digits_for, ranked
from bench.board_columns import columns_of, full_weights
from bench.metrics.aggregation import weighted_mean
from bench.models import LanguageModel, Measurement, PublishedScore
from gvsir.stored_sentences import in_readers_language


def board_of_measurement(measurement: Measurement, weights: dict[str, float] | None = None) -> Board:
    """Return the leaderboard of ``measurement``; the number of queries does not grow with its models."""
    scores = list(measurement.scores.select_related("language_model").order_by("pk"))
    columns, groups = columns_of(measurement.system, {score.dimension_id for score in scores})
    chosen = full_weights(columns, weights, system=measurement.system.key)
    by_model: dict[LanguageModel, dict[int, PublishedScore]] = defaultdict(dict)
    for score in scores:
        by_model[score.language_model][score.dimension_id] = score
    scale = (measurement.scale_low, measurement.scale_high)
    rows = [_row(model, found, columns, chosen, digits_for(scale)) for model, found in by_model.items()]
    return Board(
        system=measurement.system.key, system_label=measurement.system.label, measurement=measurement.key,
        measurement_label=measurement.label, scale=scale,
        columns=columns, groups=groups, rows=ranked(rows), weights=chosen, is_imported=True, badges=("imported",),
        facts=_facts(measurement, len(rows)), how=_how(),
    )


def _row(
    model: LanguageModel, found: dict[int, PublishedScore], columns: tuple[Column, ...], weights: dict[str, float],
    digits: int,
) -> Row:
    cells = {column.key: _cell(found.get(column.dimension.pk), digits) for column in columns}
    values = [cells[column.key].value for column in columns]
    found_mean = weighted_mean([values], [weights[column.key] for column in columns])
    mean, n_used = float(found_mean.value[0]), int(found_mean.n_dimensions[0])
    n_weighing = sum(weight > 0 for weight in weights.values())
    facts = {
        "developer": model.developer,
        "access": {True: _("open weights"), False: _("closed")}.get(model.is_open_weights, ""),  # type: ignore[arg-type]
        "released": model.release_date.isoformat() if model.release_date else "",
    }
    return Row(
        model=model.pk, name=model.name, url=model.get_absolute_url(), cells=cells,
        overall=Cell(
            value=mean if n_used else None, n_scored=n_used, n_unscored=n_weighing - n_used,
            reason="" if n_used else _("No dimension that weighs more than 0 was published."),
            interval_reason=_no_interval(), digits=digits,
        ),
        facts={name: value for name, value in facts.items() if value},
    )


def _cell(score: PublishedScore | None, digits: int) -> Cell:
    if score is None:
        return Cell(value=None, reason=_("The publisher gives no number."), interval_reason=_no_interval())
    return Cell(
        value=score.value, interval_reason=_no_interval(), digits=digits,
        url=reverse("provenance", args=["published-score", score.pk]),
    )


def _no_interval() -> str:
    return _("The publisher gives no interval.")


def _facts(measurement: Measurement, n_models: int) -> tuple[str, ...]:
    facts = [measurement.label, _("{n} models").format(n=n_models)]
    if measurement.n_cases is not None:
        facts.append(_("{n} cases counted by the publisher").format(n=f"{measurement.n_cases:,}"))
    return (*facts, in_readers_language(measurement.source.licence))


def _how() -> tuple[str, ...]:
    return (
        _("Numbers as published, unchanged. The publication gives no intervals and no cases, so ranks say nothing about chance."),
        _("Mean: the weighted mean over the dimensions with a number that weigh more than 0; equal weights unless you set your own. A missing number is left out, and 0 is a number like any other."),
        _("Rank: one more than the number of models with a higher mean; equal means share it."),
    )
