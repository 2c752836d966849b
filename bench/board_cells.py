"""The cells of a run's leaderboard: a mean with its interval, counts, coverage, and bounds for what is missing."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bench.board import Cell, Share, digits_for
from bench.metrics.bootstrap_table import Kind, bootstrap_categories, bootstrap_weighted
from bench.metrics.category_table import ScoreTable, category_table, table_of_categories, table_of_weighted
from bench.metrics.cluster_sums import cluster_sums
from bench.metrics.small_sample import mean_spread, score_interval
from bench.score_units import ScoreArrays

Floats = NDArray[np.float64]

#: How intervals can be made: Bell-McCaffrey in Wilson's form, or incidents drawn again.
SCORE: Final = "score"
METHODS: Final = (SCORE, "bca", "percentile")
SEED: Final = 0
RESAMPLES: Final = 2000


class Cells:
    """Makes the cells of one run.

    Parameters
    ----------
    scores : ScoreArrays
        On the dimensions of the board only.
    bounds : (float, float)
        The ends of the scale.
    coverage : float
        The least share of answers with a score, 0 to 1, with which a mean is shown.
    labels : mapping, optional
        What people call the dimensions.
    needs_all : bool
        Whether a mean over dimensions needs each that the run asks; a framework's may go unengaged.
    method : str
        How intervals are made, one of `METHODS`.

    Attributes
    ----------
    table : ScoreTable
        Every model on every dimension.
    """

    def __init__(
        self, scores: ScoreArrays, bounds: tuple[float, float], coverage: float,
        labels: Mapping[str, str] | None = None, *, needs_all: bool = True, method: str = SCORE,
    ) -> None:
        self.scores, self.bounds, self.coverage = scores, bounds, coverage
        self.labels, self.needs_all, self.method = labels or {}, needs_all, method
        self._sums = cluster_sums(scores.values, scores.dimensions, scores.clusters)
        self.table = self._drawn(table_of_categories(self._sums, bounds=bounds), scores.values)
        self.column = {str(key): index for index, key in enumerate(self.table.categories)}
        self._names, self._n_scored = scores.by_dimension(scores.n_scored)
        self._n_unscored = scores.by_dimension(scores.n_unscored)[1]
        self._place = {name: index for index, name in enumerate(self._names)}
        self._n_complied = scores.by_dimension((~np.isnan(scores.without_refusals)).astype(np.int64))[1]
        asked = scores.n_scored + scores.n_unscored > 0
        n_asked = scores.by_dimension(asked.astype(np.int64))[1]
        known, unknown = (_ratio(scores.by_dimension(part)[1], n_asked) for part in scores.known_and_unknown())
        self._ends = [known + end * unknown for end in bounds]

    def _drawn(
        self, table: ScoreTable, values: Floats, weights: Mapping[str, float] | None = None
    ) -> ScoreTable:
        """Return ``table`` with the intervals of the chosen method, if that is a bootstrap."""
        if self.method == SCORE or not self.scores.dimensions:
            return table
        kind = cast("Kind", self.method)
        parts = (values, self.scores.dimensions, self.scores.clusters)
        found = (
            bootstrap_categories(*parts, table.categories, kind=kind, seed=SEED, resamples=RESAMPLES)
            if weights is None
            else bootstrap_weighted(*parts, weights, kind=kind, seed=SEED, resamples=RESAMPLES)
        )
        return replace(
            table, se=found.se, low=found.low, high=found.high, one_sided=None, method=f"{kind}_cluster_bootstrap"
        )

    def weighted(self, weights: Mapping[str, float], values: Floats | None = None) -> ScoreTable:
        """Return the weighted means of all models; NaN for all where no unit has a score row."""
        if not self.scores.dimensions:
            return _nothing(len(self.scores.values))
        sums = self._sums if values is None else cluster_sums(values, self.scores.dimensions, self.scores.clusters)
        by_label = cast("Mapping[Hashable, float]", weights)
        table = table_of_weighted(sums, weights=by_label, bounds=self.bounds)
        return self._drawn(table, self.scores.values if values is None else values, weights)

    def profile(self, model: int, table: ScoreTable | None, raw: Mapping[str, Cell]) -> dict[str, Cell]:
        """Return the cells of row ``model`` of its centred ``table``, beside the means ``raw``."""
        place = {} if table is None else {key: column for column, key in enumerate(table.categories)}
        found = {}
        for key, cell in raw.items():
            if cell.value is None or table is None or key not in place or np.isnan(table.value[model, place[key]]):
                reason = cell.reason if cell.value is None else _("No answer engages this value and another one.")
                found[key] = Cell(value=None, reason=reason, digits=cell.digits, is_withheld=cell.is_withheld)
                continue
            at = model, place[key]
            n_clusters, low = int(table.n_clusters[at]), _number(float(table.low[at]))
            found[key] = Cell(
                value=float(table.value[at]), low=low, high=_number(float(table.high[at])), digits=cell.digits,
                se=_number(float(table.se[at])), n_scored=int(table.n[at]), n_clusters=n_clusters, url=cell.url,
                interval_reason="" if low is not None else _no_spread(n_clusters),
            )
        return found

    def centred_table(self) -> ScoreTable | None:
        """Return the table of the profile, each answer's values less their own mean; None where there is none."""
        if self.scores.centred is None or not self.scores.dimensions:
            return None
        centred = self.scores.centred
        return self._drawn(category_table(centred, self.scores.dimensions, self.scores.clusters), centred)

    def cell(
        self, model: int, table: ScoreTable, column: int | None, weights: Mapping[str, float], url: str
    ) -> Cell:
        """Return the cell of row ``model``: column ``column`` of ``table``, resting on the dimensions ``weights``."""
        places = [self._place[key] for key in weights if key in self._place]
        n_scored, n_unscored = (int(each[model, places].sum()) for each in (self._n_scored, self._n_unscored))
        value = None if column is None else _number(table.value[model, column])
        common: dict[str, Any] = {
            "n_scored": n_scored, "n_unscored": n_unscored, "digits": digits_for(self.bounds),
            "bounds": self._bounds(model, weights) if n_unscored else None,
        }
        if column is None or value is None:
            return Cell(value=None, url=url if n_unscored else "", reason=self._reason(model, weights), **common)
        if n_scored < self.coverage * (n_scored + n_unscored):
            return Cell(value=None, url=url, reason=self._too_few(n_scored, n_unscored), is_withheld=True, **common)
        if short := self._short(model, weights):
            reason = _("Withheld: it would leave out or rest on too few answers in {names}.").format(names=short)
            return Cell(value=None, url=url, reason=reason, is_withheld=True, **common)
        low, high = _number(table.low[model, column]), _number(table.high[model, column])
        cautious = low is not None and table.one_sided is not None and bool(table.one_sided[model, column])
        return Cell(
            value=value, low=low, high=high, url=url, se=_number(table.se[model, column]),
            n_clusters=int(table.n_clusters[model, column]),
            interval_reason="" if low is not None else self._no_interval(model, weights),
            interval_note=errs_safe(int(table.n_clusters[model, column])) if cautious else "", **common,
        )

    def _short(self, model: int, weights: Mapping[str, float]) -> str:
        """Return the weighted dimensions asked of which ``model`` has too few scores, or none, with their counts."""
        found = []
        for key, weight in weights.items():
            if weight <= 0 or key not in self._place:
                continue
            n = int(self._n_scored[model, self._place[key]])
            of = n + int(self._n_unscored[model, self._place[key]])
            if (self.needs_all and not n) or n < self.coverage * of:
                found.append(_("{name} ({n} of {total})").format(name=self.labels.get(key, key), n=n, total=of))
        return ", ".join(found)

    def _no_interval(self, model: int, weights: Mapping[str, float]) -> str:
        used = [key for key, weight in weights.items() if weight > 0 and key in self.column]
        lone = [key for key in used if self.table.n_clusters[model, self.column[key]] == 1]
        if not lone and self.method != SCORE:
            return _(
                "The scores are the same in every incident, or more than half of the draws leave a category without "
                "an incident; a bootstrap has nothing to go by. The other method gives an interval."
            )
        if len(used) == len(lone) == 1 or not lone:
            return one_incident()
        return _(
            "One incident only in {names}: the spread between incidents is unknown there, and with it the interval, "
            "the ranks and the tier of a mean over it."
        ).format(names=", ".join(self.labels.get(key, key) for key in lone))

    def without_refusals(self, model: int, table: ScoreTable, weights: Mapping[str, float]) -> Cell:
        """Return the cell of row ``model`` in ``table``, which is of the answers that did not refuse."""
        value, n = _number(table.value[model, 0]), int(table.n[model, 0])
        if value is None:
            return Cell(value=None, reason=_("No answer with a score that did not refuse."))
        lost = [
            key for key, weight in weights.items()
            if weight > 0 and key in self._place and self.needs_all and not self._n_complied[model, self._place[key]]
        ]
        if lost:
            names = ", ".join(self.labels.get(key, key) for key in lost)
            reason = _("No answer with a score that did not refuse in {names}.").format(names=names)
            return Cell(value=None, reason=reason, n_scored=n)
        low, high = _number(table.low[model, 0]), _number(table.high[model, 0])
        reason = "" if low is not None else self._no_interval(model, weights)
        return Cell(
            value=value, low=low, high=high, n_scored=n, interval_reason=reason, se=_number(table.se[model, 0]),
            n_clusters=int(table.n_clusters[model, 0]),
        )

    def _bounds(self, model: int, weights: Mapping[str, float]) -> tuple[float, float] | None:
        pairs = [
            (weight, *(float(ends[model, self._place[key]]) for ends in self._ends))
            for key, weight in weights.items() if key in self._place and weight > 0
        ]
        there = [(weight, low, high) for weight, low, high in pairs if not math.isnan(low)]
        total = sum(weight for weight, _low, _high in there)
        if not total:
            return None
        return (
            sum(weight * low for weight, low, _high in there) / total,
            sum(weight * high for weight, _low, high in there) / total,
        )

    def _reason(self, model: int, keys: Mapping[str, float]) -> str:
        pk = int(self.scores.models[model])
        found = next((self.scores.reasons[pk, key] for key in keys if (pk, key) in self.scores.reasons), "")
        return found or _("No item of the release measures this.")

    def _too_few(self, n_scored: int, n_unscored: int) -> str:
        total = n_scored + n_unscored
        return _("Withheld: {n} of {total} answers have a score ({share}); at least {least} is asked for.").format(
            n=n_scored, total=total, share=percent(n_scored / total), least=percent(self.coverage)
        )


def _nothing(n_models: int) -> ScoreTable:
    """Return a table of one column without a number."""
    nothing = np.full((n_models, 1), np.nan)
    zero = np.zeros(nothing.shape, dtype=np.int64)
    return ScoreTable(
        categories=("weighted",), value=nothing, se=nothing, low=nothing, high=nothing, n=zero,
        n_clusters=zero, n_missing=zero, level=0.95, method="cr2_score",
    )


def refused_share(scores: ScoreArrays, model: int, places: Sequence[int] | NDArray[np.intp], url: str = "") -> Share:
    """Return the share of refused answers of row ``model`` on the items at ``places``.

    The interval is Wilson's with the effective number of answers, clustered by incident; with one incident there is
    none.
    """
    refused, told = scores.n_refused[model, places], scores.n_told[model, places]
    n, of = int(refused.sum()), int(told.sum())
    if not of:
        return Share(value=None, url=url)
    codes = scores.cluster_codes[places]
    count, total = (np.bincount(codes, weights=each).astype(np.float64) for each in (told, refused))
    n_clusters = int((count > 0).sum())
    if n_clusters < 2:
        return Share(value=n / of, n=n, of=of, url=url)
    mean, spread = mean_spread(count, total, total)
    found = score_interval(mean, spread, np.array(float(n_clusters)), (0.0, 1.0), 0.95)
    return Share(value=n / of, low=float(found.low), high=float(found.high), n=n, of=of, url=url)


def percent(share: float) -> str:
    """Return ``share`` as text: 0.95 as "95 %", 0.9489 as "94.9 %"."""
    return f"{math.floor(share * 1000 + 1e-9) / 10:g} %"


def errs_safe(n_clusters: int) -> str:
    """Return that an interval does not cover just what it says, and why."""
    return _(
        "So near the end of the scale, {n} incidents cannot tell the mean from the end. In our simulation such "
        "intervals hold the true value in 96 to 99 of 100 cases with up to 20 incidents, in 92 to 97 with 50, not in 95."
    ).format(n=n_clusters)


def one_incident() -> str:
    """Return why there is no interval."""
    return _("All scores come from one incident; the spread between incidents is unknown.")


def _no_spread(n_clusters: int) -> str:
    if n_clusters < 2:
        return one_incident()
    return _("The scores are the same in every incident; their spread, and so an interval, cannot be estimated.")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _ratio(total: Floats, count: NDArray[np.int64]) -> Floats:
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found
