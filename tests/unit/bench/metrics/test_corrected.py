"""Corrected means: hand calculations, the papers' formulas, coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from bench.metrics.corrected import (
    corrected_share,
    prediction_powered_mean,
    stratified_prediction_powered_mean,
)
from gvsir.exceptions import UndefinedStatisticError


def with_labels(seed=0, n=40, rest=400, bias=1.0, noise=0.5):
    draw = np.random.default_rng(seed)
    truth = draw.normal(5, 2, n + rest)
    judge = truth + bias + draw.normal(size=n + rest) * noise
    return judge, np.concatenate([truth[:n], np.full(rest, np.nan)]), truth


def test_prediction_powered_mean_by_hand():
    judge, human, _ = with_labels()
    found = prediction_powered_mean(judge, human)
    rectifier = human[:40] - judge[:40]
    value = judge[40:].mean() + rectifier.mean()
    se = math.sqrt(judge[40:].var(ddof=1) / 400 + rectifier.var(ddof=1) / 40)
    assert found.value == pytest.approx(value)
    assert found.se == pytest.approx(se)
    assert (found.low, found.high) == pytest.approx(stats.norm.interval(0.95, value, se))
    assert (found.n_labelled, found.n_judged) == (40, 440)
    assert found.correction == pytest.approx(value - judge.mean())


def test_it_is_the_rectified_regression_of_statsmodels():
    judge, human, _ = with_labels(noise=1.5)
    rectifier = sm.OLS(human[:40] - judge[:40], np.ones(40)).fit()
    own = sm.OLS(judge[40:], np.ones(400)).fit()
    found = prediction_powered_mean(judge, human)
    assert found.value == pytest.approx(own.params[0] + rectifier.params[0])
    assert found.se == pytest.approx(math.hypot(own.bse[0], rectifier.bse[0]))


def test_a_biased_judge_is_put_right_and_its_interval_is_narrower_than_the_labels_alone():
    judge, human, truth = with_labels(bias=3.0)
    found = prediction_powered_mean(judge, human)
    assert abs(found.uncorrected - truth.mean()) > 2.5
    assert found.low < truth.mean() < found.high
    assert found.se < 0.6 * stats.sem(human[:40])


def test_tuning_ignores_a_useless_judge_and_trusts_a_good_one():
    judge, human, _ = with_labels(n=2000, rest=20_000, noise=0.1)
    assert prediction_powered_mean(judge, human, tune=True).weight == pytest.approx(1 / 1.1, abs=0.05)
    judge, human, _ = with_labels()
    noise = np.random.default_rng(5).normal(size=440) * 20
    found = prediction_powered_mean(noise, human, tune=True)
    assert found.weight < 0.1
    assert found.value == pytest.approx(human[:40].mean(), abs=0.5)
    assert found.se < prediction_powered_mean(noise, human).se / 2


def test_tuned_weight_is_the_formula_of_the_paper():
    judge, human, _ = with_labels(noise=2.0)
    y, f = human[:40], judge[:40]
    expected = np.cov(y, f)[0, 1] / ((1 + 40 / 400) * judge.var(ddof=1))
    assert prediction_powered_mean(judge, human, tune=True).weight == pytest.approx(expected)


def test_clusters_of_one_give_nearly_the_independent_error_and_pairs_a_wider_one():
    judge, human, _ = with_labels()
    plain = prediction_powered_mean(judge, human)
    single = prediction_powered_mean(judge, human, clusters=range(440))
    assert single.se == pytest.approx(plain.se, rel=0.02)
    twice = prediction_powered_mean(np.repeat(judge, 2), np.repeat(human, 2), clusters=np.arange(880) // 2)
    assert twice.value == pytest.approx(plain.value)
    assert twice.se == pytest.approx(single.se, rel=1e-9)


def test_unjudged_responses_are_left_out():
    judge, human, _ = with_labels()
    padded = prediction_powered_mean([*judge, None, None], [*human, 3.0, None])
    assert padded == prediction_powered_mean(judge, human)


def test_too_few_labels_are_refused():
    with pytest.raises(UndefinedStatisticError, match="Two labelled"):
        prediction_powered_mean([1, 2, 3], [1, None, None])
    with pytest.raises(UndefinedStatisticError, match="one incident"):
        prediction_powered_mean([1, 2, 3, 4], [1, 2, None, None], clusters=["a", "a", "b", "c"])
    with pytest.raises(UndefinedStatisticError, match="Stratum b"):
        stratified_prediction_powered_mean(
            [1, 2, 3, 4, 5], [1, 2, None, None, None], ["a", "a", "a", "a", "b"]
        )


def test_strata_of_one_are_the_plain_mean():
    judge, human, _ = with_labels()
    plain = prediction_powered_mean(judge, human)
    found = stratified_prediction_powered_mean(judge, human, ["all"] * 440)
    assert (found.value, found.se, found.low) == pytest.approx((plain.value, plain.se, plain.low))


def test_strata_undo_a_lopsided_sample():
    # Labels mostly from stratum a, where the judge is 2 too high; in b it is right.
    judge = np.concatenate([np.full(100, 7.0), np.full(300, 4.0)]) + np.tile([-0.5, 0.5], 200)
    human = np.full(400, np.nan)
    human[:50], human[100:104] = judge[:50] - 2, judge[100:104]
    found = stratified_prediction_powered_mean(judge, human, ["a"] * 100 + ["b"] * 300)
    assert found.value == pytest.approx(0.25 * 5 + 0.75 * 4)
    assert prediction_powered_mean(judge, human).value < 3.6


def test_prediction_powered_interval_covers():
    hits = 0
    for seed in range(400):
        judge, human, _ = with_labels(seed=seed, n=60, rest=300, noise=1.0)
        found = prediction_powered_mean(judge, human)
        hits += found.low <= 5 <= found.high
    assert 0.92 < hits / 400 < 0.98


def test_rogan_gladen_by_hand():
    found = corrected_share(60, 100, true_yes=45, labelled_yes=50, true_no=40, labelled_no=50)
    value = 0.4 / 0.7
    variance = (0.6 * 0.4 / 100 + value**2 * 0.09 / 50 + (1 - value) ** 2 * 0.16 / 50) / 0.49
    assert found.value == pytest.approx(value)
    assert found.se == pytest.approx(math.sqrt(variance))
    assert found.uncorrected == 0.6
    assert found.low < found.value < found.high


def test_a_perfect_judge_needs_no_correction_but_keeps_its_doubt():
    found = corrected_share(30, 100, true_yes=50, labelled_yes=50, true_no=50, labelled_no=50)
    assert found.value == pytest.approx(0.3)
    assert found.se == pytest.approx(math.sqrt(0.21 / 100))
    assert found.high - found.low > 2 * 1.96 * found.se * 0.95


def test_corrected_share_stays_between_0_and_1():
    found = corrected_share(1, 100, true_yes=40, labelled_yes=50, true_no=45, labelled_no=50)
    assert found.value == 0
    assert 0 <= found.low <= found.high < 0.2


def test_a_judge_like_a_coin_is_refused():
    with pytest.raises(UndefinedStatisticError, match="coin"):
        corrected_share(50, 100, true_yes=25, labelled_yes=50, true_no=25, labelled_no=50)
    with pytest.raises(UndefinedStatisticError, match="needed"):
        corrected_share(50, 100, true_yes=0, labelled_yes=0, true_no=25, labelled_no=50)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_corrected_share_covers(share):
    draw = np.random.default_rng(1)
    hits = naive = 0
    for _ in range(1000):
        yes = draw.binomial(200, share * 0.9 + (1 - share) * 0.15)
        found = corrected_share(
            yes,
            200,
            true_yes=int(draw.binomial(60, 0.9)),
            labelled_yes=60,
            true_no=int(draw.binomial(60, 0.85)),
            labelled_no=60,
        )
        hits += found.low <= share <= found.high
        naive += abs(yes / 200 - share) <= 1.96 * math.sqrt(yes / 200 * (1 - yes / 200) / 200)
    assert 0.93 < hits / 1000 <= 0.995
    assert naive < hits
