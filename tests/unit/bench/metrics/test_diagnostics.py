"""Length, position, over-refusal, and what items tell: against scipy, statsmodels and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.metrics.diagnostics import length_adjusted, length_correlation, over_refusal, position_bias
from bench.metrics.item_analysis import item_entropy, item_table
from gvsir.exceptions import UndefinedStatisticError


def test_length_correlation_equals_scipy_and_skips_missing():
    found = length_correlation([1, 3, 2, 5, None, 4], [100, 300, 400, 900, 50, None])
    theirs = stats.spearmanr([1, 3, 2, 5], [100, 300, 400, 900])
    assert (found.rho, found.p_value, found.n) == pytest.approx((theirs.statistic, theirs.pvalue, 4))
    with pytest.raises(UndefinedStatisticError):
        length_correlation([1, 1, 1], [1, 2, 3])


def test_length_slope_is_the_two_way_regression_of_statsmodels():
    draw = np.random.default_rng(0)
    lengths = np.exp(draw.normal(6, 1, (5, 30)))
    scores = draw.normal(size=(5, 1)) + draw.normal(size=30) + 0.7 * np.log2(lengths)
    scores += draw.normal(size=(5, 30))
    scores[draw.random((5, 30)) < 0.2] = np.nan
    both = ~np.isnan(scores)
    model, item = np.nonzero(both)
    design = np.column_stack([np.log2(lengths[both]), np.eye(5)[model], np.eye(30)[item][:, 1:]])
    fit = sm.OLS(scores[both], design).fit()
    found = length_adjusted(scores, np.where(both, lengths, np.nan))
    assert found.slope == pytest.approx(fit.params[0], rel=1e-6)
    assert found.mean[0] == pytest.approx(np.nanmean(scores[0]))
    shift = np.log2(lengths[0][both[0]]).mean() - np.log2(found.common_length)
    assert found.adjusted[0] == pytest.approx(found.mean[0] - fit.params[0] * shift, rel=1e-6)


def test_equal_lengths_cannot_be_adjusted_for():
    with pytest.raises(UndefinedStatisticError, match="does not vary"):
        length_adjusted(np.ones((2, 3)), np.full((2, 3), 50.0))


def test_position_bias_equals_scipy():
    found = position_bias([0] * 20 + [1] * 10 + [2] * 6 + [None] * 4, 4)
    assert found.counts == (20, 10, 6, 0)
    assert found.expected == (9.0,) * 4
    assert found.p_value == pytest.approx(stats.chisquare([20, 10, 6, 0]).pvalue)
    with pytest.raises(UndefinedStatisticError):
        position_bias([None], 2)
    with pytest.raises(ValueError, match="Place 3 of 2"):
        position_bias([3], 2)


def test_over_refusal_is_paired():
    harmful = [1, 1, 1, 1, 0, None, 0.5]
    benign = [1, 0, 0, 0, 0, 1, 0]
    found = over_refusal(harmful, benign, range(7))
    assert found.harmful.value == pytest.approx(4.5 / 6)
    assert found.benign.value == pytest.approx(2 / 7)
    assert found.difference.value == pytest.approx(3.5 / 6)
    assert found.difference.n == 6
    assert (found.pairs.only_a, found.pairs.only_b) == (3, 0)
    assert found.pairs.p_value == 0.25
    assert -1 <= found.difference.low < found.difference.high <= 1


def test_a_model_that_refuses_everything_tells_nothing_apart():
    found = over_refusal([1] * 6, [1] * 6, range(6))
    assert found.difference.value == 0
    assert found.benign.value == 1
    assert found.pairs.p_value == 1


@given(st.lists(st.integers(0, 10), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_entropy_equals_scipy_over_the_same_classes(scores):
    found = item_entropy(scores, bounds=(0, 10))
    counts = np.bincount(np.minimum(np.array(scores) // 2, 4), minlength=5)
    assert found.counts == tuple(counts)
    assert found.bits == pytest.approx(stats.entropy(counts, base=2), abs=1e-12)
    bias = ((counts > 0).sum() - 1) / (2 * len(scores) * math.log(2))
    assert found.corrected == pytest.approx(found.bits + bias)


def test_entropy_of_labels_and_its_rule():
    found = item_entropy([-1, 0, 1, 1, None], bounds=(-1, 1), edges=[-0.5, 0.5])
    assert found.counts == (1, 1, 2)
    assert found.bits == 1.5
    assert found.normalised == pytest.approx(1.5 / math.log2(3))
    assert found.rule == "borders [-0.5, 0.5]"
    assert item_entropy([4], bounds=(0, 10)).normalised is None
    with pytest.raises(UndefinedStatisticError):
        item_entropy([None], bounds=(0, 10))


def test_corrected_entropy_is_less_biased():
    draw = np.random.default_rng(0)
    samples = [item_entropy(draw.uniform(0, 10, 12), bounds=(0, 10)) for _ in range(400)]
    plain = np.mean([s.bits for s in samples])
    corrected = np.mean([s.corrected for s in samples])
    assert plain < math.log2(5) - 0.15
    assert abs(corrected - math.log2(5)) < 0.1


def sample(missing=0.0):
    draw = np.random.default_rng(1)
    ability = draw.normal(size=40)
    scores = np.clip(5 + 2 * ability[:, None] * np.linspace(0.2, 1.5, 8) + draw.normal(size=(40, 8)), 0, 10)
    scores[draw.random(scores.shape) < missing] = np.nan
    return scores


def test_item_total_correlation_leaves_the_item_out():
    scores = sample()
    table = item_table(scores, bounds=(0, 10))
    for item in range(8):
        rest = np.delete(scores, item, 1).mean(1)
        assert table.item_total[item] == pytest.approx(stats.pearsonr(scores[:, item], rest).statistic)
    assert table.difficulty == pytest.approx(1 - scores.mean(0) / 10)
    assert table.between_models == pytest.approx((scores / 10).var(0, ddof=1))


def test_item_statistics_skip_missing_scores():
    scores = sample(missing=0.3)
    table = item_table(scores, bounds=(0, 10))
    item = 7
    rows = ~np.isnan(scores[:, item])
    rest = np.nanmean(np.delete(scores, item, 1)[rows], 1)
    assert table.n[item] == rows.sum()
    assert table.item_total[item] == pytest.approx(stats.pearsonr(scores[rows, item], rest).statistic)


def test_discrimination_is_best_less_worst_27_percent():
    scores = sample()
    table = item_table(scores, bounds=(0, 10))
    rest = np.delete(scores, 5, 1).mean(1)
    order = np.argsort(rest)
    size = round(0.27 * 40)
    expected = (scores[order[-size:], 5].mean() - scores[order[:size], 5].mean()) / 10
    assert table.discrimination[5] == pytest.approx(expected)


def test_items_that_tell_nothing_are_flagged():
    scores = sample()
    scores[:, 3] = 7.0
    scores[:, 4] = -scores[:, 7] + 10
    scores[1:, 2] = np.nan
    table = item_table(scores, bounds=(0, 10))
    assert table.tells_nothing[[3, 4, 7]].tolist() == [True, True, False]
    assert np.isnan(table.item_total[3])
    assert (table.n[2], bool(table.tells_nothing[2])) == (1, False)
    assert np.isnan(table.discrimination[2])
