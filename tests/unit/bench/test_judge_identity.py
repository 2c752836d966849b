"""A judge is its whole configuration: any change of it is another judge, without agreement with people."""

from __future__ import annotations

import dataclasses

import pytest

from bench.scoring import RUBRIC_NAMES, RUBRICS
from bench.scoring.rubric import Rubric
from bench.specs import GenerationConfig, JudgeSpec, ModelSpec, judgement_key

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
    ]
    hashes = [each.text_sha256 for each in (base, *changed)]
    assert len(set(hashes)) == len(hashes)


def test_every_rubric_has_a_text_and_a_name_of_its_own():
    assert len({rubric.text_sha256 for rubric in RUBRICS.values()}) == len(RUBRICS)
    assert set(RUBRIC_NAMES.values()) | {"heuristic-rules"} == set(RUBRICS)
    assert all((rubric.decide is None) != (rubric.ask is None) for rubric in RUBRICS.values())


#: Version 1 of each rubric.
PINNED = {
    "heuristic-rules": "c077fc4793c92cc5",
    "gvs-bench-published": "7c3c25a8332c71d1",
    "gvs-anchored": "a61720cba673038d",
    "framework-schwartz": "0c02420709cbc0eb",
    "framework-mft": "cbb9b80b8b1b60c9",
    "framework-llm_unique": "001385523624f6eb",
    "framework-salad": "2ca25eed5a2eb7f8",
}


def test_the_texts_of_released_rubrics_stay_as_they_are():
    """A changed text needs a new version: what people agreed with was the old one."""
    assert {name: rubric.text_sha256[:16] for name, rubric in RUBRICS.items()} == PINNED
    assert {rubric.version for rubric in RUBRICS.values()} == {1}
