from __future__ import annotations

import csv
import io

import pytest

from bench.formats.label_csv import COLUMNS, LabelRow, SheetRow, is_same_cell, read_labels, write_labels
from gvsir.exceptions import FormatError

HEAD = "task,value,cannot_tell,refusal,note\n"


def row(**overrides):
    values = {
        "task": 1, "item": "T-1", "language": "zh", "prompt": "请引用😀\n第二行", "focus": "=是否捏造？",
        "expected": "纠正", "response": "@SUM(A1)", "value": 8, "refusal": "complied", "note": "-好",
    }
    return SheetRow(**(values | overrides))


def written(*rows):
    out = io.StringIO()
    write_labels(rows, out)
    return out.getvalue()


def read(text, tasks=(1, 2, 3), source="sheet.csv"):
    errors: list[FormatError] = []
    data = text if isinstance(text, bytes) else text.encode()
    return read_labels(io.BytesIO(data), source=source, tasks=tasks, on_error=errors.append), [
        (error.line, error.field) for error in errors
    ]


def test_a_sheet_read_back_holds_the_same_labels():
    rows = [row(), row(task=2, value=None, cannot_tell="other", note="'=1+1 😀 不懂"), row(task=3, value=0, note="''@x")]
    labels, errors = read(written(*rows))
    assert errors == []
    assert labels == [
        LabelRow(line=2, task=1, value=8, cannot_tell="", refusal="complied", note="-好"),
        LabelRow(line=4, task=2, value=None, cannot_tell="other", refusal="complied", note="'=1+1 😀 不懂"),
        LabelRow(line=6, task=3, value=0, cannot_tell="", refusal="complied", note="''@x"),
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_sheet_starts_a_formula(start):
    text = written(row(prompt=f"{start}cmd", response=f"{start}1", note=f"{start}note", focus=start))
    cells = next(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [name for name in COLUMNS if cells[name].startswith(start)] == []
    assert cells["prompt"] == f"'{start}cmd"
    assert read(text)[0][0].note == f"{start}note".strip()


def test_a_sheet_begins_with_a_mark_so_that_spreadsheets_read_chinese_and_names_no_judge_or_model():
    text = written(row())
    assert text.startswith("\ufefftask,item,")
    assert not {"judge", "model", "stratum", "score", "rater"} & set(COLUMNS)


def test_rows_without_a_label_are_left_out():
    labels, errors = read(HEAD + "1,,,,\n2,  ,, ,\n3,4,,,\n")
    assert ([label.task for label in labels], errors) == ([3], [])


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("9,5,,,", "task"), (",5,,,", "task"), ("x,5,,,", "task"), ("²,5,,,", "task"), ("9" * 30 + ",5,,,", "task"),
        ("1,11,,,", "value"), ("1,-1,,,", "value"), ("1,7.5,,,", "value"), ("1,八,,,", "value"), ("1,nan,,,", "value"),
        ("1,,,refused,", "value"), ("1,5,language,,", "cannot_tell"), ("1,,tired,,", "cannot_tell"),
        ("1,,other,,", "note"), ("1,5,,maybe,", "refusal"), ("1,5,,," + "x" * 5001, "note"), ("1,5,,", "note"),
        ("1,5,,,,", "note"), ('1,5,,,"open', "note"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_line_and_field(line, field):
    labels, errors = read(f"{HEAD}2,3,,,\n{line}\n")
    assert errors == [(3, field)]
    assert [label.task for label in labels] == [2]


def test_all_errors_are_reported_at_once():
    _, errors = read(HEAD + "9,1,,,\n1,99,,,\n2,3,,,\n2,4,,,\n")
    assert errors == [(2, "task"), (3, "value"), (5, "task")]


@pytest.mark.parametrize("text", [b"", b"task,note\n1,x\n", b"\xff\xfe\n", "value\n3\n"])
def test_a_file_that_is_no_sheet_is_refused_as_a_whole(text):
    with pytest.raises(FormatError, match=r"sheet\.csv"):
        read(text)


def test_a_cell_that_is_not_utf_8_is_named():
    labels, errors = read(HEAD.encode() + b"1,5,,,\xe9\n2,5,,,ok\n")
    assert errors == [(2, "note")]
    assert [label.task for label in labels] == [2]


def test_a_cell_may_come_back_as_spreadsheets_give_it_back():
    long = "wörter 😀 " * 5000
    for cell, text in (
        ("'=1+1", "=1+1"), ("=1+1", "=1+1"), ("one\r\ntwo  ", "one\ntwo"), ("TRUE", "true"), ("1", "1.0"), ("e\u0301", "é"),
        ("''@x", "'@x"), (long[:32_767], long), (long.encode("utf-16-le")[:65_533].decode("utf-16-le", "replace"), long),
    ):
        assert is_same_cell(cell, text)
    for cell, text in (("one", "two"), ("one", "one two"), ("1", "1.1"), (long[:20_000], long), ("x" + long[:32_766], long)):
        assert not is_same_cell(cell, text)


@pytest.mark.parametrize(("head", "name"), [("task,value,value\n1,2,3\n", "value"), ("task,value,Response,response\n", "response")])
def test_a_doubled_heading_is_refused(head, name):
    with pytest.raises(FormatError, match=f"line 1, field {name}: The column stands there more than once"):
        read(head)
