"""Time the statistics at the sizes the project promises: ``python -m tests.benchmarks.statistics_speed``.

Each line: what, median of the runs in milliseconds, the promised limit, and what came out.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from scipy.special import expit

from bench.irt.ability import ability_scores
from bench.irt.rasch import fit_rasch
from bench.irt.two_parameter import fit_two_parameter
from bench.metrics.category_table import category_table, weighted_table
from bench.metrics.intervals import mean_interval
from bench.metrics.item_analysis import item_table
from bench.metrics.ranking import rank_intervals, tiers

MODELS, ITEMS, DIMENSIONS, INCIDENTS = 50, 2000, 10, 400


def timed(call, runs):
    """Return the median milliseconds of a call, and its last result."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        result = call()
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken), result


def line(name, milliseconds, limit, note=""):
    """Print one row and whether it keeps its limit."""
    promise = f"{limit:>8.0f}" if limit else f"{'':>8}"
    verdict = "" if not limit else ("kept" if milliseconds < limit else "BROKEN")
    print(f"{name:<58}{milliseconds:>10.1f}{promise}  {verdict:<7}{note}")


def main():
    """Print every timing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 11, (MODELS, ITEMS, DIMENSIONS)).astype(float)
    scores += np.linspace(0, 1, MODELS)[:, None, None]
    scores[rng.random(scores.shape) < 0.02] = np.nan
    incident, names = rng.integers(0, INCIDENTS, ITEMS), [f"d{d}" for d in range(DIMENSIONS)]
    print(f"{'what':<58}{'ms':>10}{'limit':>8}")

    def board():
        cells = category_table(scores, names, incident, bounds=(0, 12))
        return cells, weighted_table(scores, names, incident, bounds=(0, 12))

    took, (cells, _) = timed(board, runs)
    line("leaderboard of 1,000,000 scores with intervals, cold", took, 1000, f"{cells.value.size} cells")
    overall = np.nanmean(scores, axis=2)
    took, found = timed(lambda: rank_intervals(overall, incident, rng=np.random.default_rng(1)), runs)
    line("rank intervals, 2,000 draws of 400 incidents", took, 0, f"widest {(found.worst - found.best).max()}")
    took, made = timed(lambda: tiers(overall, incident, rng=np.random.default_rng(1)), runs)
    line("tiers, 1,225 pairs, 49,000 sign patterns", took, 0, f"{made.tier.max()} tiers")
    took, table = timed(lambda: item_table(overall, bounds=(0, 12)), runs)
    line("item table, 50 x 2,000", took, 0, f"{table.tells_nothing.sum()} tell nothing")
    took, one = timed(lambda: mean_interval(overall[0], incident, method="bca"), runs)
    line("one mean, BCa over 400 incidents, 2,000 draws", took, 0, f"se {one.se:.3f}")

    ability, b = rng.normal(size=MODELS), rng.normal(size=1000)
    c = np.exp(0.3 * rng.normal(size=1000))
    answers = (rng.random((MODELS, 1000)) < expit(c * (ability[:, None] - b))).astype(float)
    holed = np.where(rng.random(answers.shape) < 0.1, np.nan, answers)
    for name, fitted, data, limit in (
        ("2PL marginal, 50 x 1,000", fit_two_parameter, answers, 2000),
        ("2PL marginal, 50 x 1,000, 10 % missing", fit_two_parameter, holed, 2000),
        ("1PL marginal, 50 x 1,000", fit_rasch, answers, 2000),
    ):
        took, fit = timed(lambda fitted=fitted, data=data: fitted(data), runs)
        note = f"r(b) {np.corrcoef(fit.difficulty, b)[0, 1]:.3f}, r(a) {np.corrcoef(fit.ability, ability)[0, 1]:.3f}"
        line(name, took, limit, note)
    took, joint = timed(lambda: fit_two_parameter(answers, method="joint"), runs)
    line("2PL joint, 50 x 1,000", took, 2000, f"r(b) {np.corrcoef(joint.difficulty, b)[0, 1]:.3f}")
    fit = fit_two_parameter(answers)
    took, _ = timed(lambda: ability_scores(answers, fit, rng=np.random.default_rng(1)), runs)
    line("abilities with 500 bootstrap draws", took, 0)


if __name__ == "__main__":
    main()
