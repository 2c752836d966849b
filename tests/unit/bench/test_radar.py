from __future__ import annotations

from itertools import pairwise

import pytest

from bench.radar import STYLES, WIDE, Series, draw, narrow_frame, numbered_frame


def series(name, *values) -> Series:
    return Series(name=name, url="/m/", values=values, urls=tuple(f"/{i}/" for i in range(len(values))))


def pairs(text) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in text.split()]


def test_the_first_axis_points_up_and_the_order_is_clockwise():
    radar = draw(["a", "b", "c", "d"], [series("m", 10, 5, 0, 10)], scale=(0, 10))
    (outline,) = radar.shapes[0].pieces
    (x, y), radius = WIDE.centre, WIDE.radius
    assert pairs(outline) == [(x, y - radius), (x + radius / 2, y), (x, y), (x - radius, y)]
    assert radar.shapes[0].is_closed


def test_a_missing_value_is_a_gap_and_not_the_middle():
    radar = draw(["a", "b", "c", "d"], [series("m", 10, None, 10, 10)], scale=(0, 10))
    shape = radar.shapes[0]
    assert not shape.is_closed
    assert [point.title for point in shape.points] == ["m, a: 10.0", "m, c: 10.0", "m, d: 10.0"]
    (outline,) = shape.pieces
    assert len(pairs(outline)) == 3
    assert WIDE.centre not in pairs(outline)


def test_the_middle_is_the_low_end_of_the_scale():
    radar = draw(["a", "b", "c"], [series("m", -1, -1, 0)], scale=(-1, 1))
    assert pairs(radar.shapes[0].pieces[0])[0] == WIDE.centre
    assert [tick[2] for tick in radar.ticks] == ["-0.6", "-0.2", "0.2", "0.6", "1"]


def test_labels_stand_apart_and_shapes_differ_without_colour():
    radar = draw(["a", "b", "c"], [series(f"m{n}", 1, 2, 3) for n in range(5)], scale=(0, 10))
    heights = sorted(float(shape.label_y) for shape in radar.shapes)
    assert all(high - low >= 20 for low, high in pairwise(heights))
    assert len({shape.dash for shape in radar.shapes}) == len(STYLES) == 5


def test_a_model_without_any_value_has_a_label_and_no_outline():
    shape = draw(["a", "b", "c"], [series("m", None, None, None)], scale=(0, 10)).shapes[0]
    assert (shape.pieces, shape.points, shape.leader) == ((), (), None)


@pytest.mark.parametrize("name", ["Cybercrime Assistance and Illegal Information Exposure", "错误信息与事实幻觉以及其他各种各样的长名称类别之说明"])
def test_long_names_take_three_lines(name):
    axis = draw([name, "b", "c"], [], scale=(0, 10)).axes[0]
    assert len(axis.lines) == 3
    assert all(len(line) <= 24 for _y, line in axis.lines)


def test_a_long_name_breaks_after_its_stroke_or_hyphen():
    axis = draw(["Authority/Subversion of all", "b", "c"], [], scale=(0, 10)).axes[0]
    assert [line for _y, line in axis.lines] == ["Authority/Subversion", "of all"]
    narrow = draw(["Sanctity/Degradation", "b", "c"], [], scale=(0, 10), frame=narrow_frame(["Sanctity/Degradation", "b", "c"]))
    assert [line for _y, line in narrow.axes[0].lines] == ["Sanctity/", "Degradation"]
    names = ["Self-Competence", "Low-Value Output", "Social"]
    narrow = draw(names, [], scale=(0, 10), frame=narrow_frame(names))
    assert [[line for _y, line in axis.lines] for axis in narrow.axes] == [["Self-", "Competence"], ["Low-Value", "Output"], ["Social"]]


SCHWARTZ = [
    "Self-direction", "Stimulation", "Hedonism", "Achievement", "Power", "Security", "Conformity", "Tradition",
    "Benevolence", "Universalism",
]


@pytest.mark.parametrize("names", [SCHWARTZ, ["自主", "刺激", "享乐", "成就", "权力"], ["Information & Safety", "Malicious Use", "Human Autonomy & Integrity"]])
def test_the_narrow_drawing_has_room_for_all_its_names(names):
    frame = narrow_frame(names)
    radar = draw(names, [series("m", *[1] * len(names))], scale=(0, 10), frame=frame)
    for axis in radar.axes:
        for y, line in axis.lines:
            width = sum(12 if ord(each) > 255 else 7.2 for each in line)
            left = float(axis.label_x) - {"start": 0, "middle": width / 2, "end": width}[axis.anchor]
            assert left >= -0.1
            assert left + width <= radar.width + 0.1
            assert 11 <= float(y) <= radar.height - 3
    assert radar.label_x == ""
    assert radar.shapes[0].leader is None


def test_names_without_room_are_numbers_on_the_narrow_drawing():
    names = [f"A name of quite some length {n}" for n in range(12)]
    assert narrow_frame(names) is None
    marks = [str(n) for n in range(1, 13)]
    radar = draw(names, [series("m", *[1] * 12)], scale=(0, 10), frame=numbered_frame(), marks=marks)
    assert [line for axis in radar.axes for _y, line in axis.lines] == marks
    assert radar.shapes[0].points[0].title == f"m, {names[0]}: 1.0"
