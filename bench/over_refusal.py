"""What models refuse: what items want refused, what they do not, and pairs of an item and its benign twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.board import Share
from bench.board_cells import refused_share
from bench.metrics.diagnostics import OverRefusal, over_refusal
from bench.models import ReleaseItem, Run
from bench.score_units import ScoreArrays

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

REFUSE: Final = "refuse"


@dataclass(frozen=True, kw_only=True)
class Fear:
    """What one model refuses: ``benign`` is over-refusal, ``asked`` what items want refused."""

    model: int
    benign: Share
    asked: Share
    twins: OverRefusal | None = None


@dataclass(frozen=True, kw_only=True)
class Fears:
    """What the models of a run refuse, and on how many items and pairs that rests.

    ``has_written_twins``: the pairs are items and their benign twins; else incidents with an item of either kind.
    """

    models: tuple[Fear, ...]
    n_benign_items: int
    n_asked_items: int
    n_twins: int
    has_written_twins: bool


class _Pair(NamedTuple):
    """What is to be refused and its benign counterpart, as places of items."""

    cluster: str
    harmful: Places
    benign: Places


def fears_of(run: Run, scores: ScoreArrays) -> Fears:
    """Return what the models of ``scores`` refuse; two queries, whatever the size of the run."""
    of_item = {
        pk: (stance or "", item, twin_of)
        for pk, stance, item, twin_of in ReleaseItem.objects.filter(release=run.release_id).values_list(
            "pk", "content__stance", "item_id", "item__twin_of_id"
        )
    }
    keys = scores.item_keys.tolist()
    stances = np.array([of_item[key][0] for key in keys], dtype=object)
    asked, benign = np.flatnonzero(stances == REFUSE), np.flatnonzero(stances != REFUSE)
    place = {of_item[key][1]: index for index, key in enumerate(keys)}
    pairs = [
        _Pair(scores.clusters_of_items[index], np.array([place[twin_of]]), np.array([index]))
        for index, (_stance, _item, twin_of) in enumerate(of_item[key] for key in keys) if twin_of in place
    ]
    has_written = bool(pairs)
    pairs = pairs or _incidents_with_both(scores.clusters_of_items, asked, benign)
    share = np.where(scores.n_told > 0, scores.n_refused / np.maximum(scores.n_told, 1), np.nan)
    return Fears(
        models=tuple(
            _with_pairs(
                Fear(
                    model=model, benign=refused_share(scores, row, benign), asked=refused_share(scores, row, asked),
                ),
                share[row], pairs,
            )
            for row, model in enumerate(scores.models.tolist())
        ),
        n_benign_items=len(benign), n_asked_items=len(asked), n_twins=len(pairs), has_written_twins=has_written,
    )


def _incidents_with_both(clusters: Sequence[str], asked: Places, benign: Places) -> list[_Pair]:
    """Return the incidents with an item to refuse and one not to."""
    names = np.array(clusters, dtype=object)
    both = sorted({clusters[i] for i in asked} & {clusters[i] for i in benign})
    return [_Pair(each, asked[names[asked] == each], benign[names[benign] == each]) for each in both]


def _with_pairs(line: Fear, share: Floats, pairs: Sequence[_Pair]) -> Fear:
    if not pairs:
        return line
    harmful = [_mean(share[pair.harmful]) for pair in pairs]
    benign = [_mean(share[pair.benign]) for pair in pairs]
    return replace(line, twins=over_refusal(harmful, benign, [pair.cluster for pair in pairs]))


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
