"""All scores of a run as arrays: read once, in a number of queries that does not grow, for every statistic on it."""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from django.db.models import Count, F, Max, Sum
from numpy.typing import NDArray

from bench.label_data import cluster_of
from bench.models import Judgement, KeptScores, ReleaseItem, Response, Run, Score, Trial
from bench.scoring.case import NOT_ENGAGED
from bench.scoring.frameworks import FRAMEWORKS
from gvsir.models import ValueDimension

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_PER_UNIT = ("values", "without_refusals", "n_scored", "n_unscored")
_NOT_ANSWERED = (Response.State.REFUSED, Response.State.CONTENT_FILTER)


@dataclass(frozen=True, kw_only=True)
class ScoreArrays:
    """The scores of a run, repeats and languages averaged; a unit is an item on a dimension.

    Attributes
    ----------
    models : int array [model]
        Keys of the language models, by name.
    items, dimensions : int array [unit], tuple of str [unit]
        Key of the release item, and key of the dimension; of a framework ``framework/key``.
    values : float array [model, unit]
        Mean over the scored answers; NaN where none is scored, never 0.
    without_refusals : float array [model, unit]
        The same without the answers that refused.
    n_scored, n_unscored : int arrays [model, unit]
        Answers with and without a score; one that does not engage a dimension is neither.
    item_keys : int array [item]
        Keys of the release items asked, in the release's order.
    n_refused, n_told : int arrays [model, item]
        Answers that refused, and answers of which it is known.
    clusters_of_items : tuple of str [item]
        The incident of each item of ``item_keys``, or the item itself.
    reasons : dict
        (model key, dimension key) -> the commonest reason of a missing score there.
    """

    models: Counts
    items: Counts
    dimensions: tuple[str, ...]
    values: Floats
    without_refusals: Floats
    n_scored: Counts
    n_unscored: Counts
    item_keys: Counts
    n_refused: Counts
    n_told: Counts
    clusters_of_items: tuple[str, ...]
    reasons: Mapping[tuple[int, str], str]

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """Where in ``item_keys`` each unit's item stands, [unit]."""
        order = np.argsort(self.item_keys)
        found: NDArray[np.intp] = order[np.searchsorted(self.item_keys, self.items, sorter=order)]
        return found

    @cached_property
    def clusters(self) -> tuple[str, ...]:
        """The incident of each unit's item."""
        return tuple(self.clusters_of_items[place] for place in self.places.tolist())

    @cached_property
    def cluster_codes(self) -> NDArray[np.intp]:
        """A number for the incident of each item of ``item_keys``."""
        found: NDArray[np.intp] = np.unique(np.array(self.clusters_of_items, dtype=str), return_inverse=True)[1]
        return found

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return len(self.items)

    def units_on(self, keys: Iterable[str]) -> NDArray[np.bool_]:
        """Return which units are on one of the dimensions ``keys``."""
        names, codes = self._coded
        wanted = set(keys)
        found: NDArray[np.bool_] = np.array([name in wanted for name in names], dtype=bool)[codes]
        return found

    @cached_property
    def _coded(self) -> tuple[list[str], NDArray[np.intp]]:
        names = sorted(set(self.dimensions))
        place = {name: index for index, name in enumerate(names)}
        return names, np.array([place[key] for key in self.dimensions], dtype=np.intp)

    def by_dimension(self, array: NDArray[Any]) -> tuple[list[str], NDArray[Any]]:
        """Return the names of the dimensions and the sums of ``array`` [model, unit] on each, [model, dimension]."""
        names, codes = self._coded
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(names)))
        if not names:
            return names, array[:, :0]
        return names, np.add.reduceat(array[:, order], starts, axis=1)

    def on(self, keys: Iterable[str]) -> ScoreArrays:
        """Return the units on the dimensions ``keys`` only."""
        where = self.units_on(keys)
        if where.all():
            return self
        return replace(
            self, items=self.items[where], dimensions=tuple(np.array(self.dimensions, dtype=object)[where]),
            **{name: getattr(self, name)[:, where] for name in _PER_UNIT},
        )

    def of_system(self, system: str) -> ScoreArrays:
        """Return the units on dimensions of ``system``, named by their keys alone."""
        if system not in FRAMEWORKS:
            return self.on({name for name in self.dimensions if "/" not in name})
        prefix = f"{system}/"
        found = self.on({name for name in self.dimensions if name.startswith(prefix)})
        return replace(
            found, dimensions=tuple(name.removeprefix(prefix) for name in found.dimensions),
            reasons={
                (model, name.removeprefix(prefix)): reason
                for (model, name), reason in self.reasons.items() if name.startswith(prefix)
            },
        )

    def of_models(self, keys: Sequence[int]) -> ScoreArrays:
        """Return a row for each of the models ``keys``, in their order; one never asked has none of its own."""
        place = {int(key): index for index, key in enumerate(self.models)}
        there = [place.get(key) for key in keys]
        rows = [0 if at is None else at for at in there]
        absent = [index for index, at in enumerate(there) if at is None]
        changed: dict[str, Any] = {}
        for name in (*_PER_UNIT, "n_refused", "n_told"):
            array = getattr(self, name)
            taken = array[rows] if len(array) else np.zeros((len(keys), array.shape[1]), dtype=array.dtype)
            taken[absent] = np.nan if taken.dtype.kind == "f" else 0
            changed[name] = taken
        return replace(self, models=np.array(keys, dtype=np.int64), **changed)

    def filled(self, missing: float) -> Floats:
        """Return the values there would be if every missing score were ``missing``."""
        total = self.n_scored + self.n_unscored
        known = np.where(self.n_scored > 0, self.values, 0.0) * self.n_scored
        found: Floats = np.where(
            total > 0, (known + missing * self.n_unscored) / np.maximum(total, 1), np.nan
        )
        return found


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
    return scores_from_rows(run) if kept is None else _unpacked(bytes(kept))


def forget_scores(run: Run) -> None:
    """Take away the kept arrays, because scores of ``run`` are about to change."""
    KeptScores.objects.filter(run=run).delete()


def keep_scores(run: Run) -> None:
    """Write the arrays of ``run`` from its rows."""
    content = _packed(scores_from_rows(run))
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
        Trial.objects.filter(run=run).order_by("pk").values_list("pk", "language_model_id", "release_item_id"),
        [("pk", "i8"), ("model", "i8"), ("item", "i8")],
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
        trials=trials["pk"], row=row, column=column, refused=refused, told=told, scored=scored, missing=missing,
        keys=keys,
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
    column: NDArray[np.intp], refused: NDArray[np.bool_], told: NDArray[np.bool_], scored: NDArray[Any],
    missing: Sequence[tuple[int, int, str]], keys: Mapping[int, str],
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

    def summed(where: NDArray[Any], weights: NDArray[Any] | None = None, shape: tuple[int, int] = shape) -> NDArray[Any]:
        return np.bincount(where, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)

    n_scored = summed(cell)
    complied = ~refused[at]
    asked = (len(models), len(item_keys))
    spot = row * len(item_keys) + column
    reasons: dict[tuple[int, str], Counter[str]] = {}
    model_of = models[row[lost_at]].tolist()
    for model, (_trial, dimension, reason) in zip(model_of, missing, strict=True):
        reasons.setdefault((model, keys[dimension]), Counter())[reason] += 1
    return ScoreArrays(
        models=models, items=item_keys[units // width] if len(item_keys) else units,
        dimensions=tuple(keys[dimension_keys[unit % width]] for unit in units.tolist()),
        values=_mean(summed(cell, scored["value"]), n_scored),
        without_refusals=_mean(summed(cell[complied], scored["value"][complied]), summed(cell[complied])),
        n_scored=n_scored, n_unscored=summed(lost_cell[is_lost]), item_keys=item_keys,
        n_refused=summed(spot[refused], None, asked), n_told=summed(spot[told], None, asked),
        clusters_of_items=clusters,
        reasons={cell: max((n, reason) for reason, n in count.items())[1] for cell, count in reasons.items()},
    )


def _mean(total: Floats, count: Counts) -> Floats:
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _packed(arrays: ScoreArrays) -> bytes:
    names = sorted(set(arrays.dimensions))
    place = {name: index for index, name in enumerate(names)}
    words = {
        "names": names, "clusters": arrays.clusters_of_items,
        "reasons": [[model, key, reason] for (model, key), reason in arrays.reasons.items()],
    }
    out = io.BytesIO()
    np.savez(
        out, words=np.frombuffer(json.dumps(words).encode(), dtype=np.uint8), models=arrays.models, items=arrays.items,
        dimensions=np.array([place[key] for key in arrays.dimensions], dtype=np.int32), values=arrays.values,
        without_refusals=arrays.without_refusals, item_keys=arrays.item_keys,
        **{name: getattr(arrays, name).astype(np.int32) for name in ("n_scored", "n_unscored", "n_refused", "n_told")},
    )
    return zlib.compress(out.getvalue(), 1)


def _unpacked(content: bytes) -> ScoreArrays:
    with np.load(io.BytesIO(zlib.decompress(content)), allow_pickle=False) as found:
        words = json.loads(found["words"].tobytes())
        names = words["names"]
        return ScoreArrays(
            models=found["models"], items=found["items"],
            dimensions=tuple(names[code] for code in found["dimensions"].tolist()), values=found["values"],
            without_refusals=found["without_refusals"], item_keys=found["item_keys"],
            clusters_of_items=tuple(words["clusters"]),
            reasons={(model, key): reason for model, key, reason in words["reasons"]},
            **{name: found[name].astype(np.int64) for name in ("n_scored", "n_unscored", "n_refused", "n_told")},
        )
