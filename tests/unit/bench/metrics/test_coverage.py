"""95 % intervals hold the truth 93 to 97 times in 100: few and many clusters, unequal sizes."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics.category_table import category_table
from bench.metrics.small_sample import mean_spread, score_interval, t_interval
from tests.benchmarks.coverage_simulation import draw_clusters

REPLICATIONS = 1500


def covered(kind, sizes, groups, *, bounds=None, seed=1):
    """Share of simulated intervals that hold the true mean, and of those marked as one-sided."""
    count, total, square, truth = draw_clusters(
        np.random.default_rng(seed), kind=kind, sizes=sizes, groups=groups, replications=REPLICATIONS
    )
    mean, spread = mean_spread(count, total, square)
    one_sided = np.zeros(len(mean))
    if bounds is None:
        low, high = t_interval(mean, spread, 0.95)
    else:
        low, high, one_sided = score_interval(mean, spread, np.full(len(mean), float(groups)), bounds, 0.95)
    return np.mean((low <= truth + 1e-12) & (truth - 1e-12 <= high)), one_sided.mean()


@pytest.mark.parametrize("groups", [8, 15, 30, 60, 200])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_means_of_unequal_clusters(groups, correlation):
    assert 0.93 <= covered(f"normal {correlation}", "unequal", groups)[0] <= 0.97


@pytest.mark.parametrize("groups", [10, 20, 60, 200])
def test_skewed_scores_from_0_to_10(groups):
    assert 0.93 <= covered("scores", "unequal", groups, bounds=(0, 10))[0] <= 0.97


@pytest.mark.parametrize("groups", [20, 50, 100])
@pytest.mark.parametrize("kind", ["share 0.5", "share 0.8"])
def test_shares(kind, groups):
    assert 0.93 <= covered(kind, "unequal", groups, bounds=(0, 1))[0] <= 0.97


@pytest.mark.parametrize(("kind", "groups"), [("normal 0.0", 6), ("normal 0.5", 10), ("normal 0.9", 20), ("normal 0.5", 50)])
def test_means_when_a_tenth_of_the_clusters_holds_most_values(kind, groups):
    assert 0.93 <= covered(kind, "heavy", groups)[0] <= 0.97


@pytest.mark.parametrize("groups", [6, 10, 20, 50])
def test_skewed_scores_when_a_tenth_of_the_clusters_holds_most_values(groups):
    assert 0.93 <= covered("scores", "heavy", groups, bounds=(0, 10))[0] <= 0.97


@pytest.mark.parametrize(("sizes", "groups"), [("equal", 50), ("equal", 150), ("unequal", 50), ("unequal", 150)])
def test_shares_near_the_end_of_the_scale(sizes, groups):
    assert 0.93 <= covered("share 0.95", sizes, groups, bounds=(0, 1))[0] <= 0.97


@pytest.mark.parametrize(("sizes", "groups"), [("equal", 6), ("unequal", 10), ("heavy", 20)])
def test_where_no_sample_can_miss_on_one_side_intervals_err_to_the_safe_side_and_say_so(sizes, groups):
    share, marked = covered("share 0.95", sizes, groups, bounds=(0, 1))
    assert 0.965 <= share < 1
    assert marked > 0.95
    assert covered("share 0.5", "equal", 50, bounds=(0, 1))[1] == 0


def test_leaderboard_cells_cover_too():
    draw = np.random.default_rng(3)
    cluster = np.repeat(np.arange(25), draw.integers(1, 12, 25))
    hard = draw.normal(size=(2000, 25))
    scores = hard[:, cluster] + draw.normal(size=(2000, len(cluster)))
    table = category_table(scores, ["all"] * len(cluster), cluster)
    assert 0.93 <= np.mean((table.low <= 0) & (table.high >= 0)) <= 0.97
