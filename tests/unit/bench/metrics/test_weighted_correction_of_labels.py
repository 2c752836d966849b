from __future__ import annotations

import math

import numpy as np
import pytest

from bench.metrics.intervals import clustered_mean
from bench.metrics.weighted_correction import (
    corrected_part,
    corrected_whole,
    effective_count,
    weighted_prediction_powered_mean,
)
from gvsir.exceptions import UndefinedStatisticError


def test_by_hand():
    """Two labelled of four: own mean 6, residuals -2 (stands for 3) and 0 (for 1): 6 - 1.5.

    Influence: f - 6 over 4: -.5, 0, .25, .25; labelled add .75 * (-2 + 1.5) and .25 * (0 + 1.5):
    sums -.875, .375, .25, .25, squares .765625 + .140625 + .0625 + .0625 = 1.03125, times 2 / 1.
    """
    found = weighted_prediction_powered_mean([4, 6, 7, 7], [2, 6, None, None], [3, 1, None, None], "abcd")
    assert found.value == pytest.approx(4.5)
    assert found.uncorrected == 6
    assert found.correction == pytest.approx(-1.5)
    assert found.se == pytest.approx(math.sqrt(2.0625))
    assert found.high - found.value == pytest.approx(12.7062 * math.sqrt(2.0625), rel=1e-4)
    assert (found.n_labelled, found.n_judged) == (2, 4)


def test_with_every_response_labelled_it_is_the_peoples_mean_and_its_clustered_error():
    rng = np.random.default_rng(3)
    judge, human = rng.uniform(0, 10, 40), rng.uniform(0, 10, 40)
    clusters = [f"i{n // 3}" for n in range(40)]
    found = weighted_prediction_powered_mean(judge, human, np.ones(40), clusters)
    own = clustered_mean(human, clusters)
    assert found.value == pytest.approx(own.value)
    assert (found.se, found.low, found.high) == pytest.approx((own.se, own.low, own.high))


def test_a_response_without_a_verdict_counts_nowhere():
    judge, human, weights = [5, 7, None, 6, 6], [4, 6, 0, None, None], [1, 1, 9, None, None]
    found = weighted_prediction_powered_mean(judge, human, weights, "abcde")
    assert (found.value, found.n_labelled, found.n_judged) == (5.0, 2, 4)


@pytest.mark.parametrize(
    ("human", "clusters", "reason"),
    [([5, None, None], "abc", "Two labelled"), ([5, 6, None], "aab", "one incident")],
)
def test_too_little_is_undefined_with_its_reason(human, clusters, reason):
    with pytest.raises(UndefinedStatisticError, match=reason):
        weighted_prediction_powered_mean([5, 6, 7], human, [1, 1, 1], clusters)


def test_it_covers_the_truth_when_strata_are_drawn_unequally_where_the_unweighted_mean_does_not():
    """A judge 3 too high on the rare low third: labels equal in number per stratum, strata unequal in size."""
    rng = np.random.default_rng(11)
    covered = biased = 0
    for _ in range(300):
        is_low = rng.random(400) < 0.15
        truth = np.where(is_low, 2.0, 7.0) + rng.normal(0, 1, 400)
        judge = truth + np.where(is_low, 3.0, 0.0) + rng.normal(0, 0.5, 400)
        human, weights = np.full(400, np.nan), np.full(400, np.nan)
        for stratum in (np.flatnonzero(is_low), np.flatnonzero(~is_low)):
            drawn = rng.choice(stratum, 25, replace=False)
            human[drawn], weights[drawn] = truth[drawn], len(stratum) / 25
        found = weighted_prediction_powered_mean(judge, human, weights, list(range(400)))
        plain = weighted_prediction_powered_mean(judge, human, np.ones(400), list(range(400)))
        expected = 0.15 * 2 + 0.85 * 7
        covered += found.low <= expected <= found.high
        biased += plain.low <= expected <= plain.high
    assert 0.92 <= covered / 300 <= 0.99
    assert biased / 300 < 0.05


def test_unequal_weights_count_for_less():
    assert effective_count([2, 2, 2]) == pytest.approx(3)
    assert effective_count([9, 1, 1]) == pytest.approx(121 / 83)


def test_with_one_response_an_item_a_part_is_the_plain_correction():
    rng = np.random.default_rng(5)
    judge, clusters = rng.uniform(0, 10, 40), [str(n % 9) for n in range(40)]
    human = np.where(np.arange(40) % 3 == 0, judge + rng.normal(-1, 1, 40), np.nan)
    weights = rng.uniform(1, 4, 40)
    plain = weighted_prediction_powered_mean(judge, human, weights, clusters)
    found = corrected_whole([corrected_part(judge, human, weights, list(range(40)), clusters)], [3.0])
    for name in ("value", "se", "low", "high", "uncorrected", "n_labelled", "n_judged"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name)), name


def test_an_incident_in_two_categories_is_one_cluster():
    one = corrected_part([8, 8, 8], [6, 8, 7], [1, 1, 1], "abc", ["x", "y", "z"])
    again = corrected_part([8, 8, 8], [6, 8, 7], [1, 1, 1], "def", ["x", "y", "z"])
    apart = corrected_part([8, 8, 8], [6, 8, 7], [1, 1, 1], "def", ["u", "v", "w"])
    assert corrected_whole([one, again], [1, 1]).se == pytest.approx(corrected_whole([one], [1]).se)
    assert corrected_whole([one, apart], [1, 1]).se == pytest.approx(corrected_whole([one], [1]).se / np.sqrt(2))


def test_the_interval_of_a_whole_covers_what_people_would_say():
    """Four categories of unequal size, asked unequally often, 20 labels at random in each: 95 % within noise."""
    rng = np.random.default_rng(11)
    covered, runs = 0, 300
    for _ in range(runs):
        parts, truth = [], []
        for size in (30, 40, 60, 80):
            item = np.repeat(np.arange(size), rng.integers(1, 4, size))
            clusters = item // 2
            judge = 6 + rng.normal(0, 1, size)[item] + rng.normal(0, 1, len(item))
            people = judge - 1 + 0.5 * rng.normal(0, 1, len(item))
            truth.append(5.0)
            shown = np.full(len(item), np.nan)
            chosen = rng.choice(len(item), 20, replace=False)
            shown[chosen] = people[chosen]
            parts.append(corrected_part(judge, shown, np.ones(len(item)), item.tolist(), clusters.tolist()))
        found = corrected_whole(parts, [1, 1, 1, 2])
        covered += found.low <= np.average(truth, weights=[1, 1, 1, 2]) <= found.high
    assert 0.915 <= covered / runs <= 0.985
