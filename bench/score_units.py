"""The scores of a run as arrays, and how these are kept. Reading them: `bench.score_arrays`."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.scoring.frameworks import FRAMEWORKS

#: Value systems read as a profile: their values are told apart within an answer and never averaged into one number.
PROFILES: Final = ("schwartz",)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
_PER_UNIT = ("values", "without_refusals", "n_scored", "n_unscored")
_PER_UNIT_MAYBE = ("by_language", "centred")
_PER_ITEM = ("n_refused", "n_told")
_PER_ITEM_MAYBE = ("refused_by_language", "told_by_language")
#: What kept arrays must say to be used; arrays of another version are made anew from the rows.
_VERSION = 2


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
    by_language : float array [model, language, unit], optional
        The values of each language; None where the run has one language.
    refused_by_language, told_by_language : int arrays [model, language, item], optional
        ``n_refused`` and ``n_told`` of each language.
    centred : float array [model, unit], optional
        Mean over the answers of the score less the answer's own mean over the dimensions it engages
        (`bench.metrics.ipsatised`); on dimensions of `PROFILES` only, None where the run has none.
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
    by_language: Floats | None = None
    refused_by_language: Counts | None = None
    told_by_language: Counts | None = None
    centred: Floats | None = None

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
        return names, np.fromiter(map(place.__getitem__, self.dimensions), dtype=np.intp, count=len(self.dimensions))

    @cached_property
    def _dimension_order(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The units by dimension, and where each dimension begins."""
        names, codes = self._coded
        order = np.argsort(codes, kind="stable")
        return order, np.searchsorted(codes[order], np.arange(len(names)))

    def by_dimension(self, array: NDArray[Any]) -> tuple[list[str], NDArray[Any]]:
        """Return the names of the dimensions and the sums of ``array`` [model, unit] on each, [model, dimension]."""
        names, _codes = self._coded
        if not names:
            return names, array[:, :0]
        order, starts = self._dimension_order
        return names, np.add.reduceat(array.take(order, axis=1), starts, axis=1)

    def on(self, keys: Iterable[str]) -> ScoreArrays:
        """Return the units on the dimensions ``keys`` only."""
        where = self.units_on(keys)
        if where.all():
            return self
        changed: dict[str, Any] = {
            name: array[..., where] for name, array in self.there(_PER_UNIT, _PER_UNIT_MAYBE)
        }
        names = tuple(np.array(self.dimensions, dtype=object)[where])
        return replace(self, items=self.items[where], dimensions=names, **changed)

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
        for name, array in self.there(_PER_UNIT, _PER_UNIT_MAYBE, _PER_ITEM, _PER_ITEM_MAYBE):
            taken = array[rows] if len(array) else np.zeros((len(keys), *array.shape[1:]), dtype=array.dtype)
            taken[absent] = np.nan if taken.dtype.kind == "f" else 0
            changed[name] = taken
        return replace(self, models=np.array(keys, dtype=np.int64), **changed)

    def there(self, *names: Sequence[str]) -> list[tuple[str, NDArray[Any]]]:
        """Return which of ``names`` this has, with their arrays."""
        return [(name, array) for each in names for name in each if (array := getattr(self, name)) is not None]

    def of_pair(self, rows: Sequence[int]) -> Floats:
        """Return the values [2, unit] of two rows over the languages in which both have a score; NaN where none is."""
        if self.by_language is None:
            return self.values[list(rows)]
        both = self.by_language[list(rows)]
        shared = ~np.isnan(both).any(0)
        return mean_of(np.where(shared, both, 0.0).sum(1), np.broadcast_to(shared.sum(0), (2, self.n_units)))

    def refusals_of_pair(self, rows: Sequence[int]) -> tuple[Counts, Counts]:
        """Return refused and known answers [2, item] of two rows, in the languages in which both are known."""
        if self.refused_by_language is None or self.told_by_language is None:
            return self.n_refused[list(rows)], self.n_told[list(rows)]
        refused, told = self.refused_by_language[list(rows)], self.told_by_language[list(rows)]
        shared = (told > 0).all(0)
        return np.where(shared, refused, 0).sum(1), np.where(shared, told, 0).sum(1)

    def in_languages(self) -> tuple[Floats, tuple[str, ...], tuple[str, ...]]:
        """Return values, dimensions and clusters with an item in each language for itself."""
        if self.by_language is None:
            return self.values, self.dimensions, self.clusters
        n_models, n_languages, n_units = self.by_language.shape
        return self.by_language.reshape(n_models, n_languages * n_units), self.dimensions * n_languages, self.clusters * n_languages

    def known_and_unknown(self) -> tuple[Floats, Floats]:
        """Return two arrays [model, unit]: if every missing score were m, a value would be the first + m * the second.

        Both are 0 where nothing was asked.
        """
        total = np.maximum(self.n_scored + self.n_unscored, 1)
        known: Floats = np.where(self.n_scored > 0, self.values, 0.0) * self.n_scored / total
        return known, self.n_unscored / total


def mean_of(total: Floats, count: Counts) -> Floats:
    """Return total / count; NaN where nothing is counted, never 0."""
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def packed(arrays: ScoreArrays) -> bytes:
    """Return ``arrays`` as they are kept."""
    names = sorted(set(arrays.dimensions))
    place = {name: index for index, name in enumerate(names)}
    words = {
        "version": _VERSION, "names": names, "clusters": arrays.clusters_of_items,
        "reasons": [[model, key, reason] for (model, key), reason in arrays.reasons.items()],
    }
    more: dict[str, Any] = dict(arrays.there(_PER_UNIT_MAYBE))
    for name, array in arrays.there(("n_scored", "n_unscored"), _PER_ITEM, _PER_ITEM_MAYBE):
        more[name] = array.astype(np.int32)
    out = io.BytesIO()
    np.savez(
        out, words=np.frombuffer(json.dumps(words).encode(), dtype=np.uint8), models=arrays.models, items=arrays.items,
        dimensions=np.array([place[key] for key in arrays.dimensions], dtype=np.int32), values=arrays.values,
        without_refusals=arrays.without_refusals, item_keys=arrays.item_keys,
        **more,
    )
    return zlib.compress(out.getvalue(), 1)


def unpacked(content: bytes) -> ScoreArrays | None:
    """Return what :func:`packed` kept; None where another version kept it."""
    with np.load(io.BytesIO(zlib.decompress(content)), allow_pickle=False) as found:
        words = json.loads(found["words"].tobytes())
        if words.get("version") != _VERSION:
            return None
        names = words["names"]
        return ScoreArrays(
            models=found["models"], items=found["items"],
            dimensions=tuple(names[code] for code in found["dimensions"].tolist()), values=found["values"],
            without_refusals=found["without_refusals"], item_keys=found["item_keys"],
            clusters_of_items=tuple(words["clusters"]),
            reasons={(model, key): reason for model, key, reason in words["reasons"]},
            **{name: found[name].astype(np.int64) for name in ("n_scored", "n_unscored", *_PER_ITEM)},
            **{name: found[name].astype(np.int64) for name in _PER_ITEM_MAYBE if name in found},
            **{name: found[name] for name in _PER_UNIT_MAYBE if name in found},
        )
