"""Bootstrap intervals of a whole table: the same as cell by cell, as scipy's, and none where there can be none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.metrics.bootstrap_table import bootstrap_categories, bootstrap_weighted
from bench.metrics.cluster_bootstrap import cluster_bootstrap


@pytest.fixture
def table():
    """Three models, two categories of 9 and 14 incidents with one to four items each."""
    rng = np.random.default_rng(7)
    incidents = np.repeat(np.arange(23), rng.integers(1, 5, 23))
    category = np.where(incidents < 9, "a", "b")
    scores = np.clip(5 + rng.normal(0, 2, (3, 1)) + rng.normal(0, 1.5, 23)[incidents] + rng.normal(0, 1, (3, len(incidents))), 0, 10)
    return scores, category, incidents


@pytest.mark.parametrize("kind", ["bca", "percentile"])
def test_a_cell_has_the_interval_of_its_own_clusters_alone(table, kind):
    scores, category, incidents = table
    found = bootstrap_categories(scores, category, incidents, ["a", "b"], kind=kind, resamples=40_000)
    for column, name in enumerate("ab"):
        ours = category == name
        codes = incidents[ours] - incidents[ours].min()
        count = np.bincount(codes).astype(float)
        for model in range(3):
            total = np.bincount(codes, weights=scores[model, ours])
            alone = cluster_bootstrap(total, count, rng=np.random.default_rng(3), resamples=40_000, kind=kind)
            cell = (found.low[model, column], found.high[model, column], found.se[model, column])
            assert cell == pytest.approx(alone, abs=0.04)


def test_the_bca_interval_is_scipys_for_one_category_of_single_items():
    values = np.random.default_rng(2).gamma(2.0, 1.5, 30)
    found = bootstrap_weighted(values[None], ["a"] * 30, range(30), {"a": 1.0}, resamples=40_000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(0))
    assert (found.low[0, 0], found.high[0, 0]) == pytest.approx(tuple(theirs.confidence_interval), abs=0.04)
    assert found.se[0, 0] == pytest.approx(theirs.standard_error, abs=0.01)


def test_a_weighted_mean_moves_an_incident_of_two_categories_together(table):
    """With every incident in both categories and the same scores, the whole is the category."""
    scores, _category, incidents = table
    one = bootstrap_weighted(scores, ["a"] * len(incidents), incidents, {"a": 1})
    both = bootstrap_weighted(
        np.hstack([scores, scores]), ["a"] * len(incidents) + ["b"] * len(incidents), np.tile(incidents, 2),
        {"a": 1, "b": 3},
    )
    assert both.low == pytest.approx(one.low)
    assert both.high == pytest.approx(one.high)


def test_the_same_seed_repeats_the_interval_and_another_does_not(table):
    first, again, other = (
        bootstrap_weighted(*table, {"a": 1, "b": 1}, seed=seed, resamples=500).low for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_there_is_no_interval_with_one_incident_no_spread_or_too_many_empty_draws():
    scores = np.array([[3.0, 5, 4, 8], [4, 4, 4, 4]])
    lone = bootstrap_weighted(scores, list("aaab"), range(4), {"a": 1, "b": 1})
    assert np.isnan(lone.low).all()
    flat = bootstrap_categories(scores, list("aaaa"), range(4), ["a"])
    assert np.isnan(flat.low[:, 0]).tolist() == [False, True]
    # Eight categories of two incidents: nine of ten draws leave one of them out.
    many = bootstrap_weighted(
        np.arange(16.0)[None], [str(n // 2) for n in range(16)], range(16), {str(n): 1 for n in range(8)}
    )
    assert np.isnan(many.high).all()


def test_missing_scores_are_left_out_model_by_model():
    scores = np.array([[3.0, 5, 4, 8], [3, 5, 4, np.nan]])
    found = bootstrap_weighted(scores, list("aaaa"), range(4), {"a": 1}, kind="percentile", resamples=4000)
    assert found.high[0, 0] > 6
    assert found.high[1, 0] <= 5
