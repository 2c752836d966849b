"""Weighted means of category means: CR2 by matrices, coverage by simulation, silence where the spread is unknown."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats

from bench.metrics.category_table import category_table, weighted_table
from bench.metrics.small_sample import cluster_variances
from bench.metrics.stratified import LENT, stratified_spread
from bench.metrics.weighted_pairs import tiers_from_pairs, weighted_pairs
from tests.benchmarks.weighted_coverage import covered, design_of, draw_scores, paired


def spanning(seed=0, items=60, groups=9):
    """Scores of one model whose incidents feed several of three categories."""
    draw = np.random.default_rng(seed)
    cluster, category = draw.integers(0, groups, items), draw.integers(0, 3, items)
    return draw.normal(5, 1, items) + draw.normal(size=groups)[cluster], category, cluster


def by_matrices(x, category, cluster, weights, *, within, between):
    """CR2 and Satterthwaite by Bell and McCaffrey's matrices, item by item."""
    design = (category[:, None] == np.arange(len(weights))).astype(float)
    bread = np.linalg.inv(design.T @ design)
    hat = design @ bread @ design.T
    residual = x - hat @ x
    terms, columns = [], []
    for g in np.unique(cluster):
        own = np.flatnonzero(cluster == g)
        adjust = linalg.fractional_matrix_power(np.eye(len(own)) - hat[np.ix_(own, own)], -0.5)
        row = weights @ bread @ design[own].T @ adjust
        terms.append(float(row @ residual[own]))
        columns.append((np.eye(len(x)) - hat)[own].T @ row)
    same = cluster[:, None] == cluster[None, :]
    sd = np.sqrt(np.asarray(between))[category]
    omega = np.diag(np.asarray(within)[category]) + same * np.outer(sd, sd)
    q = np.array(columns) @ omega @ np.array(columns).T
    return np.sqrt(np.sum(np.square(terms))), np.trace(q) ** 2 / np.trace(q @ q)


def test_the_standard_error_and_its_degrees_are_bell_and_mccaffreys_matrices():
    x, category, cluster = spanning()
    weights = np.array([0.5, 0.3, 0.2])
    count, total, square = (
        np.stack([np.bincount(cluster[category == c], part[category == c], 9) for c in range(3)])[None]
        for part in (np.ones(60), x, x * x)
    )
    found = stratified_spread(count, total, square.sum(2), weights[None])
    # the working model of one category is the pooled one and its own, so that they are read from the parts
    pieces = [cluster_variances(count[0, c], total[0, c], square[0, c]) for c in range(3)]
    n, groups = count[0].sum(1), (count[0] > 0).sum(1)
    typical = (n - (count[0] ** 2).sum(1) / n) / (groups - 1)
    inside = np.array([float(each[0]) for each in pieces])
    among = (total[0] ** 2 / np.maximum(count[0], 1)).sum(1) - total[0].sum(1) ** 2 / n
    pooled = (inside * (n - groups)).sum() / (n - groups).sum()
    common = max((among - (groups - 1) * pooled).sum(), 0) / ((groups - 1) * typical).sum()
    within = (inside * (n - groups) + LENT * pooled) / (n - groups + LENT)
    between = np.maximum((among + LENT * (pooled + typical * common)) / (groups - 1 + LENT) - within, 0) / typical
    se, df = by_matrices(x, category, cluster, weights, within=within, between=between)
    assert float(found.spread.se[0]) == pytest.approx(se)
    assert float(found.spread.df[0]) == pytest.approx(df)
    assert float(found.mean[0]) == pytest.approx(sum(w * x[category == c].mean() for c, w in enumerate(weights)))


def test_with_one_item_an_incident_two_categories_give_welchs_error():
    a, b = np.array([1.0, 2, 4, 3]), np.array([5.0, 9, 7])
    found = weighted_table(np.concatenate([a, -b])[None], ["a"] * 4 + ["b"] * 3, range(7))
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert 2 * found.value[0, 0] / (2 * found.se[0, 0]) == pytest.approx(welch.statistic)


def test_the_interval_of_a_whole_is_not_narrower_than_that_of_its_parts_allows():
    draw = np.random.default_rng(1)
    x = draw.normal(size=(1, 24))
    category, cluster = np.arange(24) // 2, np.arange(24)
    parts = category_table(x, category, cluster)
    found = weighted_table(x, category, cluster)
    assert found.se[0, 0] == pytest.approx(np.sqrt((parts.se**2).sum()) / 12)


@pytest.mark.parametrize(
    "name",
    [
        "whole, 12 x 13", "whole, 12 x 3", "whole, 12 x 2", "whole, demonstration", "layer, 3 + 14 + 14",
        "layer, demonstration's first four", "whole, 12 x 3, 3 items each", "whole, 40 incidents over 4 of 12 each",
    ],
)
@pytest.mark.parametrize("bounds", [None, (0, 10)])
def test_intervals_of_layers_and_wholes_cover(name, bounds):
    assert 0.93 <= covered(np.random.default_rng(5), name, replications=2000, bounds=bounds) <= 0.97


@pytest.mark.parametrize("name", ["whole, 12 x 2", "whole, 12 x 3", "whole, demonstration", "layer, 3 + 14 + 14"])
def test_paired_differences_cover_and_equal_models_are_seldom_told_apart(name):
    held, wrong = paired(np.random.default_rng(6), name, replications=2000)
    assert 0.93 <= held <= 0.97
    assert 0.03 <= wrong <= 0.07


def test_with_variances_that_differ_between_categories_the_whole_still_covers():
    spread = np.linspace(0.6, 1.6, 12)
    rng = np.random.default_rng(7)
    assert 0.93 <= covered(rng, "whole, demonstration", replications=2000, spread=spread) <= 0.97


def test_a_weighted_category_of_one_incident_leaves_no_interval_and_no_p_value():
    cluster, category = np.arange(9), np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    scores = np.random.default_rng(2).normal(5, 1, (2, 9)) + np.array([[5.0], [0]])
    found = weighted_table(scores, category, cluster, bounds=(0, 20))
    assert np.isnan(found.low).all()
    assert np.isnan(found.se).all()
    assert not np.isnan(found.value).any()
    pairs = weighted_pairs(scores, category, cluster)
    assert np.isnan(pairs.p_value[0])
    assert pairs.difference[0] == pytest.approx(found.value[0, 0] - found.value[1, 0])
    assert tiers_from_pairs(found.value[:, 0], pairs).tolist() == [1, 1]
    without = {0: 1.0, 1: 1.0}
    assert not np.isnan(weighted_table(scores, category, cluster, weights=without).low).any()
    assert weighted_pairs(scores, category, cluster, weights=without).p_value[0] < 0.05


def test_a_pair_without_a_shared_item_in_a_weighted_category_is_not_tested():
    cluster, category = np.arange(9), np.repeat([0, 1, 2], 3)
    scores = np.random.default_rng(3).normal(5, 1, (2, 9)) + np.array([[50.0], [0]])
    assert weighted_pairs(scores, category, cluster).p_value[0] < 0.01
    scores[0, 6:8] = scores[1, 8] = np.nan
    assert np.isnan(weighted_pairs(scores, category, cluster).p_value[0])


def test_many_rows_at_once_are_the_rows_alone(monkeypatch):
    cluster, category = design_of("whole, demonstration, 1 to 4 items")
    scores = draw_scores(np.random.default_rng(4), cluster, category, replications=7)
    together = weighted_table(scores, category, cluster)
    monkeypatch.setattr("bench.metrics.stratified._BATCH", 1)
    apart = weighted_table(scores, category, cluster)
    assert together.low == pytest.approx(apart.low)
    assert together.high[3, 0] == pytest.approx(weighted_table(scores[3:4], category, cluster).high[0, 0])
