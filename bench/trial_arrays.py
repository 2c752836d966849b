"""The trials of a run as arrays: who was asked what, in which language and repeat, how long the answer, which score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Avg, Q
from django.db.models.functions import Length
from numpy.typing import NDArray

from bench.label_data import cluster_of
from bench.models import ReleaseItem, Run, Trial

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class TrialArrays:
    """Arrays [trial], and what their codes stand for.

    Attributes
    ----------
    keys : int array
        Keys of the trials, rising.
    model, item, language, epoch : int arrays
        Codes into ``models`` and ``items`` and ``languages``; the repeat from 1.
    value, length : float arrays
        Score, NaN where missing; characters of the answer, NaN where it is empty.
    models, items : tuple of int
        Keys of the language models by name, and of the release items in the release's order.
    languages : tuple of str
        English first, the others by name.
    clusters, stances : tuple of str [item]
        The incident, and the stance asked for, as frozen in the release.
    """

    keys: NDArray[np.int64]
    model: Codes
    item: Codes
    language: Codes
    epoch: NDArray[np.int64]
    value: Floats
    length: Floats
    models: tuple[int, ...]
    items: tuple[int, ...]
    languages: tuple[str, ...]
    clusters: tuple[str, ...]
    stances: tuple[str, ...]

    def means(self, array: Floats, where: NDArray[np.bool_] | None = None) -> Floats:
        """Return the means of ``array`` by [model, item] over the trials ``where``; NaN without a number."""
        keep = ~np.isnan(array) if where is None else ~np.isnan(array) & where
        shape = (len(self.models), len(self.items))
        cell = self.model[keep] * shape[1] + self.item[keep]
        total = np.bincount(cell, weights=array[keep], minlength=shape[0] * shape[1])
        count = np.bincount(cell, minlength=shape[0] * shape[1])
        found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)
        return found


def read_trials(run: Run, *, system: str) -> TrialArrays:
    """Return the trials of ``run``; a trial's value is its score on its dimension of ``system`` (their mean, of several)."""
    models = tuple(run.language_models.order_by("name").values_list("pk", flat=True))
    placed = list(
        ReleaseItem.objects.filter(release=run.release_id).order_by("position")
        .values_list("pk", "item__incident_id", "item_id", "content__stance")
    )
    rows = list(
        Trial.objects.filter(run=run).order_by("pk").values_list(
            "pk", "language_model_id", "release_item_id", "language", "epoch",
        ).annotate(
            characters=Length("response__text"),
            score=Avg("scores__value", filter=Q(scores__dimension__system__key=system)),
        )
    )
    items = tuple(pk for pk, *_rest in placed)
    languages = tuple(sorted({row[3] for row in rows}, key=lambda code: (code != "en", code)))
    return TrialArrays(
        keys=np.array([row[0] for row in rows], dtype=np.int64), models=models, items=items, languages=languages,
        model=_codes([row[1] for row in rows], models), item=_codes([row[2] for row in rows], items),
        language=_codes([row[3] for row in rows], languages), epoch=np.array([row[4] for row in rows], dtype=np.int64),
        length=np.array([row[5] or np.nan for row in rows], dtype=np.float64),
        value=np.array([np.nan if row[6] is None else row[6] for row in rows], dtype=np.float64),
        clusters=tuple(cluster_of(incident, item) for _pk, incident, item, _stance in placed),
        stances=tuple(stance or "" for *_rest, stance in placed),
    )


def _codes(values: Sequence[Any], names: Sequence[Any]) -> Codes:
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[value] for value in values], dtype=np.intp)
