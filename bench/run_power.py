"""What differences between two models a run can resolve, from what earlier runs showed of the same items."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, F

from bench.models import Run, Score, Trial

#: Assumed where no finished run on the release tells: standard deviation of the true difference over items, of one
#: answer's score around its item's mean, and correlation of differences within an incident. With one epoch the
#: differences then vary with a standard deviation of 3 points.
ASSUMED_BETWEEN_SD: Final = 2.0
ASSUMED_WITHIN_VARIANCE: Final = 2.5
ASSUMED_CORRELATION: Final = 0.5
_MOST_SCORES = 200_000
#: What a plan without any item says.
NO_POWER: Final[dict[str, Any]] = {"resolvable_difference": None, "power": None}


@dataclass(frozen=True, kw_only=True)
class Power:
    """The smallest difference that a run resolves, and on what this rests.

    Parameters
    ----------
    difference : float
        In points, at 80 % power and the 5 % level.
    between, within : float
        Variance over items of the true difference; variance of one answer's score around its item's mean.
    cluster_size, correlation : float
        Items of an incident, weighted by size; correlation of differences within an incident.
    measured_in : int or None
        The run that told; None where everything is assumed.
    """

    difference: float
    between: float
    within: float
    epochs: int
    items: int
    incidents: int
    cluster_size: float
    correlation: float
    measured_in: int | None

    def as_json(self) -> dict[str, Any]:
        """Return the difference and its basis as plain data."""
        return {
            "resolvable_difference": round(self.difference, 3),
            "power": {
                "between_variance": round(self.between, 4), "within_variance": round(self.within, 4),
                "epochs": self.epochs, "items": self.items, "incidents": self.incidents,
                "items_per_incident": round(self.cluster_size, 3), "correlation": round(self.correlation, 3),
                "measured_in_run": self.measured_in,
            },
        }


def power_of(run: Run) -> Power | None:
    """Return what ``run`` can resolve between two of its models; None where it asks nothing.

    Variances come from the newest finished run on the same release with two models; else they are assumed.
    """
    from bench.metrics.power import (  # scipy: only a plan needs it
        PairedDesign,
        measured_design,
        smallest_difference,
    )

    incidents = Counter(
        row[1] if row[1] is not None else f"item {row[0]}"
        for row in Trial.objects.filter(run=run).order_by().values_list("release_item", "release_item__item__incident").distinct()
    )
    items = incidents.total()
    if not items:
        return None
    size = sum(n * n for n in incidents.values()) / items
    epochs = int(run.spec["epochs"])
    earlier = _earlier(run)
    found = measured_design(_scores_of(earlier)) if earlier else None
    between, within, correlation = ASSUMED_BETWEEN_SD**2, ASSUMED_WITHIN_VARIANCE, ASSUMED_CORRELATION
    if found is not None:
        between, within = found.between, found.within
        correlation = ASSUMED_CORRELATION if found.correlation is None else found.correlation
    design = PairedDesign(
        between=between, within_a=within, within_b=within, epochs_a=epochs, epochs_b=epochs, items_per_cluster=size,
        cluster_correlation=correlation,
    )
    return Power(
        difference=smallest_difference(design, items), between=between, within=within, epochs=epochs, items=items,
        incidents=len(incidents), cluster_size=size, correlation=correlation,
        measured_in=earlier.pk if earlier and found else None,
    )


def _earlier(run: Run) -> Run | None:
    runs = Run.objects.filter(release=run.release_id, status=Run.Status.FINISHED).annotate(n=Count("language_models"))
    return runs.filter(n__gt=1).order_by("-pk").first()


def _scores_of(run: Run) -> list[dict[Any, tuple[Any, list[float]]]]:
    """Return for each pair's two models: by item and language the incident and the scores on its own category."""
    rows = Score.objects.filter(
        run=run, value__isnull=False, dimension=F("trial__release_item__item__category")
    ).order_by("pk").values_list(
        "trial__language_model", "trial__release_item", "trial__language", "trial__release_item__item__incident", "value"
    )[:_MOST_SCORES]
    models: dict[int, dict[Any, tuple[Any, list[float]]]] = defaultdict(dict)
    for model, item, language, incident, value in rows:
        cluster = incident if incident is not None else f"item {item}"
        if value is not None:
            models[model].setdefault((item, language), (cluster, []))[1].append(value)
    return [models[key] for key in sorted(models)]
