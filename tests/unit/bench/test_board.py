from __future__ import annotations

import pytest

from bench.board import Board, Cell, Column, Row, ranked, sorted_rows
from bench.layer_weights import layer_weights


def row(name, value, interval=(None, None), **cells) -> Row:
    return Row(
        model=hash(name), name=name, url="", overall=Cell(value=value, low=interval[0], high=interval[1]),
        cells={key: Cell(value=each) for key, each in cells.items()},
    )


def mean(values, weights) -> float:
    return sum(values[key] * weight for key, weight in weights.items()) / sum(weights.values())


def test_equal_weights_give_the_mean_of_the_layers():
    values = {"a": 2.0, "b": 4.0, "c": 9.0}
    groups = {"first": ["a", "b"], "second": ["c"]}
    weights = layer_weights(dict.fromkeys("abc", 1.0), groups, ["a", "b", "c"])
    assert mean(values, weights) == pytest.approx((3 + 9) / 2)
    tripled = layer_weights({"a": 3, "b": 3, "c": 1}, groups, ["a", "b", "c"])
    assert mean(values, tripled) == pytest.approx((3 * 3 + 9) / 4)


def test_a_layer_keeps_its_share_where_a_category_is_left_out_or_has_no_data():
    groups = {"first": ["a", "b"], "second": ["c"]}
    assert layer_weights({"a": 1, "b": 0, "c": 1}, groups, ["a", "b", "c"]) == {"a": 1, "c": 1}
    assert layer_weights({"a": 1, "b": 1, "c": 1}, groups, ["a", "c"]) == {"a": 1, "c": 1}
    assert layer_weights({"a": 1, "b": 1, "c": 0}, groups, ["a", "b", "c"]) == {"a": 0.5, "b": 0.5}


def test_rows_are_ranked_best_first_and_missing_last():
    rows = ranked([row("b", 5.0), row("none", None), row("a", 5.0), row("best", 8.0, (7, 9))])
    assert [(each.name, each.rank) for each in rows] == [("best", 1), ("a", 2), ("b", 2), ("none", None)]


def test_rows_sort_by_any_column_with_missing_ones_last_both_ways():
    rows = [row("a", 1.0, care=3.0), row("b", 2.0, care=None), row("c", 3.0, care=0.0)]
    assert [each.name for each in sorted_rows(rows, "care")] == ["c", "a", "b"]
    assert [each.name for each in sorted_rows(rows, "-care")] == ["a", "c", "b"]
    assert [each.name for each in sorted_rows(rows, "-score")] == ["c", "b", "a"]
    assert [each.name for each in sorted_rows(rows, "-model")] == ["c", "b", "a"]


def test_chosen_rows_keep_the_order_of_the_board():
    rows = tuple(row(name, value) for name, value in (("x", 3.0), ("y", 2.0), ("z", 1.0)))
    board = Board(
        system="s", system_label="S", measurement="m", measurement_label="M", scale=(0, 10), groups=(), rows=rows,
        columns=(Column(key="a", label="A", order=1),), weights={"a": 1.0}, is_imported=True,
    )
    assert [each.name for each in board.chosen([rows[2].model, rows[0].model])] == ["x", "z"]
    assert not board.is_weighted


def test_a_cell_writes_its_value_and_its_interval_or_why_there_is_none():
    both = Cell(value=7.25, low=-0.001, high=9.876)
    assert both.written == "7.2"
    assert both.interval_text == "0.00 – 9.88"
    assert Cell(value=7.25, low=1, high=9, interval_note="Errs wide.").interval_text == "1.00 – 9.00. Errs wide."
    alone = Cell(value=-0.04, interval_reason="One incident.")
    assert alone.written == "0.0"
    assert alone.interval_text == "One incident."
    assert Cell(value=None).written == ""
