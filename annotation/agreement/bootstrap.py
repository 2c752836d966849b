"""Percentile bootstrap intervals of Krippendorff's alpha, by resampling units or clusters of units.

Alpha's parts are sums over units, so one resample is a row of multinomial weights times the parts
of each unit; units with the same counts are taken together first. Krippendorff's own algorithm
resamples pairs with D_e fixed and covers too little [1]_; here whole units are drawn, or whole
clusters where units of one cluster (e.g. passages of one incident) go together.

References
----------
.. [1] A. Zapf, S. Castell, L. Morawietz, A. Karch, "Measuring inter-rater reliability for nominal
   data - which coefficients and confidence intervals are appropriate?", BMC Medical Research
   Methodology 16:93, 2016.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotation.agreement.krippendorff import NO_PAIR, Level, squared_distances
from gvsir.exceptions import UndefinedStatisticError

UNITS = "percentile bootstrap of units"
CLUSTERS = "percentile bootstrap of clusters"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An interval with everything needed to make it again.

    ``undefined`` counts resamples whose alpha has no value (one category only); they are left out.
    """

    low: float
    high: float
    level: float
    method: str
    resamples: int
    seed: int
    undefined: int = 0

    def as_dict(self) -> dict[str, float | int | str]:
        """Return the fields, for JSON."""
        return asdict(self)


def alpha_interval(
    counts: ArrayLike,
    *,
    level: Level = "nominal",
    values: Sequence[float] | None = None,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Return a percentile bootstrap interval of alpha.

    Parameters
    ----------
    counts, level, values
        As in :func:`annotation.agreement.krippendorff.alpha`.
    clusters : sequence of length n_units, optional
        Which cluster each unit belongs to; clusters are then drawn whole.
    resamples : int
        How many; each draws as many units (clusters) as there are with two ratings or more.
    seed : int
        Of ``numpy.random.default_rng``.
    confidence : float
        0.95 gives the 2.5th and 97.5th percentile.

    Raises
    ------
    UndefinedStatisticError
        No unit has two ratings, there is only one unit (cluster) to draw from, or no resample has
        an alpha.
    """
    array = np.asarray(counts, dtype=np.float64)
    used = array.sum(axis=1) >= 2 if array.ndim == 2 else np.zeros(0, dtype=bool)
    if not used.any():
        raise UndefinedStatisticError(NO_PAIR)
    pairable = array[used]
    groups = None if clusters is None else [cluster for cluster, kept in zip(clusters, used, strict=True) if kept]
    parts, times = _parts(pairable, groups, per_pair=level == "ordinal", level=level, values=values)
    if times.sum() < 2:
        raise UndefinedStatisticError("There is only one unit to draw from, so an interval has no meaning.")
    rng = np.random.default_rng(seed)
    size = pairable.shape[1]
    alphas = np.concatenate([
        _alphas(rng.multinomial(int(times.sum()), times / times.sum(), size=batch) @ parts, size, level, values)
        for batch in _batches(resamples, width=parts.shape[0])
    ])
    defined = alphas[~np.isnan(alphas)]
    if defined.size == 0:
        raise UndefinedStatisticError("No resample has an alpha: all ratings in each are the same.")
    tail = (1 - confidence) / 2 * 100
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Interval(
        low=float(low), high=float(high), level=confidence, method=UNITS if clusters is None else CLUSTERS,
        resamples=resamples, seed=seed, undefined=int(alphas.size - defined.size),
    )


def _parts(
    pairable: NDArray[np.float64],
    groups: list[Hashable] | None,
    *,
    per_pair: bool,
    level: Level,
    values: Sequence[float] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each distinct unit (or each cluster) adds to the sums, and how often it occurs.

    A row is [counts..., observed disagreement], or with ``per_pair`` [counts..., coincidences...]
    since ordinal distances depend on the resample itself.
    """
    if groups is None:
        rows, repeats = np.unique(pairable, axis=0, return_counts=True)
        times = repeats.astype(np.float64)
    else:
        rows, times = pairable, np.ones(len(pairable))
    weight = 1 / (rows.sum(axis=1) - 1)
    size = rows.shape[1]
    if per_pair:
        pairs = rows[:, :, None] * rows[:, None, :]
        pairs[:, np.arange(size), np.arange(size)] -= rows
        observed = (pairs * weight[:, None, None]).reshape(len(rows), size * size)
    else:
        distances = squared_distances(level, values=values, totals=np.zeros(size))
        observed = (((rows @ distances) * rows).sum(axis=1) * weight)[:, None]
    parts = np.hstack([rows, observed])
    if groups is None:
        return parts, times
    order = {cluster: position for position, cluster in enumerate(dict.fromkeys(groups))}
    summed = np.zeros((len(order), parts.shape[1]))
    np.add.at(summed, [order[cluster] for cluster in groups], parts)
    return summed, np.ones(len(order))


def _alphas(
    sums: NDArray[np.float64], size: int, level: Level, values: Sequence[float] | None
) -> NDArray[np.float64]:
    """Return alpha of each row of sums; nan where it has none."""
    totals = sums[:, :size]
    n = totals.sum(axis=1)
    if level == "ordinal":
        middles = np.cumsum(totals, axis=1) - totals / 2
        distances = (middles[:, :, None] - middles[:, None, :]) ** 2
        observed = (sums[:, size:].reshape(-1, size, size) * distances).sum(axis=(1, 2))
        expected = np.einsum("rc,rck,rk->r", totals, distances, totals) / (n - 1)
    else:
        fixed = squared_distances(level, values=values, totals=np.zeros(size))
        observed = sums[:, size]
        expected = ((totals @ fixed) * totals).sum(axis=1) / (n - 1)
    ratios: NDArray[np.float64] = np.divide(observed, expected, out=np.full_like(observed, np.nan), where=expected > 0)
    return 1 - ratios


def _batches(resamples: int, *, width: int, most: int = 4_000_000) -> list[int]:
    """Split ``resamples`` so that a batch's weights stay under ``most`` numbers."""
    step = max(1, min(resamples, most // max(width, 1)))
    return [min(step, resamples - start) for start in range(0, resamples, step)]
