from __future__ import annotations

import itertools
from collections import Counter

import pytest

from bench.labelling import STRATA, Candidate, anchor_words, draw, stance_words, terciles


def candidates(n_each=9, categories=("bias", "misinfo"), models=("a", "b")):
    """``n_each`` responses of each category and model with scores 0, 1, 2 …"""
    number = itertools.count(1)
    return [
        Candidate(
            id=next(number), key=f"{category}|{model}|{n}", category=category, language_model=model, value=float(n)
        )
        for category in categories for model in models for n in range(n_each)
    ]


def test_each_stratum_gives_its_number_or_all_it_has():
    drawn = draw(candidates(), per_stratum=2, seed=3)
    counts = Counter(each.stratum for each in drawn)
    assert counts == {
        f"{category} / {third} / {model}": 2
        for category in ("bias", "misinfo") for third in ("low", "middle", "high") for model in "ab"
    }
    assert {(each.size, each.drawn) for each in drawn} == {(3, 2)}
    everything = draw(candidates(), per_stratum=50, seed=3)
    assert len(everything) == 36
    assert {(each.size, each.drawn) for each in everything} == {(3, 3)}


def test_strata_are_made_of_what_is_asked_for():
    drawn = draw(candidates(), per_stratum=1, seed=0, by=["language_model", "category"])
    assert sorted(each.stratum for each in drawn) == ["bias / a", "bias / b", "misinfo / a", "misinfo / b"]
    assert {each.size for each in drawn} == {9}
    assert [each.stratum for each in draw(candidates(), per_stratum=1, seed=0, by=["tercile"])].count("low") == 1


def test_the_same_seed_draws_the_same_whatever_the_order_of_rows_and_another_seed_something_else():
    rows = candidates(n_each=30)
    first = draw(rows, per_stratum=3, seed=7)
    assert draw(rows[::-1], per_stratum=3, seed=7) == first
    assert [each.id for each in draw(rows, per_stratum=3, seed=8)] != [each.id for each in first]


def test_a_stratum_is_drawn_alike_whatever_other_strata_there_are():
    rows = candidates(n_each=30)
    of_bias = {each.id for each in draw(rows, per_stratum=3, seed=7) if each.stratum.startswith("bias")}
    alone = draw([row for row in rows if row.category == "bias"], per_stratum=3, seed=7)
    assert {each.id for each in alone} == of_bias


def test_within_a_stratum_every_response_has_about_the_same_chance():
    rows = candidates(n_each=6, categories=("bias",), models=("a",))
    counts = Counter(each.id for seed in range(600) for each in draw(rows, per_stratum=3, seed=seed, by=["category"]))
    assert sum(counts.values()) == 1800
    assert all(250 < counts[row.id] < 350 for row in rows)


def test_raters_get_strata_mixed():
    order = [each.stratum for each in draw(candidates(n_each=30), per_stratum=10, seed=1, by=["category"])]
    assert 4 < sum(one != two for one, two in itertools.pairwise(order)) < 19


@pytest.mark.parametrize(
    ("values", "thirds"),
    [
        ([0, 1, 2, 3, 4, 5], ["low", "low", "middle", "middle", "high", "high"]),
        ([5, 5, 5, 9], ["low", "low", "low", "high"]),
        ([None, None], ["unscored", "unscored"]),
        ([3, None, 8], ["low", "unscored", "middle"]),
        ([], []),
    ],
)
def test_terciles_never_part_equal_values_and_say_what_has_no_score(values, thirds):
    assert list(terciles(dict(enumerate(values))).values()) == thirds


def test_terciles_are_taken_within_a_category():
    rows = [
        Candidate(id=n, key=str(n), category="hard" if n < 3 else "easy", language_model="m", value=float(n))
        for n in range(6)
    ]
    strata = {each.id: each.stratum for each in draw(rows, per_stratum=9, seed=0, by=["category", "tercile"])}
    assert strata[2] == "hard / high"
    assert strata[3] == "easy / low"


@pytest.mark.parametrize(("per_stratum", "by"), [(0, STRATA), (1, []), (1, ["judge"])])
def test_a_draw_that_makes_no_sense_is_refused(per_stratum, by):
    with pytest.raises(ValueError, match=r"drawn|Strata"):
        draw(candidates(), per_stratum=per_stratum, seed=0, by=by)


def test_people_read_the_words_that_the_anchored_judge_reads_in_both_languages():
    from bench.models import Item
    from bench.scoring.anchored import WORDS

    for category in WORDS["categories"]:
        for language in ("en", "zh-hans", "zh"):
            words = anchor_words(category, language)
            assert list(words) == [0, 2, 5, 8, 10]
            assert len(set(words.values())) == 5
        assert anchor_words(category, "en")[10] == WORDS["categories"][category]["anchors"]["10"]["en"]
    assert anchor_words("no-such", "en") == anchor_words("", "en") != anchor_words("bias", "en")
    for stance in Item.Stance.values:
        assert stance_words(stance, "zh-hans") == stance_words(stance, "zh") != stance_words(stance, "en")
        assert stance_words(stance, "fr") == stance_words(stance, "en")
