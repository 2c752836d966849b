"""Judge against people: published tables, scikit-learn, statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from krippendorff import alpha as reference_alpha
from scipy import stats
from sklearn.metrics import cohen_kappa_score, precision_recall_fscore_support
from statsmodels.stats.multitest import multipletests

from bench.metrics.alternative_annotator import alternative_annotator_test
from bench.metrics.human_agreement import icc_2_1, judge_agreement, quadratic_kappa, yes_no_agreement
from gvsir.exceptions import UndefinedStatisticError

SHROUT_FLEISS = np.array(
    [[9.0, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)


def test_icc_of_shrout_and_fleiss_1979():
    found = icc_2_1(SHROUT_FLEISS)
    assert round(found.value, 2) == 0.29
    assert (round(found.low, 3), round(found.high, 3)) == (0.019, 0.761)
    assert (found.n_targets, found.n_raters) == (6, 4)


def test_icc_leaves_incomplete_targets_out():
    padded = np.vstack([SHROUT_FLEISS, [[1.0, np.nan, 2, 3]]])
    assert icc_2_1(padded) == icc_2_1(SHROUT_FLEISS)


def test_icc_punishes_a_constant_shift_and_not_the_order():
    shifted = np.array([[1.0, 3], [2, 4], [5, 7], [6, 8]])
    assert icc_2_1(shifted).value < 1
    assert icc_2_1(shifted - [0, 2]).value == pytest.approx(1)
    assert icc_2_1(SHROUT_FLEISS[:, ::-1]).value == pytest.approx(icc_2_1(SHROUT_FLEISS).value)


def test_icc_is_undefined_without_two_targets_or_any_spread():
    for table in (np.array([[1.0, 2.0]]), np.full((4, 3), 5.0), np.array([[1.0], [2.0]])):
        with pytest.raises(UndefinedStatisticError):
            icc_2_1(table)


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_quadratic_kappa_equals_scikit_learn(pairs):
    x, y = zip(*pairs, strict=True)
    if len({*x, *y}) > 1:
        expected = cohen_kappa_score(x, y, weights="quadratic", labels=range(11))
        assert quadratic_kappa(x, y) == pytest.approx(expected)


def test_kappa_is_undefined_without_units_or_spread():
    with pytest.raises(UndefinedStatisticError, match="No unit"):
        quadratic_kappa([1, None], [None, 2])
    with pytest.raises(UndefinedStatisticError, match="same score"):
        quadratic_kappa([3, 3], [3, 3])
    with pytest.raises(ValueError, match="2 ratings against 1"):
        quadratic_kappa([3, 3], [3])


def test_yes_no_agreement_equals_scikit_learn():
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, 60)
    judged = np.where(draw.random(60) < 0.8, truth, 1 - truth)
    found = yes_no_agreement([*judged, None], [*truth, 1])
    precision, recall, _, _ = precision_recall_fscore_support(truth, judged, average="binary")
    assert (found.precision, found.recall) == pytest.approx((precision, recall))
    assert found.kappa == pytest.approx(cohen_kappa_score(truth, judged))
    assert found.specificity == pytest.approx(1 - judged[truth == 0].mean())
    assert found.true_yes + found.false_yes + found.false_no + found.true_no == 60


def test_shares_over_nothing_are_none():
    found = yes_no_agreement([0, 0], [0, 0])
    assert (found.precision, found.recall, found.specificity, found.kappa) == (None, None, 1.0, None)
    with pytest.raises(ValueError, match="1 and 0"):
        yes_no_agreement([2], [1])


def people(n=60, seed=1, noise=1.0):
    draw = np.random.default_rng(seed)
    truth = draw.uniform(1, 9, n)
    return truth, np.clip(np.round(truth + draw.normal(size=(3, n)) * noise), 0, 10)


def test_judge_agreement_is_the_mean_over_pairs():
    truth, raters = people()
    judge = np.round(truth) + 1
    found = judge_agreement(judge, raters, range(60))
    assert found.judge_human.kappa == pytest.approx(np.mean([quadratic_kappa(judge, r) for r in raters]))
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert found.human_human.alpha == pytest.approx(
        np.mean([reference_alpha(raters[list(p)], level_of_measurement="interval") for p in pairs])
    )
    assert found.human_human.icc == pytest.approx(np.mean([icc_2_1(raters[list(p)].T).value for p in pairs]))
    assert found.judge_human.mae == pytest.approx(np.abs(judge - raters).mean())
    assert found.bias.value == pytest.approx((judge - raters.mean(0)).mean())
    assert found.icc_raters == icc_2_1(raters.T)
    assert (found.human_human.n_pairs, found.n_units) == (3, 60)


def test_folding_changes_only_the_folded_kappa():
    found = judge_agreement([0, 2, 4, 6, 9], np.array([[1.0, 3, 5, 7, 8]]), range(5))
    assert found.judge_human.kappa_folded == 1
    assert found.judge_human.kappa < 1
    assert found.human_human.kappa is None
    assert found.icc_raters is None


def reference_alt_test(judge, raters, epsilon, score):
    """The authors' procedure, written out with scipy and statsmodels."""
    p, advantages = [], []
    for j in range(len(raters)):
        machine, person = [], []
        for i in np.flatnonzero(~np.isnan(raters[j]) & ~np.isnan(judge)):
            others = [r[i] for k, r in enumerate(raters) if k != j and not np.isnan(r[i])]
            if others:
                machine.append(score(judge[i], others))
                person.append(score(raters[j, i], others))
        wins = np.array([a >= b for a, b in zip(machine, person, strict=True)], float)
        losses = np.array([b >= a for a, b in zip(machine, person, strict=True)], float)
        p.append(stats.ttest_1samp(losses - wins, epsilon, alternative="less").pvalue)
        advantages.append(wins.mean())
    return multipletests(p, 0.05, method="fdr_by")[0].mean(), np.mean(advantages), p


def negative_rmse(value, others):
    return round(-float(np.sqrt(np.mean([(value - o) ** 2 for o in others]))), 12)


def accuracy(value, others):
    return float(np.mean([value == o for o in others]))


@pytest.mark.parametrize(("alignment", "score"), [("rmse", negative_rmse), ("accuracy", accuracy)])
@pytest.mark.parametrize("noise", [0.5, 1.5, 3.0])
def test_alternative_annotator_test_equals_the_written_out_procedure(alignment, score, noise):
    truth, raters = people(80)
    raters[1, :20] = np.nan
    judge = np.round(truth + np.random.default_rng(7).normal(size=80) * noise)
    judge[3] = np.nan
    found = alternative_annotator_test(judge, raters, epsilon=0.1, alignment=alignment)
    omega, rho, p = reference_alt_test(judge, raters, 0.1, score)
    assert found.winning_rate == pytest.approx(omega)
    assert found.advantage == pytest.approx(rho)
    assert [row.p_value for row in found.raters] == pytest.approx(p)


def test_a_good_judge_passes_and_noise_fails():
    truth, raters = people()
    assert alternative_annotator_test(truth, raters).passes
    noise = np.random.default_rng(3).uniform(0, 10, 60)
    found = alternative_annotator_test(noise, raters)
    assert not found.passes
    assert found.winning_rate == 0
    assert found.advantage < 0.5


def test_a_larger_epsilon_is_never_harder_to_pass():
    truth, raters = people()
    judge = np.round(truth + np.random.default_rng(5).normal(size=60))
    rates = [alternative_annotator_test(judge, raters, epsilon=e).winning_rate for e in (0, 0.1, 0.2, 0.4)]
    assert rates == sorted(rates)
    assert rates[0] < rates[-1]


def test_people_with_few_units_are_skipped_and_named():
    truth, raters = people()
    raters[2, 10:] = np.nan
    assert alternative_annotator_test(truth, raters).skipped == (2,)
    with pytest.raises(UndefinedStatisticError, match="30 units"):
        alternative_annotator_test(truth[:20], raters[:, :20])


def test_a_judge_equal_to_the_only_other_rater_wins_without_spread():
    raters = np.tile(np.arange(40.0), (2, 1))
    found = alternative_annotator_test(np.arange(40.0), raters)
    assert (found.winning_rate, found.advantage) == (1.0, 1.0)
    assert found.raters[0].p_value == 0
