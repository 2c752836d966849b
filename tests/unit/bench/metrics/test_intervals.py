"""Means with clustered intervals: hand calculations, statsmodels and scipy, properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from bench.metrics.cluster_bootstrap import cluster_bootstrap
from bench.metrics.intervals import (
    NO_SPREAD,
    NOTHING_SCORED,
    ONE_CLUSTER,
    clustered_mean,
    mean_interval,
    missing_bounds,
    scored_clusters,
    wilson,
)
from bench.metrics.small_sample import cluster_variances, mean_spread, robust_spread
from gvsir.exceptions import UndefinedStatisticError

SCORES = [2.0, 4, 4, 9, 7, 8, 1, 5, 6, 10]
INCIDENTS = ["a", "a", "a", "b", "b", "c", "d", "d", "d", "d"]


def test_clustered_se_by_hand():
    # x = 1 0 | 1 | 1, mean 3/4; residual sums -1/2, 1/4, 1/4; sum of squares 3/8;
    # SE = sqrt(3/8 * 3/2) / 4 = 0.1875; t with 2 degrees at 97.5 % = 4.302653
    found = clustered_mean([1, 0, 1, 1, None], ["a", "a", "b", "c", "c"])
    assert found.value == 0.75
    assert found.se == pytest.approx(0.1875, abs=1e-15)
    assert found.low == pytest.approx(0.75 - 4.302653 * 0.1875, abs=1e-6)
    assert found.high == pytest.approx(0.75 + 4.302653 * 0.1875, abs=1e-6)
    assert (found.n, found.n_clusters, found.n_missing, found.coverage) == (4, 3, 1, 0.8)


def test_clustered_se_is_statsmodels_cluster_robust():
    codes = np.unique(INCIDENTS, return_inverse=True)[1]
    fit = sm.OLS(SCORES, np.ones(10)).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    found = clustered_mean(SCORES, INCIDENTS)
    assert found.se == pytest.approx(fit.bse[0], rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int()[0]), rel=1e-10)


def test_one_value_per_cluster_is_the_ordinary_t_interval():
    low, high = stats.t.interval(0.9, 9, np.mean(SCORES), stats.sem(SCORES))
    found = clustered_mean(SCORES, range(10), level=0.9)
    assert (found.low, found.high) == pytest.approx((low, high))
    robust = mean_interval(SCORES, range(10), level=0.9)
    assert (robust.low, robust.high) == pytest.approx((low, high))


def test_nothing_scored_is_none_and_not_zero():
    for function in (clustered_mean, mean_interval):
        found = function([None, math.nan], ["a", "b"])
        assert (found.value, found.se, found.low, found.high) == (None, None, None, None)
        assert (found.n, found.n_missing, found.undefined_reason) == (0, 2, NOTHING_SCORED)
    assert clustered_mean([], []).coverage is None


def test_one_cluster_has_a_mean_and_no_interval():
    for function in (clustered_mean, mean_interval):
        found = function([3, 5], ["a", "a"])
        assert (found.value, found.se, found.low, found.undefined_reason) == (4, None, None, ONE_CLUSTER)


def test_equal_cluster_means_have_no_interval_unless_the_scale_is_known():
    values, incidents = [0, 10, 0, 10], ["a", "a", "b", "b"]
    assert clustered_mean(values, incidents).undefined_reason == NO_SPREAD
    assert mean_interval(values, incidents).undefined_reason == NO_SPREAD
    bounded = mean_interval([10] * 8, range(8), bounds=(0, 10))
    # Wilson with 8 successes of 8 and t_7 = 2.364624: low = 1 / (1 + t^2 / 8)
    assert bounded.low == pytest.approx(10 / (1 + 2.364624**2 / 8), abs=1e-5)
    assert bounded.high == pytest.approx(10)


def test_missing_values_change_nothing_but_the_count():
    plain = mean_interval(SCORES, INCIDENTS, bounds=(0, 10))
    padded = mean_interval([*SCORES, None, None], [*INCIDENTS, "a", "z"], bounds=(0, 10))
    assert (plain.value, plain.low, plain.high) == (padded.value, padded.low, padded.high)
    assert (padded.n_missing, padded.n_clusters) == (2, 4)


def test_arrays_and_lists_agree():
    listed = clustered_mean(SCORES, INCIDENTS)
    assert clustered_mean(np.array(SCORES), np.array(INCIDENTS)) == listed


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 values but 1 clusters"):
        clustered_mean([1, 2], ["a"])


def reference_cr2(values, codes):
    """CR2 and Satterthwaite degrees by full matrices, Bell and McCaffrey 2002."""
    values, codes = np.asarray(values, float), np.asarray(codes)
    n, groups = len(values), codes.max() + 1
    design = np.ones((n, 1))
    bread = 1 / n
    hat = design @ design.T * bread
    residual = values - values.mean()
    within, between = cluster_variances(*scored_clusters(values, codes).sums())
    omega = np.eye(n) * within + (codes[:, None] == codes[None, :]) * between
    meat, vectors = 0.0, []
    for g in range(groups):
        rows = codes == g
        block = np.eye(rows.sum()) - hat[np.ix_(rows, rows)]
        eigen, basis = np.linalg.eigh(block)
        root = basis @ np.diag(eigen**-0.5) @ basis.T
        weights = root @ design[rows]
        meat += (weights.T @ residual[rows]).item() ** 2
        vectors.append((np.eye(n) - hat)[:, rows] @ weights * bread)
    vectors = np.hstack(vectors)
    gram = vectors.T @ omega @ vectors
    return math.sqrt(meat) * bread, np.trace(gram) ** 2 / (gram**2).sum()


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_closed_form_of_cr2_equals_the_matrices(seed):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(5), rng.integers(1, 7, 5))
    values = rng.normal(size=len(codes)) + rng.normal(size=5)[codes]
    se, df = reference_cr2(values, codes)
    _, spread = mean_spread(*scored_clusters(values, codes).sums())
    assert spread.se == pytest.approx(se, rel=1e-10)
    assert spread.df == pytest.approx(df, rel=1e-8)


def test_variance_components_are_those_of_the_balanced_anova():
    table = np.array([[1.0, 3, 2], [5, 9, 7], [2, 2, 8], [4, 4, 4]])
    within, between = cluster_variances(np.full(4, 3.0), table.sum(1), (table**2).sum(1))
    f_value = stats.f_oneway(*table).statistic
    mean_square = table.var(1, ddof=1).mean()
    assert within == pytest.approx(mean_square)
    assert between == pytest.approx((f_value * mean_square - mean_square) / 3)


def test_spread_of_a_single_cluster_is_undefined():
    spread = robust_spread(np.array([0.0, 0.0]), np.array([1.0, 0.0]), np.array([1.0, 0.0]))
    assert np.isnan(spread.se)
    assert np.isnan(spread.df)


@pytest.mark.parametrize(("successes", "n"), [(0, 8), (8, 8), (81, 263), (15, 148), (1, 29)])
def test_wilson_equals_statsmodels(successes, n):
    assert wilson(successes, n) == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_in_newcombe_1998_table_1(successes, n, low, high):
    found = wilson(successes, n)
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)


def test_wilson_of_nothing_is_refused():
    with pytest.raises(UndefinedStatisticError):
        wilson(0, 0)


def test_score_interval_with_one_item_per_incident_is_wilson_with_t():
    # 32 of 40: n_eff = p(1-p)/SE^2 = n - 1 = 39 because SE^2 carries n / (n - 1)
    found = mean_interval([1] * 32 + [0] * 8, range(40), bounds=(0, 1))
    t = stats.t.ppf(0.975, 39)
    p, k = 0.8, t * t / 39
    half = math.sqrt(k * p * (1 - p) + k * k / 4) / (1 + k)
    middle = (p + k / 2) / (1 + k)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))


def test_bca_and_percentile_equal_scipy_when_clusters_are_single_items():
    values = np.random.default_rng(5).exponential(size=60)
    for kind, name in (("bca", "BCa"), ("percentile", "percentile")):
        ours = cluster_bootstrap(
            values, np.ones(60), rng=np.random.default_rng(1), resamples=20_000, kind=kind
        )
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=20_000, method=name, rng=np.random.default_rng(2)
        ).confidence_interval
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.012)
    shifted = cluster_bootstrap(values, np.ones(60), rng=np.random.default_rng(1), kind="bca")
    plain = cluster_bootstrap(values, np.ones(60), rng=np.random.default_rng(1), kind="percentile")
    assert shifted.high > plain.high  # skewed to the right, BCa leans right


def test_bootstrap_repeats_under_its_stored_seed():
    first = mean_interval(SCORES, INCIDENTS, method="bca", seed=7)
    again = mean_interval(SCORES, INCIDENTS, method="bca", seed=7)
    other = mean_interval(SCORES, INCIDENTS, method="bca", seed=8)
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)
    assert (first.seed, first.resamples, first.method) == (7, 2000, "bca_cluster_bootstrap")


def test_bootstrap_needs_two_clusters():
    with pytest.raises(ValueError, match="two"):
        cluster_bootstrap(np.array([1.0]), np.array([1.0]), rng=np.random.default_rng(0))


def test_bounds_take_every_missing_score_for_the_worst_and_the_best():
    assert missing_bounds([8, None, 10, None], lowest=0, highest=10) == (4.5, 9.5)
    assert missing_bounds([None], lowest=0, highest=10) == (0, 10)
    assert missing_bounds([], lowest=0, highest=10) is None


scores = st.lists(st.floats(0, 10), min_size=4, max_size=30)


@given(scores, st.floats(-50, 50), st.floats(0.1, 20))
@settings(max_examples=50, deadline=None)
def test_interval_moves_and_stretches_with_the_scores(values, shift, factor):
    clusters = [i % 4 for i in range(len(values))]
    plain = mean_interval(values, clusters)
    moved = mean_interval([factor * v + shift for v in values], clusters)
    if plain.low is not None and moved.low is not None:
        assert moved.low == pytest.approx(factor * plain.low + shift, abs=1e-5 * factor)
        assert moved.se == pytest.approx(factor * plain.se, rel=1e-5, abs=1e-7)


@given(scores)
@example([2.2250738585072014e-313] * 4)
@settings(max_examples=50, deadline=None)
def test_bounded_interval_holds_the_mean_and_stays_inside(values):
    found = mean_interval(values, [i % 4 for i in range(len(values))], bounds=(0, 10))
    assert -1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 10 + 1e-9
