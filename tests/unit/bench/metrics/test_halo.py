"""Halo: against numpy and scipy, and what must hold whatever the numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bench.metrics.halo import FEW_ANSWERS, FEW_CLUSTERS, NO_SPREAD, dimension_halo, excess_correlation
from bench.metrics.intervals import NOTHING_SCORED, ONE_CLUSTER, mean_interval


def made(seed=0, answers=60, dimensions=4, missing=0.1, halo=15.0):
    """Scores alone, and the same pulled by a common view of the answer; two answers an incident."""
    draw = np.random.default_rng(seed)
    alone = draw.normal(50, 15, (answers, dimensions))
    together = alone + draw.normal(0, halo, (answers, 1)) + draw.normal(0, 3, alone.shape)
    for each in (together, alone):
        each[draw.random(each.shape) < missing] = np.nan
    return together, alone, [f"incident {row // 2}" for row in range(answers)]


def plain(together, alone, least=10):
    """The definition, pair by pair, by numpy."""
    found = []
    for i, j in itertools.combinations(range(together.shape[1]), 2):
        has = ~np.isnan(np.stack([together[:, i], together[:, j], alone[:, i], alone[:, j]])).any(0)
        if has.sum() >= least:
            found.append([stats.pearsonr(each[has, i], each[has, j]).statistic for each in (together, alone)])
    return np.array(found)


@pytest.mark.parametrize("missing", [0.0, 0.15, 0.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_halo_is_the_mean_over_pairs_of_scipys_r_in_one_call_less_alone(seed, missing):
    together, alone, clusters = made(seed, missing=missing, answers=120)
    found = excess_correlation(together, alone, clusters)
    wanted = plain(together, alone)
    assert found.n_pairs == len(wanted)
    assert found.together == pytest.approx(wanted[:, 0].mean())
    assert found.alone == pytest.approx(wanted[:, 1].mean())
    assert found.halo == pytest.approx(wanted[:, 0].mean() - wanted[:, 1].mean())


def test_its_standard_error_and_interval_are_those_of_leaving_out_each_incident_by_hand():
    together, alone, clusters = made(3)
    found = excess_correlation(together, alone, clusters)
    names = np.array(clusters)
    left = []
    for name in sorted(set(clusters)):
        pairs = plain(together[names != name], alone[names != name], least=2)
        left.append(float((pairs[:, 0] - pairs[:, 1]).mean()))
    g = len(left)
    se = np.sqrt((g - 1) / g * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert found.se == pytest.approx(se)
    low, high = stats.t.interval(0.95, g - 1, loc=found.halo, scale=se)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.n_clusters == g


def test_a_common_view_of_the_answer_is_found_and_none_is_not():
    with_halo = excess_correlation(*made(1, answers=400))
    without = excess_correlation(*made(1, answers=400, halo=0.0))
    assert with_halo.low > 0.3
    assert without.low < 0 < without.high


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        base = rng.normal(size=(30, 1, 1)) * 0.7 + rng.normal(size=(30, 3, 1))
        alone = base + rng.normal(size=(30, 3, 4))  # r = 0.6; then one more common part
        together = alone + rng.normal(size=(30, 3, 1)) * 1.2
        truth = (1.49 + 1.44) / (2.49 + 1.44) - 1.49 / 2.49
        clusters = np.repeat(np.arange(30), 3)
        found = excess_correlation(together.reshape(90, 4), alone.reshape(90, 4), clusters)
        covered += found.low <= truth <= found.high
    assert 178 <= covered <= 199  # 190 expected, sd 3.1


def test_scale_order_and_the_place_of_dimensions_change_nothing_and_swapped_calls_turn_the_sign():
    together, alone, clusters = made(2)
    found = excess_correlation(together, alone, clusters)
    order = np.random.default_rng(0).permutation(len(clusters))
    for other in (
        excess_correlation(together / 50 - 1, alone / 50 - 1, clusters),
        excess_correlation(together[:, ::-1], alone[:, ::-1], clusters),
        excess_correlation(together[order], alone[order], np.array(clusters)[order]),
    ):
        assert (other.halo, other.se, other.n_pairs) == (
            pytest.approx(found.halo), pytest.approx(found.se), found.n_pairs
        )
    back = excess_correlation(alone, together, clusters)
    assert (back.halo, back.low) == (pytest.approx(-found.halo), pytest.approx(-found.high))


def test_a_pair_with_too_few_answers_or_a_score_that_never_varies_does_not_count():
    together, alone, clusters = made(4, missing=0.0)
    assert excess_correlation(together, alone, clusters).n_pairs == 6
    alone[:, 0] = 50.0
    assert excess_correlation(together, alone, clusters).n_pairs == 3
    together[9:, 1] = np.nan
    found = excess_correlation(together, alone, clusters)
    assert (found.n_pairs, found.n_answers) == (1, 60)
    few = excess_correlation(together[:9], alone[:9], clusters[:9])
    assert (few.together, few.alone, few.halo, few.low) == (None, None, None, None)
    assert few.reason == FEW_ANSWERS
    assert excess_correlation(together[:, :1], alone[:, :1], clusters).reason == FEW_ANSWERS
    assert excess_correlation(np.empty((0, 4)), np.empty((0, 4)), []).reason == FEW_ANSWERS


def test_an_interval_that_cannot_be_made_says_why_beside_the_value():
    together, alone, _clusters = made(5, missing=0.0)
    one = excess_correlation(together, alone, ["a"] * 60)
    assert one.halo is not None
    assert (one.low, one.interval_reason) == (None, FEW_CLUSTERS)
    alone[1:, 0] = 7.0  # only the first incident has another score
    first = excess_correlation(together, alone, range(60))
    assert (first.halo is None, first.low, first.interval_reason) == (False, None, FEW_CLUSTERS)
    same = excess_correlation(together, together, range(60))
    assert (same.halo, same.low, same.interval_reason) == (0.0, None, NO_SPREAD)


def test_the_difference_of_a_dimension_is_the_clustered_mean_of_all_less_alone_where_both_have_a_score():
    together, alone, clusters = made(6)
    known = np.where(np.isnan(together[:, 0]), np.nan, 1.0), np.where(np.isnan(alone[:, 0]), np.nan, 1.0)
    found = dimension_halo(together[:, 0], alone[:, 0], *known, clusters)
    both = ~np.isnan(together[:, 0]) & ~np.isnan(alone[:, 0])
    difference = (together - alone)[both, 0]
    assert found.n == found.difference.n == both.sum()
    assert found.difference.value == pytest.approx(difference.mean())
    wanted = mean_interval(difference, [each for each, here in zip(clusters, both, strict=True) if here])
    assert (found.difference.low, found.difference.high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    apart = dimension_halo(together[:, 0], alone[:, 0], *known, range(len(clusters)))
    by_scipy = stats.ttest_1samp(difference, 0).confidence_interval()
    assert (apart.difference.low, apart.difference.high) == (pytest.approx(by_scipy.low), pytest.approx(by_scipy.high))


def test_agreement_on_not_engaged_counts_readable_verdicts_only_and_is_no_difference_of_scores():
    nan = np.nan
    engaged_together = np.array([1, 1, 0, 0, nan, 1, 0])
    engaged_alone = np.array([1, 0, 0, 1, 1, nan, 0])
    scores = np.where(engaged_together == 1, 60.0, nan), np.where(engaged_alone == 1, 50.0, nan)
    found = dimension_halo(*scores, engaged_together, engaged_alone, list("abcdefg"))
    assert found.n == 5
    assert found.agreement.value == pytest.approx(3 / 5)
    assert (found.only_together, found.only_alone) == (1, 1)
    assert (found.difference.value, found.difference.n) == (10.0, 1)
    assert found.difference.undefined_reason == ONE_CLUSTER
    assert 0 <= found.agreement.low < 0.6 < found.agreement.high <= 1


def test_without_a_shared_answer_nothing_is_said():
    nothing = np.full(3, np.nan)
    found = dimension_halo(nothing, np.array([1.0, 2, 3]), nothing, np.ones(3), list("abc"))
    assert (found.n, found.difference.value, found.agreement.value) == (0, None, None)
    assert found.difference.undefined_reason == NOTHING_SCORED
