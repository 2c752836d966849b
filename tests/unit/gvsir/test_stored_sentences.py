"""Stored sentences with changing parts, found again and said in the reader's language."""

from __future__ import annotations

import pytest
from django.utils import translation

from bench.scoring.panel import PanelRule, Vote, headline_of
from gvsir.stored_sentences import in_readers_language


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("", ""),
        ("the answer is empty", "回答为空"),
        ("the score 11 is not between 0 and 10", "评分 11 不在 0 到 10 之间"),
        ("the reply is empty, after 2 repairs", "回复为空（重问 2 次之后）"),
        ("judgement unparsable: the score lines differ", "评判（无法解析）：各评分行给出的分数不一致"),
        ("Paused by 研究者 {0} 🙂.", "由 研究者 {0} 🙂 暂停。"),
        ("somebody's own words: with a colon; and more", "somebody's own words: with a colon; and more"),
        ("the score " + "9" * 5000 + " is not between 0 and 10", "the score " + "9" * 5000 + " is not between 0 and 10"),
    ],
)
def test_a_sentence_is_shown_in_chinese_and_its_parts_as_they_were_or_translated(stored, shown):
    assert in_readers_language(stored) == stored
    with translation.override("zh-hans"):
        assert in_readers_language(stored) == shown


def test_what_a_panel_says_of_missing_votes_is_shown_part_by_part():
    votes = [
        Vote(ref=1, value=7.0), Vote(ref=2, value=None, missing_reason="judgement unparsable: the score lines differ"),
        Vote(ref=3, value=None, missing_reason="not judged yet"),
    ]
    stored = headline_of(votes, rule=PanelRule(least_votes=2)).missing_reason
    assert stored == "1 of 3 votes valid, 2 needed; judgement unparsable: the score lines differ; not judged yet"
    with translation.override("zh-hans"):
        shown = in_readers_language(stored)
    assert shown.startswith("3 票中 1 票有效，需要 2 票；评判（无法解析）：")
    assert not any(word in shown for word in ("votes", "judged", "judgement", ";"))
