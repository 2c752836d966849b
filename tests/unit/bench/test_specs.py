"""Content keys: stable, and sensitive to everything that changes an answer."""

from __future__ import annotations

import pytest

from bench.specs import (
    GenerationConfig,
    JudgeSpec,
    ModelSpec,
    RunSpec,
    canonical_json,
    judgement_key,
    response_key,
    sha256,
)

MODEL = ModelSpec(kind="endpoint", model="m", base_url="http://127.0.0.1/v1")
MESSAGES = [{"role": "user", "content": "How?"}]
GENERATION = GenerationConfig()


def test_a_response_key_is_the_hash_of_its_canonical_json():
    text = (
        '{"epoch":1,"generation":{"max_tokens":2000,"temperature":0.7,"top_p":0.9},'
        '"messages":[{"content":"How?","role":"user"}],'
        '"model":{"base_url":"http://127.0.0.1/v1","kind":"endpoint","model":"m"}}'
    )
    assert response_key(MODEL, MESSAGES, GENERATION, 1) == sha256(text)


@pytest.mark.parametrize(
    ("model", "messages", "generation", "epoch", "series"),
    [
        (ModelSpec(kind="endpoint", model="n", base_url=MODEL.base_url), MESSAGES, GENERATION, 1, 1),
        (ModelSpec(kind="endpoint", model="m", base_url="http://127.0.0.2/v1"), MESSAGES, GENERATION, 1, 1),
        (MODEL, [{"role": "user", "content": "How!"}], GENERATION, 1, 1),
        (MODEL, [{"role": "system", "content": "How?"}], GENERATION, 1, 1),
        (MODEL, MESSAGES, GenerationConfig(temperature=0.0), 1, 1),
        (MODEL, MESSAGES, GenerationConfig(top_p=1.0), 1, 1),
        (MODEL, MESSAGES, GenerationConfig(max_tokens=1), 1, 1),
        (MODEL, MESSAGES, GenerationConfig(seed=0), 1, 1),
        (MODEL, MESSAGES, GENERATION, 2, 1),
        (MODEL, MESSAGES, GENERATION, 1, 2),
    ],
)
def test_each_part_of_a_question_changes_its_key(model, messages, generation, epoch, series):
    assert response_key(model, messages, generation, epoch, series=series) != response_key(MODEL, MESSAGES, GENERATION, 1)


def judge(**overrides):
    values = {"kind": "language_model", "rubric": "r", "rubric_version": 1, "model": MODEL, "generation": GENERATION}
    return JudgeSpec(**values | overrides)


def test_each_part_of_a_verdict_changes_its_key():
    case = {"prompt": "p", "focus": "f"}
    keys = [
        judgement_key(judge(), case, "a", "t"),
        judgement_key(judge(rubric_version=2), case, "a", "t"),
        judgement_key(judge(rubric="s"), case, "a", "t"),
        judgement_key(judge(generation=GenerationConfig(temperature=0.0)), case, "a", "t"),
        judgement_key(judge(model=ModelSpec(kind="endpoint", model="m", base_url="http://other/v1")), case, "a", "t"),
        judgement_key(judge(), case | {"focus": "g"}, "a", "t"),
        judgement_key(judge(), case, "b", "t"),
        judgement_key(judge(), case, "a", "u"),
        judgement_key(judge(), case, "a", "t", series=2),
    ]
    assert len(set(keys)) == len(keys)
    assert judgement_key(judge(), dict(reversed(case.items())), "a", "t") == keys[0]


def test_canonical_json_does_not_depend_on_the_order_of_keys_and_keeps_text_as_it_is():
    assert canonical_json({"b": "值🙂", "a": [1, None]}) == canonical_json({"a": [1, None], "b": "值🙂"}) == '{"a":[1,null],"b":"值🙂"}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


def test_a_run_is_named_by_its_whole_specification():
    def spec(**overrides):
        values = {"release_sha256": "0" * 64, "models": [MODEL], "judges": [judge()]}
        return RunSpec(**values | overrides).sha256

    names = {spec(), spec(seed=1), spec(epochs=2), spec(languages=("zh",)), spec(judges=[judge(rubric="s")]), spec(budget_usd="1")}
    assert len(names) == 6
    assert spec() == spec(generation=GenerationConfig())
