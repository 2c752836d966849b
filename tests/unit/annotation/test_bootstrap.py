"""Bootstrap intervals of alpha: the fast way equals the plain way."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.agreement.bootstrap import CLUSTERS, UNITS, alpha_interval
from annotation.agreement.krippendorff import alpha
from gvsir.exceptions import UndefinedStatisticError


def random_counts(seed=1, n_units=60, n_categories=4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_categories, n_units)
    counts = np.zeros((n_units, n_categories), dtype=int)
    for _ in range(3):
        seen = np.where(rng.random(n_units) < 0.75, truth, rng.integers(0, n_categories, n_units))
        rated = rng.random(n_units) < 0.9
        counts[np.flatnonzero(rated), seen[rated]] += 1
    return counts


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_same_interval_as_resampling_unit_by_unit(level):
    counts = random_counts()
    values = [1.0, 2.0, 3.0, 5.0]
    found = alpha_interval(counts, level=level, values=values, resamples=4000, seed=5)
    rng = np.random.default_rng(11)
    pairable = counts[counts.sum(axis=1) >= 2]
    plain = [
        alpha(pairable[rng.integers(0, len(pairable), len(pairable))], level=level, values=values)
        for _ in range(4000)
    ]
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(plain, [2.5, 97.5])), abs=0.015)
    assert (found.method, found.resamples, found.seed, found.level) == (UNITS, 4000, 5, 0.95)


def test_interval_is_repeatable_and_moves_with_the_seed():
    counts = random_counts()
    assert alpha_interval(counts, seed=1) == alpha_interval(counts, seed=1)
    assert alpha_interval(counts, seed=1) != alpha_interval(counts, seed=2)


def test_order_of_units_does_not_matter():
    counts = random_counts()
    assert alpha_interval(counts[::-1], seed=4) == alpha_interval(counts, seed=4)


def test_clusters_of_one_unit_give_about_the_interval_of_units():
    counts = random_counts()
    units = alpha_interval(counts, resamples=4000)
    alone = alpha_interval(counts, resamples=4000, clusters=range(len(counts)))
    assert (alone.low, alone.high) == pytest.approx((units.low, units.high), abs=0.015)
    assert alone.method == CLUSTERS


def test_copies_inside_a_cluster_do_not_narrow_the_interval():
    counts = random_counts()
    fourfold = np.repeat(counts, 4, axis=0)
    clusters = np.repeat(np.arange(len(counts)), 4).tolist()

    def width(interval):
        return interval.high - interval.low

    assert width(alpha_interval(fourfold, resamples=2000)) < 0.7 * width(
        alpha_interval(fourfold, resamples=2000, clusters=clusters)
    )


def test_higher_confidence_is_wider():
    counts = random_counts()
    narrow, wide = alpha_interval(counts, confidence=0.8), alpha_interval(counts, confidence=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_resamples_of_one_category_are_left_out_and_counted():
    found = alpha_interval([[2, 0]] * 3 + [[0, 2]], resamples=500)
    assert 0 < found.undefined < 500
    assert found.low == found.high == 1


@pytest.mark.parametrize(
    ("counts", "reason"),
    [([[1, 0]], "No unit has two ratings"), ([[1, 1]], "only one unit"), ([[2, 0]] * 5, "No resample")],
)
def test_no_interval_says_why(counts, reason):
    with pytest.raises(UndefinedStatisticError, match=reason):
        alpha_interval(counts)


def test_ten_thousand_units_take_a_second_at_most():
    import time

    rng = np.random.default_rng(0)
    counts = rng.multinomial(5, [1 / 12] * 12, size=10_000)
    began = time.perf_counter()
    alpha_interval(counts, resamples=1000)
    assert time.perf_counter() - began < 8  # about 0.3 s alone on this hardware; the rest is for busy machines
