"""All pairs of models at once: equal to the one-pair statistics, and tiers from the top."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.metrics.category_table import weighted_table
from bench.metrics.multiplicity import holm
from bench.metrics.permutation import sign_flip
from bench.metrics.sign_flips import sign_flips
from bench.metrics.weighted_pairs import tiers_from_pairs, weighted_pairs


def made(seed=0, models=4, items=60, missing=0.1):
    draw = np.random.default_rng(seed)
    scores = draw.normal(5, 2, (models, items)) + np.arange(models)[:, None]
    scores[draw.random(scores.shape) < missing] = np.nan
    category = [("a", "b", "c")[i % 3] for i in range(items)]
    cluster = [f"incident {i // 4}" for i in range(items)]
    return scores, category, cluster


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_differences_and_errors_are_those_of_one_pair(missing):
    scores, category, cluster = made(missing=missing)
    weights = {"a": 2.0, "b": 1.0, "c": 0.0}
    pairs = weighted_pairs(scores, category, cluster, weights=weights)
    for place, (i, j) in enumerate(zip(pairs.first, pairs.second, strict=True)):
        one = weighted_table((scores[i] - scores[j])[None, :], category, cluster, weights=weights)
        assert pairs.difference[place] == pytest.approx(one.value[0, 0])
        assert pairs.se[place] == pytest.approx(one.se[0, 0])
        assert pairs.n_shared[place] == one.n[0, 0]
        assert pairs.n_clusters[place] == one.n_clusters[0, 0]
        t = abs(pairs.difference[place]) / pairs.se[place]
        assert pairs.p_value[place] == pytest.approx(2 * stats.t.sf(t, pairs.df[place]))
    assert pairs.adjusted.tolist() == pytest.approx(holm(pairs.p_value).tolist())


def test_with_one_item_an_incident_p_is_that_of_the_paired_t_test():
    draw = np.random.default_rng(1)
    scores = draw.normal(5, 1, (2, 12))
    pairs = weighted_pairs(scores, ["c"] * 12, range(12))
    assert pairs.p_value[0] == pytest.approx(stats.ttest_rel(scores[0], scores[1]).pvalue)


def test_the_first_less_the_second_turns_its_sign_with_them():
    scores, category, cluster = made(models=2)
    forth = weighted_pairs(scores, category, cluster)
    back = weighted_pairs(scores[::-1], category, cluster)
    assert forth.difference[0] == pytest.approx(-back.difference[0])
    assert forth.p_value[0] == pytest.approx(back.p_value[0])


def test_what_cannot_be_tested_has_no_p_value_and_is_not_counted_by_holm():
    scores = np.array([[1.0, 2, np.nan, np.nan], [np.nan, np.nan, 3, 4], [5, 7, 6, 9]])
    pairs = weighted_pairs(scores, ["c"] * 4, range(4))
    assert math.isnan(pairs.difference[0])  # they share no item
    assert math.isnan(pairs.p_value[0])
    assert pairs.n_shared.tolist() == [0, 2, 2]
    assert pairs.adjusted[1:].tolist() == pytest.approx(holm(pairs.p_value[1:]).tolist())
    one = weighted_pairs(np.array([[1.0, 2], [3, 5]]), ["c", "c"], ["x", "x"])
    assert math.isnan(one.p_value[0])


def test_a_difference_that_is_the_same_everywhere_is_tested_by_signs():
    pairs = weighted_pairs(np.array([[3.0] * 6, [1.0] * 6, [1.0] * 6]), ["c"] * 6, range(6))
    assert pairs.p_value.tolist() == pytest.approx([2 / 2**6, 2 / 2**6, 1])


def test_under_no_difference_five_percent_are_found():
    draw = np.random.default_rng(2)
    cluster = [i // 3 for i in range(60)]
    hits = 0
    for _ in range(400):
        between = draw.normal(0, 1, (2, 20))[:, np.array(cluster)]
        scores = between + draw.normal(0, 1, (2, 60))
        hits += weighted_pairs(scores, ["a", "b", "a"] * 20, cluster).p_value[0] < 0.05
    assert 6 <= hits <= 34  # 20 expected; 99.9 % of binomial draws lie within


def test_tiers_open_where_a_model_is_told_from_the_tiers_first():
    scores = np.array([[9.0, 8, 9, 8, 9, 8], [8, 9, 9, 8, 8, 9], [2, 1, 1, 1, 2, 2], [np.nan] * 6])
    pairs = weighted_pairs(scores, ["c"] * 6, range(6))
    overall = np.array([8.5, 8.5, 1.5, np.nan])
    assert tiers_from_pairs(overall, pairs).tolist() == [1, 1, 2, 0]
    assert tiers_from_pairs(overall, pairs, alpha=1e-9).tolist() == [1, 1, 1, 0]


def test_tests_made_together_equal_tests_made_alone():
    draw = np.random.default_rng(3)
    sums = draw.normal(0.3, 1, (3, 30))
    sums[1, 8:] = 0.0
    found = sign_flips(sums, rng=np.random.default_rng(0), patterns=4000)
    assert found[1] == sign_flip(sums[1])
    assert found[1].exact
    for row in (0, 2):
        alone = sign_flip(sums[row], rng=np.random.default_rng(9), patterns=4000)
        assert found[row].patterns == 4000
        assert found[row].p_value == pytest.approx(alone.p_value, abs=0.03)
    assert found[0].p_value != found[2].p_value
    assert sign_flips(np.zeros((0, 4)), rng=np.random.default_rng(0)) == []


def test_pairs_made_in_small_blocks_are_those_made_at_once(monkeypatch):
    scores, category, cluster = made(models=7, missing=0.3)
    whole = weighted_pairs(scores, category, cluster)
    monkeypatch.setattr("bench.metrics.weighted_pairs._AT_ONCE", 1)
    monkeypatch.setattr("bench.metrics.stratified._BATCH", 1)
    apart = weighted_pairs(scores, category, cluster)
    for name in ("difference", "se", "df", "p_value", "n_shared", "n_clusters"):
        assert getattr(apart, name).tolist() == pytest.approx(getattr(whole, name).tolist(), nan_ok=True)


def test_models_alike_on_all_they_share_do_not_differ_by_rounding():
    draw = np.random.default_rng(4)
    first = draw.integers(0, 31, 200) / 3
    second = first.copy()
    first[draw.random(200) < 0.3], second[draw.random(200) < 0.3] = np.nan, np.nan
    pairs = weighted_pairs(np.array([first, second]), ["a", "b"] * 100, [i // 5 for i in range(200)])
    assert abs(pairs.difference[0]) < 1e-12
    assert pairs.p_value[0] == 1.0
    assert pairs.n_shared[0] == (~np.isnan(first) & ~np.isnan(second)).sum()


def test_without_a_weight_there_is_no_difference():
    scores, category, cluster = made()
    pairs = weighted_pairs(scores, category, cluster, weights={})
    assert np.isnan(pairs.difference).all()
    assert np.isnan(pairs.p_value).all()
    assert pairs.n_shared.tolist() == [0] * 6
    assert len(weighted_pairs(scores[:1], category, cluster).p_value) == 0
