"""Cohen's kappa against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from annotation.agreement.cohen import kappa, kappa_of_table
from gvsir.exceptions import UndefinedStatisticError


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(weights, seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, 60)
    second = np.where(rng.random(60) < 0.6, first, rng.integers(0, 4, 60))
    found = kappa(first.tolist(), second.tolist(), categories=[0, 1, 2, 3], weights=weights)
    assert found.value == pytest.approx(cohen_kappa_score(first, second, weights=weights, labels=[0, 1, 2, 3]))
    assert found.n_units == 60


def test_two_by_two_by_hand():
    # 20 + 15 of 50 agree: p_o = 0.7; p_e = (25*30 + 25*20) / 2500 = 0.5.
    assert kappa_of_table([[20, 5], [10, 15]]) == pytest.approx((0.7 - 0.5) / 0.5)


def test_units_that_one_coder_left_out_do_not_count():
    full = kappa(["a", "b", "a", "b"], ["a", "b", "b", "b"])
    assert kappa(["a", "b", "a", "b", None, "a"], ["a", "b", "b", "b", "a", None]) == full


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [([None], ["a"], "rated by both"), ([], [], "rated by both"), (["a", "a"], ["a", "a"], "one and the same")],
)
def test_undefined_says_why(first, second, reason):
    with pytest.raises(UndefinedStatisticError, match=reason):
        kappa(first, second)
