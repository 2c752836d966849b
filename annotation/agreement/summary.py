"""A statistic with all that travels with it: interval, counts, categories, and why it is undefined."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.agreement.bootstrap import Interval, alpha_interval
from annotation.agreement.krippendorff import alpha
from annotation.agreement.reliability_data import ReliabilityData
from gvsir.exceptions import UndefinedStatisticError


@dataclass(frozen=True, kw_only=True)
class AlphaSummary:
    """Nominal alpha of one set of ratings.

    ``value`` is None exactly when ``undefined_reason`` is text. ``raw_agreement`` is the share of
    pairs of ratings of one unit that are the same, None where there is no pair.
    """

    value: float | None
    undefined_reason: str
    interval: Interval | None
    n_units: int
    n_units_used: int
    n_coders: int
    categories: tuple[Hashable, ...]
    raw_agreement: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the shape that commands and API promise."""
        return {
            "statistic": "krippendorff_alpha",
            "value": self.value,
            "undefined_reason": self.undefined_reason or None,
            "interval": self.interval.as_dict() if self.interval else None,
            "n_units": self.n_units,
            "n_units_used": self.n_units_used,
            "n_coders": self.n_coders,
            "categories": list(self.categories),
            "raw_agreement": self.raw_agreement,
        }


def summarise(
    data: ReliabilityData,
    *,
    resamples: int = 1000,
    seed: int = 0,
    clusters: Sequence[Hashable] | None = None,
) -> AlphaSummary:
    """Return nominal alpha of ``data`` with its interval (none where there is too little to draw from)."""
    counts = data.counts()
    ratings = counts.sum(axis=1)
    value, reason, interval = None, "", None
    try:
        value = alpha(counts)
        interval = alpha_interval(counts, resamples=resamples, seed=seed, clusters=clusters)
    except UndefinedStatisticError as error:
        reason = "" if value is not None else str(error)
    pairs = float((ratings * (ratings - 1)).sum())
    same = float((counts * (counts - 1)).sum())
    return AlphaSummary(
        value=value,
        undefined_reason=reason,
        interval=interval,
        n_units=len(data.units),
        n_units_used=int(np.count_nonzero(ratings >= 2)),
        n_coders=len(data.coders),
        categories=data.categories,
        raw_agreement=same / pairs if pairs else None,
    )
