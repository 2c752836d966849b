"""Krippendorff's alpha: printed examples, another program, invariants, undefined cases."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.agreement.krippendorff import alpha, alpha_of, alpha_per_category
from annotation.agreement.reliability_data import from_ratings
from annotation.agreement.summary import summarise
from gvsir.exceptions import UndefinedStatisticError

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: 4 observers, 12 units.
OBSERVERS = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}
# The same, section B: two observers, twelve units, five categories.
ANIMALS = {"Meg": "babbbccceddd", "Owen": "aabbdcccedda"}


def data_of(rows):
    return from_ratings({coder: dict(enumerate(values)) for coder, values in rows.items()})


@pytest.mark.parametrize(
    ("level", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_four_observers_as_printed(level, printed):
    assert round(alpha_of(data_of(OBSERVERS), level=level), 3) == printed


def test_two_observers_nominal_as_printed():
    assert round(alpha_of(data_of(ANIMALS)), 3) == 0.692


def test_binary_by_hand():
    # Units aa, ab, bb, bb: o_ab = o_ba = 1, n_a = 3, n_b = 5, n = 8; D_o = 2/8, D_e = 2*3*5/(8*7).
    assert alpha([[2, 0], [1, 1], [0, 2], [0, 2]]) == pytest.approx(1 - (2 / 8) / (30 / 56))


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
@pytest.mark.parametrize("seed", range(8))
def test_equal_to_the_krippendorff_package_with_missing_ratings(level, seed):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, size=(2 + seed % 4, 30)).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    ours = alpha_of(
        from_ratings({
            coder: {unit: None if np.isnan(value) else value for unit, value in enumerate(row)}
            for coder, row in enumerate(ratings)
        }),
        level=level,
    )
    assert ours == pytest.approx(krippendorff.alpha(reliability_data=ratings, level_of_measurement=level), abs=1e-12)


tables = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=25).filter(
    lambda rows: len({value for row in rows for value in row}) > 1
)


@given(tables, st.permutations(range(5)), st.permutations(range(3)))
def test_nominal_alpha_ignores_names_of_categories_and_order_of_coders(rows, names, order):
    def alpha_of_rows(table):
        return alpha_of(data_of({coder: [row[coder] for row in table] for coder in range(3)}))

    changed = [[names[row[coder]] for coder in order] for row in rows]
    assert alpha_of_rows(changed) == pytest.approx(alpha_of_rows(rows))


@given(tables)
def test_perfect_agreement_is_one(rows):
    chosen = [row[0] for row in rows]
    if len(set(chosen)) > 1:
        assert alpha_of(data_of({"A": chosen, "B": chosen})) == pytest.approx(1)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([[1, 0], [0, 1]], "No unit has two ratings"),
        ([], "No unit has two ratings"),
        ([[2, 0], [3, 0]], "All ratings are the same"),
    ],
)
def test_undefined_says_why(counts, reason):
    with pytest.raises(UndefinedStatisticError, match=reason):
        alpha(counts)


def test_interval_level_without_numbers_is_refused():
    with pytest.raises(ValueError, match="one number for each"):
        alpha([[2, 0], [0, 2]], level="interval")


def test_per_category_is_alpha_of_this_one_or_another():
    data = data_of(ANIMALS)
    by_hand = from_ratings({
        coder: {unit: value == "b" for unit, value in enumerate(values)} for coder, values in ANIMALS.items()
    })
    found = alpha_per_category(data)
    assert set(found) == set("abcde")
    assert found["b"] == pytest.approx(alpha_of(by_hand))
    assert found["b"] != found["c"]


def test_category_nobody_used_is_undefined_in_words():
    data = from_ratings({"A": {1: "x", 2: "y"}, "B": {1: "x", 2: "y"}}, categories=["x", "y", "z"])
    found = alpha_per_category(data)
    assert (found["x"], found["y"]) == (1, 1)
    assert found["z"].startswith("All ratings are the same")


def test_summary_counts_units_used_and_raw_agreement():
    summary = summarise(data_of(OBSERVERS), resamples=200, seed=3)
    assert (summary.n_units, summary.n_units_used, summary.n_coders) == (12, 11, 4)
    assert round(summary.value, 3) == 0.743
    assert summary.interval.low < summary.value < summary.interval.high
    # Pairs of ratings of one unit: 11 units; units 2, 6, 8 are split 3-1, 1-1-1-1, 3-1.
    pairs = [3, 6, 6, 6, 6, 6, 6, 6, 6, 3, 1]
    same = [3, 3, 6, 6, 6, 0, 6, 3, 6, 3, 1]
    assert summary.raw_agreement == pytest.approx(sum(same) / sum(pairs))


def test_summary_of_one_category_is_undefined_with_reason_and_keeps_raw_agreement():
    summary = summarise(data_of({"A": "xx", "B": "xx"}))
    assert summary.value is None
    assert "All ratings are the same" in summary.undefined_reason
    assert summary.raw_agreement == 1
    assert summary.as_dict()["interval"] is None


def test_unknown_value_is_refused():
    with pytest.raises(ValueError, match="not among"):
        from_ratings({"A": {1: "q"}}, categories=["x"])
