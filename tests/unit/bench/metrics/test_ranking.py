"""Ranks, rank intervals, tiers, and aggregates over dimensions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.metrics.aggregation import power_mean, weight_sensitivity, weighted_mean, weighted_sum
from bench.metrics.comparison import compare
from bench.metrics.multiplicity import holm
from bench.metrics.ranking import rank_intervals, tiers
from bench.metrics.ranks import ranks


def rng():
    return np.random.default_rng(0)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_ranks_equal_scipy_competition_ranks(scores):
    assert ranks(scores).tolist() == stats.rankdata(-np.array(scores), method="min").astype(int).tolist()


def test_missing_scores_have_no_place_and_rounding_breaks_no_tie():
    assert ranks([0.1 + 0.2, 0.3, None, 0.2]).tolist() == [1, 1, 0, 3]
    assert ranks([None, None]).tolist() == [0, 0]


def test_every_row_is_ranked_alone():
    assert ranks([[3, 2, 1], [1, 2, 3]]).tolist() == [[1, 2, 3], [3, 2, 1]]


def models(gaps, items=120, noise=1.0, seed=1):
    draw = np.random.default_rng(seed)
    clusters = np.arange(items) // 3
    shared = draw.normal(size=items) * 2
    return shared + np.array(gaps)[:, None] + draw.normal(size=(len(gaps), items)) * noise, clusters


def test_rank_intervals_hold_the_rank_and_separate_clear_models():
    scores, clusters = models([3, 0, 0, -3])
    scores[2] = scores[1] + np.cos(np.arange(120))  # the same but for noise
    found = rank_intervals(scores, clusters, rng=rng())
    assert (found.best <= found.rank).all()
    assert (found.rank <= found.worst).all()
    assert (found.best[0], found.worst[0], found.first_share[0]) == (1, 1, 1.0)
    assert (found.best[3], found.worst[3]) == (4, 4)
    assert found.best[[1, 2]].tolist() == [2, 2]
    assert found.worst[[1, 2]].tolist() == [3, 3]


def test_rank_intervals_repeat_under_a_seed_and_follow_the_bootstrap_by_hand():
    scores, clusters = models([0.2, 0.1, 0], items=30)
    found = rank_intervals(scores, clusters, rng=np.random.default_rng(5), resamples=4000)
    again = rank_intervals(scores, clusters, rng=np.random.default_rng(5), resamples=4000)
    assert found.first_share.tolist() == again.first_share.tolist()
    draw = np.random.default_rng(9)
    first = np.zeros(3)
    for _ in range(4000):
        items = np.concatenate([np.flatnonzero(clusters == c) for c in draw.integers(0, 10, 10)])
        first[scores[:, items].mean(1).argmax()] += 1 / 4000
    assert found.first_share == pytest.approx(first, abs=0.03)


def test_a_model_without_scores_has_no_rank():
    scores, clusters = models([1, 0])
    scores[1] = np.nan
    found = rank_intervals(scores, clusters, rng=rng())
    assert (found.rank[1], found.best[1], found.worst[1]) == (0, 0, 0)
    assert tiers(scores, clusters, rng=rng()).tier.tolist() == [1, 0]


def test_item_weights_make_the_mean_of_category_means():
    scores = np.array([[10.0, 0, 0, 0], [0.0, 5, 5, 5]])
    clusters = [1, 2, 3, 4]
    assert rank_intervals(scores, clusters, rng=rng()).rank.tolist() == [2, 1]
    names = ["a", "b", "b", "b"]
    assert rank_intervals(scores, clusters, rng=rng(), category=names).rank.tolist() == [1, 2]


def test_tiers_join_what_is_not_resolved_and_part_what_is():
    scores, clusters = models([3, 2.98, 0.01, 0, -3])
    assert tiers(scores, clusters, rng=rng()).tier.tolist() == [1, 1, 2, 2, 3]


def test_tier_p_values_are_the_pairwise_tests_after_holm():
    scores, _ = models([0.5, 0.2, 0], items=36)
    clusters = np.arange(36) // 3
    scores[0, :5] = np.nan
    found = tiers(scores, clusters, rng=rng())
    pairs = [(0, 1), (0, 2), (1, 2)]
    single = [compare(scores[a], scores[b], clusters, rng=rng()) for a, b in pairs]
    adjusted = holm([one.test.p_value for one in single])
    for (a, b), one, p in zip(pairs, single, adjusted, strict=True):
        assert found.p_value[a, b] == found.p_value[b, a] == pytest.approx(p)
        assert found.difference[a, b] == pytest.approx(one.difference.value)
        assert found.n_shared[a, b] == one.n_shared


def test_tiers_with_many_clusters_come_near_the_single_tests():
    scores, clusters = models([0.3, 0])
    found = tiers(scores, clusters, rng=rng(), patterns=20_000)
    one = compare(scores[0], scores[1], clusters, rng=np.random.default_rng(3), patterns=20_000)
    assert found.p_value[0, 1] == pytest.approx(one.test.p_value, abs=0.01)


def test_models_that_share_no_item_are_not_told_apart():
    scores = np.array([[9.0, 9, np.nan, np.nan], [np.nan, np.nan, 1, 1]])
    found = tiers(scores, [1, 2, 3, 4], rng=rng())
    assert found.tier.tolist() == [1, 1]
    assert np.isnan(found.p_value[0, 1])


def test_weighted_mean_counts_a_zero_and_skips_a_missing_score():
    found = weighted_mean([[0.0, 1.0], [None, 1.0], [None, None]], [1, 1])
    assert found.value[:2].tolist() == [0.5, 1.0]
    assert np.isnan(found.value[2])
    assert found.n_dimensions.tolist() == [2, 1, 0]


def test_weighted_mean_equals_numpy_average_for_positive_weights():
    scores, weights = np.random.default_rng(1).random((5, 4)), [1, 2, 0, 5]
    assert weighted_mean(scores, weights).value == pytest.approx(np.average(scores, axis=1, weights=weights))


def test_binary_weights_are_the_mean_over_the_chosen():
    assert weighted_mean([[0.2, 0.9, 0.4]], [1, 0, 1]).value[0] == pytest.approx(0.3)


def test_paper_mode_sums_and_refuses_a_missing_dimension():
    found = weighted_sum([[1.0, 0.5, None], [1.0, None, 2.0]], [2, 4, 0])
    assert found.value[0] == 4
    assert np.isnan(found.value[1])


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6))
@settings(max_examples=40, deadline=None)
def test_power_means_equal_scipy_and_are_ordered(scores):
    weights = np.arange(1, len(scores) + 1)
    values = [
        power_mean([scores], weights, exponent=p).value[0] for p in (-np.inf, -2, 0, 1, 3, np.inf)
    ]
    assert values[0] == pytest.approx(min(scores))
    assert values[1] == pytest.approx(stats.pmean(scores, -2, weights=weights))
    assert values[2] == pytest.approx(stats.gmean(scores, weights=weights))
    assert values[5] == pytest.approx(max(scores))
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(values))


def test_power_mean_of_a_zero_hides_nothing():
    assert power_mean([[0.0, 1.0]], [1, 1], exponent=-1).value[0] == 0
    assert power_mean([[None, 0.25]], [1, 1], exponent=-1).value[0] == 0.25
    with pytest.raises(ValueError, match="0 or more"):
        power_mean([[-0.1, 1.0]], [1, 1], exponent=1)
    with pytest.raises(ValueError, match="0 or more"):
        power_mean([[0.1, 1.0]], [1, -1], exponent=1)


def test_weights_of_the_wrong_length_are_refused():
    with pytest.raises(ValueError, match="one weight per dimension"):
        weighted_mean([[1.0, 2.0]], [1])


def test_dirichlet_sensitivity_of_two_dimensions_is_the_uniform_share():
    # A leads where 0.9 w + 0.1 (1 - w) > 0.4, that is w > 3/8: share 5/8
    best, worst, first = weight_sensitivity([[0.9, 0.1], [0.4, 0.4]], rng=rng(), draws=8000)
    assert first[0] == pytest.approx(5 / 8, abs=0.02)
    assert best.tolist() == [1, 1]
    assert worst.tolist() == [2, 2]
