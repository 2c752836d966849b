"""The leaderboard kernel gives, cell by cell, what the slow functions give."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from bench.metrics.category_table import category_table, weighted_table
from bench.metrics.intervals import mean_interval


def sample(missing=0.1):
    rng = np.random.default_rng(4)
    cluster = rng.integers(0, 15, 120)
    category = np.array(["care", "trust", "safety"])[rng.integers(0, 3, 120)]
    scores = rng.integers(0, 11, (6, 120)).astype(float) + rng.normal(size=15)[cluster]
    scores[rng.random(scores.shape) < missing] = np.nan
    return scores, category, cluster


@pytest.mark.parametrize("bounds", [None, (-4, 14)])
def test_every_cell_equals_mean_interval(bounds):
    scores, category, cluster = sample()
    table = category_table(scores, category, cluster, bounds=bounds)
    for row in range(6):
        for column, name in enumerate(table.categories):
            chosen = category == name
            one = mean_interval(scores[row, chosen], cluster[chosen], bounds=bounds)
            cell = (table.value, table.se, table.low, table.high, table.n, table.n_clusters, table.n_missing)
            assert [float(array[row, column]) for array in cell] == pytest.approx(
                [one.value, one.se, one.low, one.high, one.n, one.n_clusters, one.n_missing]
            )
            assert table.coverage[row, column] == pytest.approx(one.coverage)
            assert table.method == one.method


def test_third_axis_is_the_dimension():
    rng = np.random.default_rng(8)
    scores, cluster = rng.normal(size=(3, 40, 4)), rng.integers(0, 9, 40)
    table = category_table(scores, list("wxyz"), cluster)
    for column in range(4):
        one = category_table(scores[:, :, column], ["only"] * 40, cluster)
        assert table.value[:, column] == pytest.approx(one.value[:, 0])
        assert table.high[:, column] == pytest.approx(one.high[:, 0])


def test_unscored_cells_are_not_zero_and_are_not_shown():
    scores = np.array([[np.nan, np.nan, 5.0, 7.0], [1.0, np.nan, 3.0, 4.0]])
    table = category_table(scores, ["a", "a", "b", "b"], [1, 2, 3, 4])
    assert np.isnan(table.value[0, 0])
    assert table.value[1, 0] == 1
    assert np.isnan(table.low[1, 0])  # one cluster
    assert table.n_missing.tolist() == [[2, 0], [1, 0]]
    assert table.shown(0.95).tolist() == [[False, True], [False, True]]
    assert table.shown(0.5).tolist() == [[False, True], [True, True]]


def test_equal_scores_have_no_interval_without_a_scale():
    table = category_table(np.full((1, 6), 10.0), ["a"] * 6, range(6))
    bounded = category_table(np.full((1, 6), 10.0), ["a"] * 6, range(6), bounds=(0, 10))
    assert np.isnan(table.low[0, 0])
    assert bounded.low[0, 0] < 10 == bounded.high[0, 0]


def test_weighted_mean_of_one_category_is_that_category():
    scores, category, cluster = sample()
    table = category_table(scores, category, cluster)
    column = table.categories.index("trust")
    alone = weighted_table(scores, category, cluster, weights={"trust": 3.0})
    assert alone.value[:, 0] == pytest.approx(table.value[:, column])
    assert alone.low[:, 0] == pytest.approx(table.low[:, column])
    assert alone.n[:, 0].tolist() == table.n[:, column].tolist()
    assert alone.n_missing[:, 0].tolist() == table.n_missing[:, column].tolist()


def test_weighted_mean_is_the_regression_on_category_dummies():
    scores, category, cluster = sample(missing=0)
    dummies = (category[:, None] == np.array(["care", "trust", "safety"])).astype(float)
    fit = sm.OLS(scores[0], dummies).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    weights = np.array([0.5, 0.3, 0.2])
    found = weighted_table(scores, category, cluster, weights={"care": 5, "trust": 3, "safety": 2})
    assert found.value[0, 0] == pytest.approx(weights @ fit.params)
    plain = float(np.sqrt(weights @ fit.cov_params() @ weights))
    assert found.se[0, 0] == pytest.approx(plain * np.sqrt(15 / 14), rel=0.03)


def test_weighted_mean_skips_a_category_without_data():
    scores = np.array([[1.0, 3.0, np.nan, np.nan]])
    found = weighted_table(scores, ["a", "a", "b", "b"], [1, 2, 3, 4])
    assert found.value[0, 0] == 2
    assert found.n_missing[0, 0] == 2
    assert found.coverage[0, 0] == 0.5
    nothing = weighted_table(np.full((1, 4), np.nan), ["a", "a", "b", "b"], [1, 2, 3, 4])
    assert np.isnan(nothing.value[0, 0])


def test_shapes_and_weights_are_checked():
    scores, category, cluster = sample()
    with pytest.raises(ValueError, match="model, item"):
        category_table(scores, category[:5], cluster)
    with pytest.raises(ValueError, match="per dimension"):
        category_table(np.zeros((2, 3, 4)), list("ab"), [1, 2, 3])
    with pytest.raises(ValueError, match="0 or more"):
        weighted_table(scores, category, cluster, weights={"care": -1})
