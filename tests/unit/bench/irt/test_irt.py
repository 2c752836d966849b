"""Item response models: published LSAT estimates, scipy and statsmodels, recovery, missing answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import integrate, optimize, stats
from scipy.special import expit

from bench.irt.ability import ability_scores
from bench.irt.estimates import Priors
from bench.irt.item_fit import item_fit
from bench.irt.joint import joint_map
from bench.irt.rasch import fit_rasch
from bench.irt.responses import as_responses, dichotomised
from bench.irt.two_parameter import fit_two_parameter
from gvsir.exceptions import UndefinedStatisticError

FREE = Priors(sd_difficulty=np.inf, sd_log_discrimination=np.inf)
# LSAT section 6, 1,000 persons, five items: Bock and Lieberman 1970; counts of 00000, 00001, ...
LSAT_COUNTS = [3, 6, 2, 11, 1, 1, 3, 4, 1, 8, 0, 16, 0, 3, 2, 15]
LSAT_COUNTS += [10, 29, 14, 81, 3, 28, 15, 80, 16, 56, 21, 173, 11, 61, 28, 298]
LSAT = np.repeat(np.array(list(itertools.product([0.0, 1.0], repeat=5))), LSAT_COUNTS, axis=0)


def simulated(subjects=50, items=1000, seed=0, spread=0.3):
    draw = np.random.default_rng(seed)
    ability, b = draw.normal(size=subjects), draw.normal(size=items)
    c = np.exp(spread * draw.normal(size=items))
    answers = (draw.random((subjects, items)) < expit(c * (ability[:, None] - b))).astype(float)
    return answers, ability, b, c


def test_lsat_item_totals_are_those_published():
    assert LSAT.sum(0).tolist() == [924, 709, 553, 763, 870]


def test_two_parameters_of_lsat_as_printed_by_r_ltm():
    # D. Rizopoulos, ltm, J. Statistical Software 17(5), 2006: ltm(LSAT ~ z1), log-likelihood -2466.653.
    fit = fit_two_parameter(LSAT, priors=FREE)
    assert fit.difficulty == pytest.approx([-3.3597, -1.3696, -0.2799, -1.8659, -3.1236], abs=0.004)
    assert fit.discrimination == pytest.approx([0.8254, 0.7229, 0.8905, 0.6886, 0.6575], abs=0.001)
    assert round(fit.log_likelihood, 3) == -2466.653
    assert fit.se_difficulty == pytest.approx([0.8669, 0.3073, 0.0997, 0.4341, 0.8700], rel=0.01)
    se_c = fit.se_log_discrimination * fit.discrimination
    assert se_c == pytest.approx([0.2581, 0.1867, 0.2326, 0.1852, 0.2100], rel=0.01)
    assert fit.converged


def test_one_parameter_of_lsat_as_printed_by_r_ltm():
    # rasch(LSAT): difficulties -3.6153 ... on a scale with common discrimination 0.7551; -2466.938.
    fit = fit_rasch(LSAT, priors=FREE)
    assert fit.population_sd == pytest.approx(0.7551, abs=2e-4)
    printed = np.array([-3.6153, -1.3224, -0.3176, -1.7301, -2.7802])
    assert fit.difficulty / fit.population_sd == pytest.approx(printed, abs=0.002)
    assert round(fit.log_likelihood, 3) == -2466.938


def test_marginal_log_likelihood_is_the_integral():
    fit = fit_two_parameter(LSAT, priors=FREE)
    total = 0.0
    for pattern, count in zip(itertools.product([0, 1], repeat=5), LSAT_COUNTS, strict=True):
        sign = 2 * np.array(pattern) - 1

        def density(a, sign=sign):
            return expit(sign * fit.discrimination * (a - fit.difficulty)).prod() * stats.norm.pdf(a)

        total += count * np.log(integrate.quad(density, -9, 9)[0])
    assert fit.log_likelihood == pytest.approx(total, abs=1e-4)


def test_marginal_map_is_a_stationary_point_of_the_posterior():
    answers, *_ = simulated(subjects=40, items=6, seed=3)
    fit = fit_two_parameter(answers, n_nodes=31)
    x, w = np.polynomial.hermite_e.hermegauss(81)

    def negative_posterior(theta):
        u, b = theta[:6], theta[6:]
        z = np.exp(u) * (x[:, None] - b)
        likelihood = np.exp(-np.logaddexp(0, -z) @ answers.T - np.logaddexp(0, z) @ (1 - answers).T)
        logs = np.log(w / w.sum() @ likelihood).sum()
        return -(logs - (u**2).sum() / (2 * 0.5**2) - (b**2).sum() / (2 * 2.0**2))

    start = np.concatenate([np.log(fit.discrimination), fit.difficulty])
    best = optimize.minimize(negative_posterior, np.zeros(12), method="BFGS", options={"gtol": 1e-6})
    assert start == pytest.approx(best.x, abs=2e-3)


@pytest.mark.parametrize("two_parameters", [False, True])
def test_joint_map_is_the_mode_that_scipy_finds(two_parameters):
    answers, *_ = simulated(subjects=12, items=8, seed=5)
    answers[0, 0] = answers[3, 4] = np.nan
    present = ~np.isnan(answers)

    def negative_posterior(theta):
        a, b = theta[:12], theta[12:20]
        u = theta[20:] if two_parameters else np.zeros(8)
        z = np.exp(u) * (a[:, None] - b)
        logs = np.where(present, np.nan_to_num(answers) * z - np.logaddexp(0, z), 0).sum()
        return -(logs - (a**2).sum() / 2 - (b**2).sum() / 2 - (u**2).sum() / (2 * 0.25))

    size = 28 if two_parameters else 20
    best = optimize.minimize(negative_posterior, np.zeros(size), method="BFGS", options={"gtol": 1e-7})
    fit = joint_map(
        as_responses(answers),
        two_parameters=two_parameters,
        priors=Priors(sd_difficulty=1.0),
        standardise=False,
        max_iterations=3000,
        tolerance=1e-9,
    )
    found = np.concatenate([fit.ability, fit.difficulty, np.log(fit.discrimination)])[:size]
    assert found == pytest.approx(best.x, abs=1e-4)


def test_item_errors_near_the_logistic_regression_when_abilities_are_sharp():
    # The regression takes abilities as known; the model adds the doubt about where the population
    # lies (variance 1/n) and how wide it is (b^2 / 2n).
    answers, *_ = simulated(subjects=400, items=300, seed=2)
    fit = fit_two_parameter(answers, priors=FREE)
    for item in (3, 77, 150):
        glm = sm.Logit(answers[:, item], sm.add_constant(fit.ability)).fit(disp=0)
        intercept, slope = glm.params
        assert fit.discrimination[item] == pytest.approx(slope, rel=0.06)
        assert fit.difficulty[item] == pytest.approx(-intercept / slope, abs=0.05)
        gradient = np.array([-1 / slope, intercept / slope**2])
        se_b = np.sqrt(gradient @ glm.cov_params() @ gradient)
        whole = np.sqrt(se_b**2 + (1 + fit.difficulty[item] ** 2 / 2) / 400)
        assert fit.se_difficulty[item] == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("method", ["marginal", "joint"])
@pytest.mark.parametrize("fitted", [fit_two_parameter, fit_rasch])
def test_parameters_are_recovered_from_50_models_and_1000_items(fitted, method):
    answers, ability, b, _ = simulated()
    answers[np.random.default_rng(1).random(answers.shape) < 0.1] = np.nan
    fit = fitted(answers, method=method)
    assert np.corrcoef(fit.difficulty, b)[0, 1] > 0.9
    assert np.corrcoef(fit.ability, ability)[0, 1] > 0.98
    assert fit.converged


def test_discrimination_is_recovered_with_many_models():
    answers, _, _, c = simulated(subjects=800, items=100, seed=4, spread=0.5)
    fit = fit_two_parameter(answers)
    assert np.corrcoef(np.log(fit.discrimination), np.log(c))[0, 1] > 0.9


def test_standard_errors_cover():
    inside_b, inside_a = [], []
    for seed in range(8):
        answers, ability, b, _ = simulated(subjects=200, items=60, seed=seed, spread=0.3)
        fit = fit_two_parameter(answers)
        inside_b.append(np.abs(fit.difficulty - b) < 1.96 * fit.se_difficulty)
        inside_a.append(np.abs(fit.ability - ability) < 1.96 * fit.se_ability)
    assert 0.92 < np.mean(inside_b) < 0.98
    assert 0.92 < np.mean(inside_a) < 0.98


def test_missing_answers_are_not_wrong_answers():
    answers, ability, *_ = simulated(subjects=60, items=200, seed=6)
    answers[:30, :100] = np.nan
    fit = fit_two_parameter(answers)
    assert np.corrcoef(fit.ability, ability)[0, 1] > 0.95
    as_wrong = fit_two_parameter(np.nan_to_num(answers))
    assert fit.ability[:30].mean() - as_wrong.ability[:30].mean() > 0.3


def test_items_answered_alike_are_named():
    answers, *_ = simulated(subjects=20, items=12, seed=7)
    answers[:, 0], answers[:, 1], answers[:, 2] = 1, 0, np.nan
    for fitted in (fit_two_parameter, fit_rasch):
        fit = fitted(answers)
        assert fit.without_information[:3].all()
        assert fit.warnings == (
            f"{int(fit.without_information.sum())} items were answered alike by all; "
            "only the prior places them.",
        )
        assert fit.difficulty[0] < fit.difficulty[2] < fit.difficulty[1]
        assert fit.difficulty[2] == pytest.approx(0, abs=1e-3)


def test_a_fit_that_stopped_early_says_so():
    answers, *_ = simulated(subjects=10, items=20)
    fit = joint_map(as_responses(answers), two_parameters=True, priors=Priors(), max_iterations=2)
    assert not fit.converged
    assert "still moved" in fit.warnings[-1]


def test_few_models_are_refused_two_parameters_and_given_one():
    answers, *_ = simulated(subjects=4, items=50)
    with pytest.raises(UndefinedStatisticError, match="5 subjects"):
        fit_two_parameter(answers)
    assert (fit_rasch(answers).discrimination == 1).all()


def test_bad_responses_are_refused():
    with pytest.raises(ValueError, match="0, 1 or missing"):
        fit_rasch(np.array([[0.5, 1], [1, 0]]))
    with pytest.raises(ValueError, match="subject, item"):
        fit_rasch(np.array([0.0, 1.0]))
    with pytest.raises(UndefinedStatisticError, match="no response"):
        fit_rasch(np.array([[np.nan, np.nan], [1, 0]]))
    with pytest.raises(UndefinedStatisticError, match="Two subjects"):
        fit_rasch(np.array([[1.0, 0.0]]))


def test_dichotomised_keeps_missing_missing():
    found = dichotomised(np.array([[7.0, 4.9, np.nan, 5.0]]), threshold=5)
    assert found[0, [0, 1, 3]].tolist() == [1, 0, 1]
    assert np.isnan(found[0, 2])


def test_infit_and_outfit_by_hand():
    answers, *_ = simulated(subjects=30, items=10, seed=8)
    answers[0, 0] = np.nan
    fit = fit_rasch(answers)
    found = item_fit(answers, fit)
    for item in (0, 4):
        rows = ~np.isnan(answers[:, item])
        p = expit(fit.ability[rows] - fit.difficulty[item])
        square = (answers[rows, item] - p) ** 2
        w = p * (1 - p)
        assert found.outfit[item] == pytest.approx((square / w).mean())
        assert found.infit[item] == pytest.approx(square.sum() / w.sum())
        fourth = p * (1 - p) ** 4 + (1 - p) * p**4
        q = np.sqrt((fourth - w**2).sum() / w.sum() ** 2)
        assert found.infit_z[item] == pytest.approx((found.infit[item] ** (1 / 3) - 1) * 3 / q + q / 3)
        q = np.sqrt((fourth / w**2).sum() / rows.sum() ** 2 - 1 / rows.sum())
        assert found.outfit_z[item] == pytest.approx((found.outfit[item] ** (1 / 3) - 1) * 3 / q + q / 3)


def test_an_item_that_runs_backwards_misfits():
    answers, *_ = simulated(subjects=300, items=30, seed=9, spread=0)
    answers[:, 5] = 1 - (answers[:, 5:].sum(1) > 12)
    found = item_fit(answers, fit_rasch(answers))
    assert found.misfits()[5]
    assert found.misfits().sum() < 4
    assert found.infit_z[5] > 5


def test_ability_given_items_is_that_of_the_fit():
    answers, *_ = simulated(subjects=40, items=120, seed=10)
    fit = fit_two_parameter(answers)
    found = ability_scores(answers, fit, rng=np.random.default_rng(0), resamples=300)
    assert found.ability == pytest.approx(fit.ability, abs=1e-4)
    assert found.se_information == pytest.approx(fit.se_ability, rel=1e-3)
    assert found.t_score == pytest.approx(50 + 10 * found.ability)
    assert np.corrcoef(found.expected_share, answers.mean(1))[0, 1] > 0.99
    assert found.se_bootstrap.mean() == pytest.approx(found.se_information.mean(), rel=0.15)


def test_resampling_incidents_widens_the_error_of_an_ability():
    answers, *_ = simulated(subjects=20, items=60, seed=11)
    tripled = np.repeat(answers, 3, axis=1)
    fit = fit_rasch(tripled)
    single = ability_scores(tripled, fit, rng=np.random.default_rng(0))
    whole = ability_scores(tripled, fit, rng=np.random.default_rng(0), clusters=np.arange(180) // 3)
    ratio = whole.se_bootstrap.mean() / single.se_bootstrap.mean()
    assert ratio == pytest.approx(np.sqrt(3), rel=0.1)
    again = ability_scores(tripled, fit, rng=np.random.default_rng(0))
    assert again.low.tolist() == single.low.tolist()
