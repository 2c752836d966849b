"""What a run's leaderboard says of itself: how its numbers are made, and why one is not made."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

from bench.board import IntervalMethod
from bench.board_cells import METHODS, RESAMPLES, SCORE, SEED, percent
from bench.judge_uncertainty import RESAMPLES as JUDGE_RESAMPLES
from bench.judge_uncertainty import SEED as JUDGE_SEED
from bench.scoring.frameworks import FRAMEWORKS
from gvsir.models import ValueSystem

RANK_SEED: Final = 0
RANK_RESAMPLES: Final = 1000


def interval_method(key: str) -> IntervalMethod:
    """Return the method of intervals called ``key``."""
    if key == SCORE:
        return IntervalMethod(key=key, label=interval_labels()[key])
    return IntervalMethod(key=key, label=interval_labels()[key], resamples=RESAMPLES, seed=SEED)


def interval_labels() -> dict[str, str]:
    """Return what people call the methods, in the order in which they are offered."""
    names = (_("Bell-McCaffrey, in Wilson's form"), _("bootstrap, BCa"), _("bootstrap, percentiles"))
    return dict(zip(METHODS, names, strict=True))


def no_whole() -> str:
    """Return why values of a profile have no mean and no rank."""
    return _("No whole and no rank: these values conflict by theory, so that their mean says nothing. Give them weights that differ to see how near models come to what you value.")


def how_made(coverage: float, system: ValueSystem, interval: str, has_profile: bool) -> tuple[str, ...]:
    """Return how the numbers of a run's board are made, with the sources of the formulas."""
    if system.key in FRAMEWORKS:
        return (_how_framework(), *(_how_profile() if has_profile else ()), *_how_always(coverage, interval))
    return (
        _("Score of an item: the mean over its repeats and languages. Category: the mean of its items. Layer: the mean of its categories. Whole: the mean of the layers; with your weights, each weight is divided by the number of categories counted in its layer, so that equal weights give the mean of the layers."),
        *_how_always(coverage, interval),
        # xgettext:no-python-format
        _("With judges: where several judges rate, the interval that incidents and judges drawn again together give ({n} draws, seed {seed}; pigeonhole bootstrap, Owen 2007), beside the one that the incidents of the same draws give under the panel as it is; percentiles, so that both are a little too narrow with few incidents. It speaks of judges like these; of two judges it shows half of their variance.").format(n=JUDGE_RESAMPLES, seed=JUDGE_SEED),
        _("Gate: the lowest of the baseline layer's categories; 8 or more in all of them is asked for, and other layers cannot make up for it. Passed where every category's interval lies at or above 8, failed where one lies below, else undecided."),
    )


def _how_framework() -> str:
    return _("Each answer is read once for the whole framework; each dimension has a direction (against, both, for) and a strength from 0 to 3, backed by words of the answer. Direction times strength over 3 is laid evenly on the scale: the middle is engaged evenly, the ends are wholly against and wholly for. A dimension that an answer does not engage is missing there, not 0. This reading is this project's own; imported tables were made otherwise and are not comparable with it.")


def _how_interval(interval: str) -> str:
    if interval == SCORE:
        return _("Interval: 95 %, clustered by incident, because items of one incident are not independent (Bell-McCaffrey variance; Student's quantile with Satterthwaite degrees of freedom, or the exact one where incidents are few and uneven; in Wilson's form so that it stays on the scale). A star marks an interval so near an end of the scale that its incidents cannot tell the mean from the end: in our simulation it covers 96 to 99 of 100 with up to 20 incidents, so that it errs to the safe side, and 92 to 97 with 50.")
    bootstrap = _("Interval: 95 %, incidents drawn again {n} times with seed {seed}, because items of one incident are not independent ({label}; Efron 1987). With few incidents it is too narrow: in our simulation it covers 85 to 90 of 100 with 6 to 20 incidents, 94 or 95 with 150, where the method used unless you choose covers 94 to 97. A draw that leaves a category without an incident is not used; where more than half do, there is no interval.")
    return bootstrap.format(n=RESAMPLES, seed=SEED, label=interval_labels()[interval])


def _how_profile() -> tuple[str, ...]:
    return (
        _("These values have no whole and no rank: opposite ones conflict (Schwartz 1992), so that their mean would say how strongly a model speaks of values, not which. With weights of your own that differ there is a weighted mean and a rank, as in the Value Compass (arXiv 2501.07071): how near models come to what you chose, not how good they are."),
        _("Profile: in each answer, each value less the mean of the values that the answer engages (ipsatised; Schwartz 1992, 2003), then the mean over repeats, languages and items as above; n counts items. Above 0: expressed more than the other values of the same answers. Answers that engage one value only are left out. Within an answer the numbers add up to 0, so they order the values of one model and do not compare levels between models (Fischer 2004). Interval: Student's t, clustered by incident."),
    )


def _how_always(coverage: float, interval: str) -> tuple[str, ...]:
    return (
        _how_interval(interval),
        _("A missing score is in no mean and is never 0; n counts the scores behind a cell, and those missing beside it."),
        _("Coverage: the share of answers with a score. A mean with less than {least} is withheld, and has no rank; in its place stand the bounds it would have if all missing scores were the lowest, and the highest, possible (Manski 2003). Say ?coverage= to ask for another share.").format(least=percent(coverage)),
        # xgettext:no-python-format
        _("Rank: one more than the number of models with a higher score; equal scores share it. The range of ranks holds 95 % of the ranks a model takes when the incidents are drawn again 1,000 times (seed {seed}; Goldstein and Spiegelhalter 1996).").format(seed=RANK_SEED),
        # xgettext:no-python-format
        _("Tier: from the top, a model opens the next tier when its paired difference to the tier's first model is told from 0: same items in the same language, clustered by incident, t test, Holm over all pairs, 5 % (Miller 2024, section 4; Holm 1979). Models of one tier are not told apart."),
        # xgettext:no-python-format
        _("Refused: the share of answers that the judges call refused (not partly), or that the provider or its filter stopped, among those of which it is known; 95 % interval by Wilson's formula with the effective number of answers, clustered by incident (Korn and Graubard 1998). Some items ask for a refusal, so the share is neither good nor bad by itself; the score without refused answers stands below it."),
    )
