"""Which measurements a value system has, and the leaderboard of one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from bench.board import Board
from bench.board_cells import METHODS, SCORE
from bench.board_people import with_people
from bench.exceptions import BadWeightsError, UnknownNameError
from bench.models import Judge, Measurement, Run
from bench.published_board import board_of_measurement
from bench.run_board import COVERAGE, board_of_run, system_of
from bench.scoring.frameworks import CHECKS, rubric_name
from gvsir.exceptions import GvsirError
from gvsir.models import ValueSystem

#: The system that every run measures; the others are imported, or measured by runs with a judge for them.
RUN_SYSTEM: Final = "gvs"
SYSTEMS: Final = (RUN_SYSTEM, "schwartz", "mft", "llm_unique", "salad")
MOST_WEIGHT: Final = 1e6


class BadCoverageError(GvsirError):
    """A least coverage is not a percentage."""

    code = "bad_coverage"


class BadIntervalError(GvsirError):
    """A method of intervals is not known."""

    code = "bad_interval"


@dataclass(frozen=True, kw_only=True)
class MeasurementChoice:
    """A measurement that a leaderboard can show."""

    key: str
    label: str
    badges: tuple[str, ...] = ()


def measurements_of(system: str) -> list[MeasurementChoice]:
    """Return the measurements of ``system``, newest first: finished runs, or imported tables."""
    if system == RUN_SYSTEM:
        return [_choice(run) for run in _runs_on(system).order_by("-pk")]
    found = Measurement.objects.filter(system__key=system).order_by("-period", "-pk")
    imported = [MeasurementChoice(key=each.key, label=each.label, badges=("imported",)) for each in found]
    return imported + [_choice(run) for run in _runs_on(system).order_by("-pk")]


def _runs_on(system: str) -> QuerySet[Run]:
    """Return the finished runs that measure ``system``."""
    runs = Run.objects.filter(status=Run.Status.FINISHED).select_related("release").prefetch_related("judges")
    if system == RUN_SYSTEM:
        checks = Judge.objects.filter(config__rubric__in=list(CHECKS))
        seats = Run.judges.through.objects
        return runs.exclude(  # only asked to check a judge: without a score
            Q(pk__in=seats.filter(judge__in=checks).values("run")) & ~Q(pk__in=seats.exclude(judge__in=checks).values("run"))
        )
    judges = Judge.objects.filter(config__rubric=rubric_name(system))
    return runs.filter(pk__in=Run.judges.through.objects.filter(judge__in=judges).values("run"))


def _choice(run: Run) -> MeasurementChoice:
    return MeasurementChoice(
        key=f"run-{run.pk}", label=_("run {number} · {release}").format(number=run.pk, release=run.release.name),
        badges=("demonstration",) if run.is_demonstration or run.release.is_demonstration else (),
    )


def find_board(
    system: str, measurement: str = "", weights: Mapping[str, Any] | None = None, *, coverage: float = COVERAGE,
    interval: str = SCORE,
) -> Board:
    """Return the leaderboard of ``measurement`` on ``system``; of the newest one if none is named.

    ``weights`` maps keys of dimensions to numbers from 0 up; those not named weigh 1, as on the page.
    A mean of a run with a smaller share of scores than ``coverage`` is withheld; its intervals are made by
    ``interval``, one of `bench.board_cells.METHODS`.

    Raises
    ------
    UnknownNameError
        No such system or measurement, or the system has none yet.
    BadWeightsError
        See there.
    """
    if system not in SYSTEMS:
        raise UnknownNameError(f"{system!r} is no value system; {', '.join(SYSTEMS)} are.")
    checked = None if weights is None else checked_weights(weights)
    if system == RUN_SYSTEM or measurement.startswith("run-") or not (
        measurement or Measurement.objects.filter(system__key=system).exists()
    ):
        return _of_run(system, measurement, checked, coverage, interval)
    return _of_import(system, measurement, checked)


def _of_run(
    system: str, measurement: str, weights: dict[str, float] | None, coverage: float, interval: str
) -> Board:
    runs = _runs_on(system)
    if measurement:
        number = measurement.removeprefix("run-")
        wanted = number.isdecimal() and measurement.startswith("run-") and len(number) < 19
        run = runs.filter(pk=int(number)).first() if wanted else None
    else:
        run = runs.order_by("-pk").first()
    if run is None:
        advice = (
            "run a release on a model first (gvsir bench_run)" if system == RUN_SYSTEM
            else f"import one first (gvsir import_scores), or run a release with a judge {system}:NAME (gvsir bench_run)"
        )
        raise UnknownNameError(_missing(system, measurement, advice))
    framework = system_of(run) if system == RUN_SYSTEM else ValueSystem.objects.current(system)
    board = board_of_run(run, weights, coverage=coverage, framework=framework, interval=interval)
    return with_people(board, run, framework)


def _of_import(system: str, measurement: str, weights: dict[str, float] | None) -> Board:
    found = Measurement.objects.filter(system__key=system).select_related("system", "source")
    if measurement:
        found = found.filter(key=measurement)
    chosen = found.order_by("-period", "-pk").first()
    if chosen is None:
        raise UnknownNameError(_missing(system, measurement, "import one first (gvsir import_scores)"))
    return board_of_measurement(chosen, weights)


def _missing(system: str, measurement: str, advice: str) -> str:
    if measurement:
        return f"{system} has no measurement {measurement!r}."
    return f"{system} has no measurement yet; {advice}."


def checked_weights(weights: Mapping[str, Any]) -> dict[str, float]:
    """Return ``weights`` as numbers from 0 up.

    Raises
    ------
    BadWeightsError
        One is none; it is named.
    """
    result = {}
    for key, given in weights.items():
        try:
            number = float(given) if not isinstance(given, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number <= MOST_WEIGHT:
            raise BadWeightsError(f"The weight of {key} is {given!r}; a number from 0 up is expected.")
        result[str(key)] = number
    return result


def checked_interval(method: str) -> str:
    """Return the method of intervals called ``method``; the one used unless people choose where it is empty.

    Raises
    ------
    BadIntervalError
        There is no such method.
    """
    if method and method not in METHODS:
        raise BadIntervalError(f"The interval is {method!r}; one of {', '.join(METHODS)} is expected.")
    return method or SCORE


def checked_coverage(percentage: str) -> float:
    """Return the share that ``percentage`` says, 0 to 1; what runs ask for where it is empty.

    Raises
    ------
    BadCoverageError
        It is no number from 0 to 100.
    """
    if not percentage:
        return COVERAGE
    try:
        number = float(percentage.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not 0 <= number <= 100:
        raise BadCoverageError(f"The coverage is {percentage!r}; a percentage from 0 to 100 is expected.")
    return number / 100
