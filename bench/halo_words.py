"""The halo of a judge as its page shows it: numbers with their intervals, or the reason why there are none."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from bench.forest import signed as sign
from bench.judge_halo import Halo, HaloLine
from bench.metrics.intervals import MeanEstimate


def halo_rows(halo: Halo) -> list[dict[str, Any]]:
    """Return a row for each dimension: difference, agreement and why one is missing, ready to show."""
    return [
        {
            "line": line, "reason": _reason(line),
            "measures": [
                shown(line.found.difference, digits=1, signed=True), shown(line.found.agreement, digits=2),
            ],
        }
        for line in halo.lines
    ]


def excess_shown(halo: Halo) -> dict[str, str]:
    """Return the correlations, their difference and its interval as texts; "" where undefined."""
    found = halo.excess
    numbers = {"together": found.together, "alone": found.alone, "halo": found.halo}
    return {
        **{name: "" if value is None else _number(value, 2) for name, value in numbers.items()},
        "interval": interval_words(found.low, found.high, digits=2),
    }


def shown(estimate: MeanEstimate, *, digits: int, signed: bool = False) -> dict[str, Any]:
    """Return value and interval of ``estimate`` as texts, "" where undefined, with its count and its own reason."""
    written = sign if signed else _number
    return {
        "value": "" if estimate.value is None else written(estimate.value, digits), "interval": interval_words(estimate.low, estimate.high, digits=digits), "n": estimate.n,
        "n_clusters": estimate.n_clusters, "reason": estimate.undefined_reason,
    }


def interval_words(low: float | None, high: float | None, *, digits: int) -> str:
    """Return ``0.12 to 0.34``; "" where an end is undefined."""
    if low is None or high is None:
        return ""
    return _("{low} to {high}").format(low=_number(low, digits), high=_number(high, digits))


def _number(value: float, digits: int) -> str:
    return sign(value, digits).removeprefix("+")


def _reason(line: HaloLine) -> str:
    if not line.checks:
        return _("The model was not asked for it alone.")
    if not line.found.n:
        return _("No answer was read both ways.")
    return "" if line.found.difference.n else _("No answer has a score both ways.")
