"""From votes to a headline: median, trimmed mean, least votes, and no family judging itself."""

from __future__ import annotations

import itertools

import pytest

from bench.exceptions import BadPanelError
from bench.model_families import family_of
from bench.scoring.case import NOT_ENGAGED
from bench.scoring.panel import Maker, PanelRule, Vote, headline_of, trimmed_mean


def votes(*values, families=()):
    return [
        Vote(ref=n, value=value, missing_reason="" if value is not None else f"reason {n}", family=family)
        for n, (value, family) in enumerate(itertools.zip_longest(values, families, fillvalue=""))
    ]


def test_the_headline_is_the_median_of_the_votes():
    found = headline_of(votes(2.0, 9.0, 10.0))
    assert (found.value, found.counted, found.left_out) == (9.0, (0, 1, 2), ())
    assert headline_of(votes(4.0, 9.0)).value == 6.5


def test_the_trimmed_mean_leaves_out_a_fifth_at_each_end():
    rule = PanelRule(headline="trimmed_mean")
    assert headline_of(votes(0.0, 6.0, 7.0, 8.0, 10.0), rule=rule).value == 7.0
    assert headline_of(votes(0.0, 6.0, 7.0), rule=rule).value == 6.0
    assert headline_of(votes(4.0, 5.0), rule=rule).value == 4.5
    assert trimmed_mean([0.0] * 2 + [5.0] * 6 + [10.0] * 2) == 5.0
    assert trimmed_mean([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 100.0]) == pytest.approx(5.5)


def test_a_majority_of_valid_votes_is_needed_unless_said_otherwise():
    assert headline_of(votes(7.0, None)).value is None
    assert headline_of(votes(7.0, 8.0, None)).value == 7.5
    found = headline_of(votes(7.0, None, None))
    assert found.value is None
    assert found.missing_reason == "1 of 3 votes valid, 2 needed; reason 1; reason 2"
    assert found.counted == ()
    assert headline_of(votes(7.0, None, None), rule=PanelRule(least_votes=1)).value == 7.0
    assert headline_of(votes(7.0, 8.0), rule=PanelRule(least_votes=3)).value is None


def test_a_single_judge_without_a_verdict_gives_its_own_reason():
    assert headline_of(votes(None)).missing_reason == "reason 0"
    assert headline_of([]).missing_reason == "not judged yet"


def test_votes_of_the_models_own_family_are_kept_and_do_not_count():
    found = headline_of(votes(2.0, 3.0, 10.0, families=("gpt", "claude", "llama")), family="llama")
    assert (found.value, found.counted, found.left_out) == (2.5, (0, 1), (2,))


def test_the_majority_is_of_the_judges_who_may_count():
    assert headline_of(votes(2.0, 10.0, families=("gpt", "llama")), family="llama").value == 2.0


@pytest.mark.parametrize("values", [(10.0,), (10.0, 9.0)])
def test_a_family_never_decides_alone(values):
    found = headline_of(votes(*values, families=["llama"] * len(values)), family="llama")
    assert found.value is None
    assert found.missing_reason == "only judges of the model's own family (llama) were asked"
    assert found.left_out == tuple(range(len(values)))


def test_a_family_does_not_decide_where_the_others_gave_no_verdict():
    found = headline_of(votes(None, 10.0, families=("gpt", "llama")), family="llama")
    assert (found.value, found.missing_reason, found.left_out) == (None, "reason 0", (1,))


def test_a_model_of_unknown_family_does_not_judge_itself():
    own = Vote(ref=0, value=10.0, is_own=True)
    found = headline_of([own])
    assert (found.value, found.left_out) == (None, (0,))
    assert found.missing_reason == "only the model itself and its own family were asked"
    assert headline_of([own, Vote(ref=1, value=2.0)]).value == 2.0


@pytest.mark.parametrize(("one", "other", "is_same"), [
    (("zzz", ""), ("zzz", ""), True),
    (("org/ZZZ", ""), ("zzz", ""), True),
    (("zzz", "Llama"), ("llama-judge", ""), True),
    (("zzz", "meta-llama"), ("yyy", " LLAMA "), True),
    (("deepseek-r1-distill-qwen", ""), ("qwen3", ""), True),
    (("zzz", ""), ("yyy", ""), False),
    (("zzz", "house"), ("llama-judge", ""), False),
])
def test_one_name_or_one_family_is_the_same_kind_however_it_is_spelled(one, other, is_same):
    first, second = (
        Maker.of(key=key, identifier=name, family=family) for key, (name, family) in enumerate((one, other))
    )
    assert first.is_same_kind(second) is second.is_same_kind(first) is is_same
    assert not Maker().is_same_kind(Maker())


def test_one_record_is_the_same_kind_whatever_it_is_called():
    assert Maker(key=4).is_same_kind(Maker(key=4))
    assert not Maker(key=4).is_same_kind(Maker(key=5))


def test_an_unknown_family_is_nobodys_family():
    assert headline_of(votes(7.0, families=("",)), family="").value == 7.0


def test_the_headline_does_not_depend_on_the_order_of_the_votes():
    base = votes(1.0, 4.0, 4.0, 9.0, None, 10.0)
    for rule in (PanelRule(), PanelRule(headline="trimmed_mean")):
        assert len({headline_of(order, rule=rule).value for order in itertools.permutations(base)}) == 1


def test_what_most_judges_find_not_engaged_is_not_engaged():
    silent = Vote(ref=9, value=None, missing_reason=NOT_ENGAGED)
    assert headline_of([silent, silent, Vote(ref=1, value=80.0)]).missing_reason == NOT_ENGAGED
    found = headline_of([silent, Vote(ref=2, value=None, missing_reason="cut"), Vote(ref=1, value=80.0)])
    assert found.missing_reason == "1 of 3 votes valid, 2 needed; not engaged; cut"
    assert headline_of([silent, Vote(ref=2, value=60.0), Vote(ref=1, value=80.0)]).value == 70.0


def test_a_rule_is_refused_that_cannot_be_followed():
    with pytest.raises(BadPanelError, match="median or trimmed_mean"):
        PanelRule(headline="mode")
    with pytest.raises(BadPanelError, match="at least one"):
        PanelRule(least_votes=0)


def test_a_rule_is_written_only_where_it_departs_from_the_default_and_comes_back():
    assert PanelRule().as_json() == {}
    for rule in (PanelRule(), PanelRule(headline="trimmed_mean", least_votes=2), PanelRule(least_votes=1)):
        assert PanelRule.from_json(rule.as_json()) == rule
    assert PanelRule.from_json(None) == PanelRule()


@pytest.mark.parametrize(("name", "family"), [
    ("gpt-5.2", "gpt"), ("gpt4o", "gpt"), ("chatgpt-4o-latest", "gpt"), ("o1-preview", "gpt"), ("o3", "gpt"),
    ("openai/gpt-oss-20b", "gpt"), ("claude-opus-4", "claude"), ("anthropic/claude-3-haiku", "claude"),
    ("gemini-3-pro", "gemini"), ("meta-llama/Llama-3.1-8B-Instruct", "llama"), ("Qwen/Qwen3-8B", "qwen"),
    ("qwen3:4b", "qwen"), ("qwq-32b", "qwen"), ("deepseek-v3", "deepseek"), ("Mistral-7B", "mistral"),
    ("mixtral-8x7b", "mistral"), ("phi-4", "phi"), ("phi3:mini", "phi"), ("grok-4.1", "grok"), ("glm-4.5", "glm"),
    ("anthropic.claude-3-haiku", "claude"), ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude"),
    ("azure-gpt-4o", "gpt"), ("ft:gpt-4o-mini:house::abc", "gpt"), ("hermes-3-llama-3.1-8b", "llama"),
    ("dolphin-mixtral:8x7b", "mistral"), ("amazon.nova-pro-v1:0", "nova"), ("cohere.command-r-plus", "command"),
    ("deepseek-r1-distill-qwen-7b", "deepseek+qwen"), ("supernova", ""), ("my-command", ""), ("egpt", ""),
    ("yi-34b", "yi"), ("Yi1.5", "yi"), ("fake", ""), ("yield", ""), ("o10", ""), ("phiton", ""), ("", ""),
])
def test_families_are_told_by_the_words_of_a_name(name, family):
    assert family_of(name) == family
