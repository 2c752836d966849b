from __future__ import annotations

import pytest

from bench.board import Board, Cell, Column, Row, ranked, sorted_rows
from bench.ranking import group_weights, rank_ranges, shared_ranks, weighted_mean


def row(name, value, interval=(None, None), **cells) -> Row:
    return Row(
        model=hash(name), name=name, url="", overall=Cell(value=value, low=interval[0], high=interval[1]),
        cells={key: Cell(value=each) for key, each in cells.items()},
    )


def test_ties_share_a_rank_and_leave_the_next_one_out():
    assert shared_ranks([5, 7, 7, 9, None, 1]) == [4, 2, 2, 1, None, 5]
    assert shared_ranks([0.1 + 0.2, 0.3]) == [1, 1]
    assert shared_ranks([None, None]) == [None, None]
    assert shared_ranks([]) == []


def test_a_missing_value_is_left_out_and_zero_is_not():
    values = {"a": None, "b": 0.0, "c": 6.0}
    assert weighted_mean(values, {"a": 1, "b": 1, "c": 1}) == (3.0, 2, 1)
    assert weighted_mean(values, {"a": 1, "b": 0, "c": 2}) == (6.0, 1, 1)
    assert weighted_mean(values, {"a": 1}) == (None, 0, 1)
    assert weighted_mean(values, {}) == (None, 0, 0)


def test_equal_weights_give_the_mean_of_the_layers():
    values = {"a": 2.0, "b": 4.0, "c": 9.0}
    groups = {"first": ["a", "b"], "second": ["c"]}
    weights = group_weights(dict.fromkeys("abc", 1.0), groups, ["a", "b", "c"])
    assert weighted_mean(values, weights).value == pytest.approx((3 + 9) / 2)
    tripled = group_weights({"a": 3, "b": 3, "c": 1}, groups, ["a", "b", "c"])
    assert weighted_mean(values, tripled).value == pytest.approx((3 * 3 + 9) / 4)


def test_a_layer_keeps_its_share_where_a_category_is_left_out_or_has_no_data():
    groups = {"first": ["a", "b"], "second": ["c"]}
    assert group_weights({"a": 1, "b": 0, "c": 1}, groups, ["a", "b", "c"]) == {"a": 1, "c": 1}
    assert group_weights({"a": 1, "b": 1, "c": 1}, groups, ["a", "c"]) == {"a": 1, "c": 1}
    assert group_weights({"a": 1, "b": 1, "c": 0}, groups, ["a", "b", "c"]) == {"a": 0.5, "b": 0.5}


def test_the_range_of_ranks_covers_everybody_whose_interval_overlaps():
    assert rank_ranges([(1, 2), (3, 4), (5, 6)]) == [(3, 3), (2, 2), (1, 1)]
    assert rank_ranges([(1, 9), (3, 4), (5, 6)]) == [(1, 3), (2, 3), (1, 2)]
    assert rank_ranges([None, (1, 2)]) == [None, (1, 1)]


def test_rows_are_ranked_best_first_and_missing_last():
    rows = ranked([row("b", 5.0), row("none", None), row("a", 5.0), row("best", 8.0, (7, 9))])
    assert [(each.name, each.rank) for each in rows] == [("best", 1), ("a", 2), ("b", 2), ("none", None)]
    assert rows[0].rank_range == (1, 1)


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
