"""Paired comparisons, their tests, their adjusted p-values and their power."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from bench.metrics.comparison import compare, mcnemar, without_noise
from bench.metrics.intervals import clustered_mean
from bench.metrics.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm
from bench.metrics.permutation import sign_flip
from bench.metrics.power import PairedDesign, required_items, smallest_difference, smallest_resolvable


def rng():
    return np.random.default_rng(0)


def test_paired_comparison_uses_shared_items_only():
    found = compare([9, 8, 7, None, 3], [7, 7, 6, 5, None], list("aabcd"), rng=rng())
    assert found.difference.value == pytest.approx(4 / 3)
    assert (found.n_shared, found.only_a, found.only_b, found.difference.n_missing) == (3, 1, 1, 2)
    # clusters a (2 + 1 = 3) and b (1): of +-3 +-1, two of four reach 4
    assert found.test.p_value == 0.5


def test_a_difference_that_is_only_rounding_is_0():
    found = compare([0.1 + 0.2, 5, 7, 9], [0.3, 5, 8, 8], list("abcd"), rng=rng())
    assert found.difference.value == 0.0
    # +-1 +-1 of clusters c and d alone: all four patterns reach 0
    assert found.test.p_value == 1.0
    assert compare([0.1 + 0.2, 0.5], [0.3, 0.5], "ab", rng=rng()).difference.value == 0.0
    assert without_noise(np.array([1e-10]), 10.0).tolist() == [1e-10]


def test_pairing_removes_the_item_variance():
    draw = rng()
    item = draw.normal(size=300) * 5
    a, b = item + draw.normal(size=300) * 0.3 + 0.1, item + draw.normal(size=300) * 0.3
    found = compare(a, b, range(300), rng=rng())
    assert found.correlation > 0.98
    assert found.test.p_value < 0.01
    assert found.difference.se < 0.1 * clustered_mean(a, range(300)).se


def test_interval_and_test_swap_sign_with_the_models():
    draw = rng()
    a, b, clusters = draw.normal(size=40), draw.normal(size=40), np.arange(40) // 3
    one, other = compare(a, b, clusters, rng=rng()), compare(b, a, clusters, rng=rng())
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.difference.low == pytest.approx(-other.difference.high)
    assert one.test == other.test


def test_what_a_comparison_could_resolve_follows_its_error():
    found = compare([9, 8, 7, 3], [7, 7, 6, 5], list("abcd"), rng=rng())
    assert found.resolvable() == pytest.approx(2.8016 * found.difference.se, rel=1e-4)
    assert found.resolvable(power=0.9) > found.resolvable()
    assert compare([1], [2], ["a"], rng=rng()).resolvable() is None


def test_nothing_shared_gives_no_number():
    found = compare([1, None], [None, 2], ["a", "b"], rng=rng())
    assert (found.difference.value, found.test, found.correlation, found.n_shared) == (None, None, None, 0)


def test_scores_of_a_model_that_never_varies_have_no_correlation():
    assert compare([1, 1, 1], [1, 2, 3], list("abc"), rng=rng()).correlation is None


def test_different_lengths_are_refused():
    with pytest.raises(ValueError, match="2 scores of A but 1 of B"):
        compare([1, 2], [1], ["a", "b"], rng=rng())


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
@settings(max_examples=40, deadline=None)
def test_exact_sign_flip_is_the_enumeration(sums):
    observed = abs(sum(sums))
    totals = [
        abs(sum(s * v for s, v in zip(sign, sums, strict=True)))
        for sign in itertools.product((1, -1), repeat=len(sums))
    ]
    expected = sum(t >= observed for t in totals) / len(totals)
    assert sign_flip(np.array(sums, float)).p_value == pytest.approx(expected)


def test_exact_sign_flip_equals_scipy_permutation_test():
    sums = np.array([1.5, 2.0, -0.3, 0.8, 1.1, 0.2, 2.4, -1.0])
    theirs = stats.permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(sums).p_value == pytest.approx(theirs.pvalue)


def test_random_patterns_come_near_the_exact_p():
    sums = np.random.default_rng(3).normal(0.5, 1, 16)
    exact = sign_flip(sums)
    padded = np.concatenate([sums, [1e-7]])
    drawn = sign_flip(padded, rng=rng(), patterns=40_000)
    assert exact.exact
    assert exact.patterns == 2**16
    assert not drawn.exact
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.01)


def test_random_p_is_never_zero_and_needs_a_generator():
    found = sign_flip(np.ones(40), rng=rng(), patterns=999)
    assert found.p_value == 1 / 1000
    with pytest.raises(ValueError, match="rng"):
        sign_flip(np.ones(40))


def test_sign_flip_rejects_exactly_its_level_over_all_sign_patterns():
    sizes = np.sqrt([2.0, 3, 5, 7, 11, 13, 17, 19])  # no two totals are equal
    signs = itertools.product((1, -1), repeat=8)
    rejected = np.mean([sign_flip(sizes * sign).p_value <= 0.05 for sign in signs])
    assert rejected == 12 / 256  # the most that 2/256 steps allow at or below 5 %


def test_mcnemar_equals_statsmodels():
    draw = rng()
    a, b = draw.random(80) < 0.7, draw.random(80) < 0.55
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    assert mcnemar(a * 1, b * 1).p_value == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)


def test_mcnemar_by_hand():
    # 6 against 1: 2 * (C(7,0) + C(7,1)) / 2^7 = 0.125
    found = mcnemar([1] * 6 + [0, 1, None], [0] * 6 + [1, 1, 0])
    assert found == (6, 1, 0.125)
    assert mcnemar([1, 0], [1, 0]).p_value == 1
    with pytest.raises(ValueError, match="0 and 1"):
        mcnemar([0.5], [1])


p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(p_lists)
@settings(max_examples=60, deadline=None)
def test_adjusted_p_values_equal_statsmodels(p):
    for ours, name in ((benjamini_hochberg, "fdr_bh"), (benjamini_yekutieli, "fdr_by")):
        assert ours(p) == pytest.approx(multipletests(p, method=name)[1], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_holm_equals_statsmodels(seed):
    p = np.random.default_rng(seed).random(9) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


def test_p_values_are_checked():
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.2, 1.2])


def test_power_of_miller_2024():
    design = PairedDesign(between=1 / 9)
    assert required_items(design, 0.03) == 969
    assert smallest_difference(design, 969) == pytest.approx(0.03, abs=1e-4)


def test_power_equals_statsmodels_normal_power():
    n = NormalIndPower(ddof=0).solve_power(effect_size=0.3, alpha=0.05, power=0.9, ratio=0)
    assert required_items(PairedDesign(between=1.0), 0.3, power=0.9) == math.ceil(n)


def test_repeats_cut_only_the_part_within_items():
    once = PairedDesign(between=1.0, within_a=3.0, within_b=1.0)
    often = PairedDesign(between=1.0, within_a=3.0, within_b=1.0, epochs_a=1000, epochs_b=1000)
    assert once.variance == 5
    assert often.variance == pytest.approx(1.004)


def test_clusters_raise_what_can_be_resolved():
    plain = PairedDesign(between=1.0)
    clustered = PairedDesign(between=1.0, items_per_cluster=5, cluster_correlation=0.5)
    ratio = smallest_difference(clustered, 100) / smallest_difference(plain, 100)
    assert ratio == pytest.approx(math.sqrt(3))
    assert smallest_resolvable(0.1) == pytest.approx(smallest_difference(plain, 100))
