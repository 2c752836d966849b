"""Incidents and judges resampled together: limits, variance by formula, headlines as in the panel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.metrics.judge_bootstrap import crossed_bootstrap, median_of, trimmed_mean_of
from bench.scoring.panel import PanelRule, Vote, headline_of
from gvsir.exceptions import UndefinedStatisticError


def spread(votes, headline=median_of, **options):
    place = np.arange(len(votes))
    return crossed_bootstrap(
        np.asarray(votes, float), place, place, np.zeros(len(votes), int), np.ones(1), headline, **options
    )


@pytest.mark.parametrize(("rows", "rule"), [(median_of, "median"), (trimmed_mean_of, "trimmed_mean")])
def test_headlines_are_those_of_the_panel(rows, rule):
    rng = np.random.default_rng(4)
    votes = rng.integers(0, 11, (60, 7)).astype(float)
    votes[rng.random(votes.shape) < 0.3] = np.nan
    for row, found in zip(votes, rows(votes), strict=True):
        valid = [Vote(ref=i, value=float(v)) for i, v in enumerate(row) if not np.isnan(v)]
        expected = headline_of(valid, rule=PanelRule(headline=rule)).value
        assert (np.isnan(found) and expected is None) or found == pytest.approx(expected)


def test_judges_who_differ_by_a_constant_widen_the_interval_and_agreeing_ones_do_not():
    true = np.random.default_rng(1).normal(5, 1, 40)
    agreeing = spread(np.column_stack([true] * 3))
    differing = spread(np.column_stack([true - 2, true, true + 2]))
    assert agreeing.both == agreeing.clusters
    assert differing.se_both > 3 * differing.se_clusters
    assert differing.clusters[0] > differing.both[0]
    assert differing.both[1] > differing.clusters[1]


def test_variances_are_those_of_the_formula_for_means_of_crossed_factors():
    # Owen 2007, section 3, for an additive table: rows s^2_r (G-1)/G^2, columns s^2_c (J-1)/J^2, and rows alone
    # where judges stay; a trimmed mean of two votes is their mean
    rows = np.random.default_rng(2).normal(0, 2, 30)
    votes = rows[:, None] + np.array([-1.0, 1.0])[None, :]
    found = spread(votes, trimmed_mean_of, resamples=40_000)
    of_rows, of_judges = rows.var() / 30, np.array([-1.0, 1.0]).var() / 2
    assert found.se_clusters**2 == pytest.approx(of_rows, rel=0.03)
    assert found.se_both**2 == pytest.approx(of_rows + of_judges, rel=0.03)


def test_clusters_alone_are_scipys_percentile_bootstrap():
    values = np.random.default_rng(5).exponential(size=50)
    found = spread(np.column_stack([values, values]), resamples=20_000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1))
    assert found.clusters == pytest.approx(tuple(theirs.confidence_interval), abs=0.015)


def test_it_repeats_under_its_seed_and_not_under_another():
    votes = np.random.default_rng(3).normal(5, 2, (20, 3))
    assert spread(votes, seed=7) == spread(votes, seed=7)
    assert spread(votes, seed=7).both != spread(votes, seed=8).both


def test_categories_are_weighted_and_answers_of_an_item_averaged_first():
    votes = np.array([[2.0, 2], [4, 4], [9, 9], [1, 1]])
    unit = np.array([0, 0, 1, 2])  # item 0 has two answers: 3
    found = crossed_bootstrap(
        votes, unit, np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([1.0, 3.0]), median_of, resamples=50
    )
    assert found.value == pytest.approx((1 * (3 + 9) / 2 + 3 * 1) / 4)
    assert (found.n_judges, found.n_clusters) == (2, 2)


@pytest.mark.parametrize("votes", [[[1.0], [2.0]], [[1.0, 2.0]], [[np.nan, np.nan], [np.nan, np.nan]]])
def test_one_judge_one_cluster_or_no_vote_is_refused(votes):
    with pytest.raises(UndefinedStatisticError, match=r"Two judges|No answer"):
        spread(votes)


def test_headlines_only_where_nothing_weighs_are_refused_too():
    place = np.arange(4)
    with pytest.raises(UndefinedStatisticError, match="weighs more than 0"):
        crossed_bootstrap(np.ones((4, 2)), place, place, np.array([0, 0, 1, 1]), np.zeros(2), median_of)
