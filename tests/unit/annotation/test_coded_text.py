"""Coded text: runs, lanes, letters and sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.code_letters import RESERVED, letters_for
from annotation.coded_text import Passage, coded_paragraphs
from annotation.sentences import sentence_of

TEXT = "A 🤖 title\n\nFirst 客服 line.\nSecond line."


def passage(quote, category=7, id=1):
    start = TEXT.index(quote)
    return Passage(start=start, end=start + len(quote), category=category, label=quote, letter="x", id=id)


def test_paragraphs_hold_the_text_and_know_where_they_begin():
    paragraphs = coded_paragraphs(TEXT, 9, [])
    assert ["".join(run.text for run in each.runs) for each in paragraphs] == [
        "A 🤖 title", "First 客服 line.", "Second line.",
    ]
    assert [each.number for each in paragraphs] == [0, 1, 2]
    assert all(TEXT[run.start : run.start + len(run.text)] == run.text for each in paragraphs for run in each.runs)


def test_overlapping_passages_share_a_run_in_their_own_lanes_and_the_inner_one_fills():
    outer, inner = passage("First 客服 line", 7, 1), passage("客服", 9, 2)
    runs = coded_paragraphs(TEXT, 9, [inner, outer])[1].runs
    assert [(run.text, run.classes) for run in runs] == [
        ("First ", "seg m1-7 bg-7"), ("客服", "seg m1-7 m2-9 bg-9"), (" line", "seg m1-7 bg-7"), (".", ""),
    ]
    assert [run.ids for run in runs] == ["1", "1 2", "1", ""]
    assert [each.id for each in coded_paragraphs(TEXT, 9, [inner, outer])[1].margin] == [1, 2]


def test_a_passage_over_two_paragraphs_is_tagged_once():
    spanning = passage("line.\nSecond")
    paragraphs = coded_paragraphs(TEXT, 9, [spanning])
    assert [len(each.margin) for each in paragraphs] == [0, 1, 0]
    assert paragraphs[2].runs[0].classes == "seg m1-7 bg-7"


def test_a_fourth_overlapping_passage_has_a_fill_but_no_lane():
    same = [passage("客服", number, number) for number in (1, 2, 3, 4)]
    run = coded_paragraphs(TEXT, 9, same)[1].runs[1]
    assert run.classes == "seg m1-1 m2-2 m3-3 bg-1"
    assert run.ids == "1 2 3 4"


spans = st.lists(st.tuples(st.integers(0, 35), st.integers(1, 12)), max_size=8)


@given(spans)
def test_runs_never_lose_or_repeat_a_character(given_spans):
    passages = [
        Passage(start=start, end=min(start + length, len(TEXT)), category=1, label="x", letter="x", id=number)
        for number, (start, length) in enumerate(given_spans) if start < len(TEXT)
    ]
    paragraphs = coded_paragraphs(TEXT, 9, passages)
    joined = "".join(run.text for each in paragraphs for run in each.runs)
    assert joined == TEXT.replace("\n", "")
    for each in passages:
        marked = "".join(
            run.text for paragraph in paragraphs for run in paragraph.runs if str(each.id) in run.ids.split()
        )
        assert marked == TEXT[each.start : each.end].replace("\n", "")


def test_letters_are_distinct_and_leave_the_reserved_ones_alone():
    letters = letters_for(enumerate(["going along", "zeal", "wrong advice", "wild claim", *["x"] * 30]))
    given_out = [letter for letter in letters.values() if letter]
    assert len(given_out) == len(set(given_out)) == 24
    assert not RESERVED & set(given_out)
    assert (letters[0], letters[2], letters[3]) == ("a", "w", "c")


@pytest.mark.parametrize(
    ("text", "quote", "before", "after"),
    [
        ("One. Two is long. Three.", "is", "Two ", " long."),
        ("Of Acme Inc. Ltd the U.S. Air Force said so. Then no.", "Force", "Of Acme Inc. Ltd the U.S. Air ", " said so."),
        ("他们撒谎了。客服机器人骗人！第三句。", "机器人", "客服", "骗人！"),
        ("A title\n\nThe text begins. It ends.", "text", "The ", " begins."),
        ("One. Two.", "Two.", "", ""),
        ("One two. Three four. Five.", "two. Three", "One ", " four."),
    ],
)
def test_sentence_around_a_passage(text, quote, before, after):
    start = text.index(quote)
    assert sentence_of(text, start, start + len(quote)) == (before, quote, after)
