from __future__ import annotations

import pytest

from bench.forest import LEFT, RIGHT, Estimate, draw_forest, signed


def test_zero_is_in_the_middle_and_every_interval_fits():
    forest = draw_forest([
        Estimate(label="up", value=3.0, low=1.0, high=5.0), Estimate(label="down", value=-1.0, low=-2.0, high=0.0),
        Estimate(label="none", value=None),
    ])
    assert float(forest.zero) == (LEFT + RIGHT) / 2
    up, down, none = forest.marks
    assert float(forest.zero) < float(up.low) < float(up.x) < float(up.high) <= RIGHT
    assert LEFT <= float(down.low) < float(down.x) < float(down.high) == float(forest.zero)
    assert (up.side, down.side, none.side, none.x, none.low) == ("above", "below", "none", "", "")
    assert float(up.y) < float(down.y) < float(none.y) < float(forest.bottom) < forest.height


def test_the_scale_is_symmetrical_and_round():
    forest = draw_forest([Estimate(label="a", value=0.3, low=-0.1, high=0.7)])
    assert [label for _x, label in forest.ticks] == ["−1.00", "−0.50", "+0.50", "+1.00"]
    assert [label for _x, label in draw_forest([]).ticks] == ["−1.00", "−0.50", "+0.50", "+1.00"]
    assert [label for _x, label in draw_forest([Estimate(label="a", value=7.0)]).ticks] == ["−10", "−5", "+5", "+10"]


@pytest.mark.parametrize(("value", "digits", "text"), [(2, 1, "+2.0"), (-2.25, 2, "−2.25"), (0.004, 2, "0.00")])
def test_differences_carry_their_sign_and_zero_has_none(value, digits, text):
    assert signed(value, digits) == text
