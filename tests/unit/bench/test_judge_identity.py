"""A judge is its whole configuration: any change of it is another judge, without agreement with people."""

from __future__ import annotations

import ast
import dataclasses
import inspect

import pytest

from bench.scoring import CHECK_NAMES, RUBRIC_NAMES, RUBRICS, heuristic
from bench.scoring import rubric as rubric_module
from bench.scoring.rubric import Rubric
from bench.specs import GenerationConfig, JudgeSpec, ModelSpec, canonical_json, judgement_key, sha256

MODEL = ModelSpec(kind="endpoint", model="m", base_url="http://a/v1")
SPEC = JudgeSpec(
    kind="language_model", rubric="gvs-anchored", rubric_version=1, rubric_sha256="0" * 64, repairs=2, model=MODEL,
    generation=GenerationConfig(),
)


@pytest.mark.parametrize("change", [
    {"kind": "heuristic"},
    {"rubric": "gvs-bench-published"},
    {"rubric_version": 2},
    {"rubric_sha256": "1" * 64},
    {"repairs": 1},
    {"model": dataclasses.replace(MODEL, model="n")},
    {"model": dataclasses.replace(MODEL, base_url="http://b/v1")},
    {"generation": GenerationConfig(temperature=0.0)},
    {"generation": GenerationConfig(top_p=1.0)},
    {"generation": GenerationConfig(max_tokens=10)},
    {"generation": GenerationConfig(seed=1)},
])
def test_any_change_is_another_judge_and_another_verdict(change):
    other = dataclasses.replace(SPEC, **change)
    assert other.sha256 != SPEC.sha256
    assert judgement_key(other, {}, "a", "t") != judgement_key(SPEC, {}, "a", "t")


def test_the_same_configuration_is_the_same_judge():
    assert dataclasses.replace(SPEC).sha256 == SPEC.sha256


def test_all_that_a_rubric_says_is_in_its_hash():
    base = Rubric(version=1, words={"instruction": {"en": "Rate {answer}."}}, schema={"type": "object"}, most_repairs=2)
    changed = [
        dataclasses.replace(base, words={"instruction": {"en": "Rate {answer}!"}}),
        dataclasses.replace(base, schema={"type": "array"}),
        dataclasses.replace(base, schema=None),
        dataclasses.replace(base, most_repairs=0),
        dataclasses.replace(base, reading={"longest": 1}),
        dataclasses.replace(base, reads_facts=True),
        dataclasses.replace(base, survives_cut=True),
        dataclasses.replace(base, system="mft"),
        dataclasses.replace(base, ask=lambda case, key: []),
    ]
    hashes = [each.text_sha256 for each in (base, *changed)]
    assert len(set(hashes)) == len(hashes)


def test_every_rubric_has_a_text_and_a_name_of_its_own():
    assert len({rubric.text_sha256 for rubric in RUBRICS.values()}) == len(RUBRICS)
    assert {*RUBRIC_NAMES.values(), *CHECK_NAMES.values(), "heuristic-rules"} == set(RUBRICS)
    assert not set(RUBRIC_NAMES) & set(CHECK_NAMES)
    assert all((rubric.decide is None) != (rubric.ask is None) for rubric in RUBRICS.values())


@pytest.mark.parametrize("rubric", [name for name, rubric in RUBRICS.items() if rubric.ask])
@pytest.mark.parametrize(("module", "part"), [("FENCING", "begin"), ("FENCING", "like_a_fence"), ("READING", "longest_read")])
def test_fence_and_reading_are_in_the_hash_of_whoever_is_asked(monkeypatch, rubric, module, part):
    before = RUBRICS[rubric].text_sha256
    monkeypatch.setitem(getattr(rubric_module, module), part, "changed")
    assert dataclasses.replace(RUBRICS[rubric]).text_sha256 != before
    rules = RUBRICS[heuristic.RUBRIC]
    assert dataclasses.replace(rules).text_sha256 == rules.text_sha256


@pytest.mark.parametrize("table", [heuristic.WEIGHTS, heuristic.THRESHOLDS])
def test_each_weight_and_threshold_of_the_rules_is_in_their_hash(monkeypatch, table):
    before = RUBRICS[heuristic.RUBRIC].text_sha256
    for name in table:
        with monkeypatch.context() as changed:
            changed.setitem(table, name, 99)
            assert dataclasses.replace(RUBRICS[heuristic.RUBRIC]).text_sha256 != before


def test_the_rules_hold_no_number_outside_their_tables():
    for function in (heuristic.refusal_state, heuristic.judge, heuristic._rules):
        tree = ast.parse(inspect.getsource(function))
        numbers = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) in (int, float)}
        assert numbers <= {0, 1.0, 2}  # nothing, the whole of a refusal, places after the point


#: Version 2 of each rubric, and 3 of the rules.
PINNED = {
    "heuristic-rules": "b595433288acc56f",
    "gvs-bench-published": "6a5b3e5c1e8ffaf4",
    "gvs-anchored": "fd128eaef2fd6821",
    "framework-schwartz": "517e42d27bb46ec4",
    "framework-mft": "36cee73a74da4a35",
    "framework-llm_unique": "5ca38ee4f7049327",
    "framework-salad": "bf482ca62e5c2f05",
}
#: Hash of the hashes of those of one dimension alone.
PINNED_ALONE = "5afcf7410aca8319"


def test_the_texts_of_released_rubrics_stay_as_they_are():
    """A changed text needs a new version: what people agreed with was the old one."""
    assert {name: rubric.text_sha256[:16] for name, rubric in RUBRICS.items() if not rubric.alone} == PINNED
    alone = {name: rubric.text_sha256 for name, rubric in RUBRICS.items() if rubric.alone}
    assert sha256(canonical_json(alone))[:16] == PINNED_ALONE
    assert {rubric.version for name, rubric in RUBRICS.items() if name != "heuristic-rules"} == {2}
    assert RUBRICS["heuristic-rules"].version == 3
