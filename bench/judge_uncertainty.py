"""How far a model's whole would move with another panel of judges: incidents and judges drawn together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bench.board import WithJudges
from bench.metrics.judge_bootstrap import crossed_bootstrap, median_of, trimmed_mean_of
from bench.models import Run, Score
from bench.score_units import ScoreArrays
from bench.scoring.panel import MEDIAN, PanelRule
from gvsir.exceptions import UndefinedStatisticError

SEED: Final = 0
RESAMPLES: Final = 1000

#: Categories that have scores -> the weight of each.
Weigh = Callable[[Sequence[str]], Mapping[str, float]]


def with_judges(run: Run, scores: ScoreArrays, *, system: str, n_judges: int, weigh: Weigh) -> list[WithJudges]:
    """Return, for each model of ``scores``, the interval of its whole over incidents and judges.

    Counted votes only: one that a headline leaves out, because the judge is of the model's own family, is none here
    either. One query, whatever the size of the run; none where fewer than two judges sit.
    """
    if n_judges < 2:
        reason = _("One judge rates this; how far judges differ cannot be seen.")
        return [WithJudges(n_judges=n_judges, reason=reason) for _model in scores.models]
    through = Score.judgements.through
    rows = np.array(
        list(
            through.objects.filter(
                score__run=run, score__dimension__system__key=system, score__value__isnull=False,
                judgement__value__isnull=False,
            ).order_by("score_id").values_list(
                "score__trial__language_model_id", "score__trial__release_item_id", "score_id", "judgement__judge_id",
                "judgement__value",
            )
        ),
        dtype=np.float64,
    ).reshape(-1, 5)
    headline = median_of if PanelRule.from_json(run.spec.get("panel")).headline == MEDIAN else trimmed_mean_of
    category = dict(zip(scores.items.tolist(), scores.dimensions, strict=True))
    cluster = dict(zip(scores.item_keys.tolist(), scores.cluster_codes.tolist(), strict=True))
    return [
        _of_model(rows[rows[:, 0] == model], category, cluster, weigh, headline) for model in scores.models.tolist()
    ]


def _of_model(
    rows: NDArray[np.float64], category: Mapping[int, str], cluster: Mapping[int, int], weigh: Weigh, headline: Any
) -> WithJudges:
    known = np.isin(rows[:, 1], np.array(list(category), dtype=np.float64))
    rows = rows[known]
    judges, seat = np.unique(rows[:, 3], return_inverse=True)
    if len(judges) < 2:
        return WithJudges(n_judges=len(judges), reason=_("The votes of fewer than two judges count for this model."))
    answers, first, answer = np.unique(rows[:, 2], return_index=True, return_inverse=True)
    votes = np.full((len(answers), len(judges)), np.nan)
    votes[answer, seat] = rows[:, 4]
    items, unit = np.unique(rows[first, 1].astype(np.int64), return_inverse=True)
    names = sorted({category[item] for item in items.tolist()})
    weights = weigh(names)
    clusters = np.array([cluster[item] for item in items.tolist()], dtype=np.intp)
    if len(np.unique(clusters)) < 2:
        return WithJudges(n_judges=len(judges), reason=_("All scores come from one incident; the spread between incidents is unknown."))
    place = {name: index for index, name in enumerate(names)}
    try:
        found = crossed_bootstrap(
            votes, unit, clusters, np.array([place[category[item]] for item in items.tolist()], dtype=np.intp),
            np.array([weights.get(name, 0.0) for name in names], dtype=np.float64), headline, seed=SEED,
            resamples=RESAMPLES,
        )
    except UndefinedStatisticError:
        return WithJudges(n_judges=len(judges), reason=_("No answer with counted votes is in a category that weighs more than 0."))
    return WithJudges(
        low=found.both[0], high=found.both[1], clusters_low=found.clusters[0], clusters_high=found.clusters[1],
        n_judges=found.n_judges, seed=found.seed, resamples=found.resamples,
    )
