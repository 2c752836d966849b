"""Repeats are averaged first, and the parts of the variance are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.metrics.epochs import epoch_means, epoch_variance


def test_means_skip_missing_repeats_and_never_give_zero():
    means = epoch_means([[1, None, 0, 1], [None, None, None, None], [0, 0, 0, 0]])
    assert means[0] == pytest.approx(2 / 3)
    assert np.isnan(means[1])
    assert means[2] == 0


def test_means_of_many_models_at_once():
    scores = np.arange(24.0).reshape(2, 3, 4)
    assert epoch_means(scores) == pytest.approx(scores.mean(2))


def test_components_are_those_of_the_one_way_anova():
    scores = np.random.default_rng(2).normal(size=(30, 4)) + np.arange(30)[:, None] / 10
    found = epoch_variance(scores)
    within = scores.var(1, ddof=1).mean()
    f_value = stats.f_oneway(*scores).statistic
    assert found.within == pytest.approx(within)
    assert found.between == pytest.approx((f_value - 1) * within / 4)
    assert found.mean_epochs == 4


def test_unequal_repeats_use_the_harmonic_mean():
    found = epoch_variance([[1, 3, None, None], [5, 5, 5, 5], [2, None, None, None]])
    assert found.mean_epochs == pytest.approx(3 / (1 / 2 + 1 / 4 + 1))
    assert found.within == pytest.approx(2 / 4)


def test_one_repeat_says_nothing_of_the_part_within():
    found = epoch_variance([[1], [2], [None]])
    assert (found.within, found.within_share, found.between, found.n_items) == (None, None, 0.5, 2)


def test_nothing_scored():
    found = epoch_variance([[None, None]])
    assert (found.within, found.between, found.n_items) == (None, None, 0)


def test_noise_alone_leaves_no_variance_between():
    assert epoch_variance([[0, 2], [2, 0], [0, 2]]).between == 0
