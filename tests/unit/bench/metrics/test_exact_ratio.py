"""The exact quantile of a mean over its robust standard error: Student, simulation, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.metrics.exact_ratio import exact_quantile, exceedance
from bench.metrics.small_sample import robust_spread


@pytest.mark.parametrize("groups", [2, 3, 6, 20, 60])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_equal_clusters_give_student_with_one_degree_less(groups, level):
    even = np.full((1, groups), 1 / groups)
    found = exact_quantile(even, even, np.array([groups - 1.0]), level)[0]
    assert found == pytest.approx(stats.t.ppf((1 + level) / 2, groups - 1), rel=1e-6)


def test_printed_quantiles_of_student():
    # Student's table as in every textbook: t(0.975) with 4 and 9 degrees
    for groups, printed in ((5, 2.776), (10, 2.262)):
        even = np.full((1, groups), 1 / groups)
        assert round(float(exact_quantile(even, even, np.array([groups - 1.0]), 0.95)[0]), 3) == printed


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sizes", [(30, 2, 3, 1, 2, 4), (1, 2, 3), (12, 12, 1, 1, 1, 1, 1, 1)])
def test_simulated_ratios_exceed_it_as_often_as_they_should(correlation, sizes):
    size = np.array(sizes, dtype=float)
    share = size / size.sum()
    omega = correlation * share**2 + (1 - correlation) * share / size.sum()
    cut = exact_quantile(share[None], omega[None], robust_spread(share, share, omega).df[None], 0.95)
    sums = np.random.default_rng(3).standard_normal((200_000, len(size))) * np.sqrt(omega)
    mean = sums.sum(1)
    residual = sums - share * mean[:, None]
    ratio = np.abs(mean) / np.sqrt((residual**2 / (1 - share)).sum(1))
    assert np.mean(ratio > cut) == pytest.approx(0.05, abs=0.002)


def test_the_tail_falls_with_the_cut_and_does_not_depend_on_the_unit():
    share = np.tile([0.5, 0.3, 0.1, 0.1], (3, 1))
    omega = share**2
    tail = exceedance(np.array([0.5, 2.0, 8.0]), share, omega)
    assert 1 > tail[0] > tail[1] > tail[2] > 0
    assert exceedance(np.array([0.5, 2.0, 8.0]), share, omega * 1e4) == pytest.approx(tail, rel=1e-9)


def test_one_dominant_cluster_needs_less_than_satterthwaite_says():
    share = np.array([0.8, 0.05, 0.05, 0.05, 0.05])
    spread = robust_spread(np.full(5, 0.1), share, share**2)
    assert 1.96 < spread.quantile(0.95) < 0.8 * stats.t.ppf(0.975, spread.df)


def test_rows_do_not_influence_each_other():
    share = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05]])
    both = exact_quantile(share, share**2, np.array([1.5, 1.1]), 0.95)
    for row in range(2):
        alone = exact_quantile(share[[row]], share[[row]] ** 2, np.array([1.5, 1.1])[[row]], 0.95)
        assert alone[0] == pytest.approx(both[row], rel=1e-7)
