"""The seed of a run: it draws the order of a framework's dimensions, and has nothing else asked anew."""

from __future__ import annotations

import json
import re

import pytest

from bench.actions.create_run import create_run, judge_spec, with_seed
from bench.actions.execute_run import execute_run
from bench.actions.plan_run import plan_missing
from bench.actions.register_language_model import register_judge, register_language_model
from bench.models import Judgement, Response
from bench.scoring.frameworks import dimension_keys, shuffled
from bench.specs import JudgeSpec
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("schwartz")]


@pytest.fixture
def schwartz():
    from django.core.management import call_command

    call_command("load_reference", verbosity=0)


def a_run(server, release, seed, judges):
    return create_run(
        release=release, language_models=[register_language_model(f"fake@{server.base_url}")], actor=None,
        judges=[register_judge(judge) for judge in judges], seed=seed,
    )


def verdict(body):
    if "direction" not in body["messages"][-1]["content"]:
        return None
    return json.dumps(dict.fromkeys(dimension_keys("schwartz")))


def orders(server):
    """Return, for each request about a framework, the dimensions as it names them."""
    keys = "|".join(dimension_keys("schwartz"))
    asked = [body["messages"][-1]["content"] for body in server.server.bodies]
    return [re.findall(rf"^({keys}): ", text, re.MULTILINE) for text in asked if "direction" in text]


def test_another_seed_names_the_dimensions_in_another_order_and_asks_only_their_verdicts_anew():
    with running(Behaviour(reply=verdict)) as server:
        server.server.keep_bodies = True
        names = [f"schwartz:judge@{server.base_url}", f"judge@{server.base_url}"]
        release = make_release([make_item(prompt_en="Question 0?")])
        first = execute_run(a_run(server, release, 0, names).pk)
        assert first.sent == 3  # the answer and two verdicts
        again = execute_run(a_run(server, release, 0, names).pk)
        assert again.sent == 0
        other = a_run(server, release, 5, names)
        assert plan_missing(other).calls == 1
        result = execute_run(other.pk)
        assert (result.sent, result.judgements["missing"]) == (1, 0)
        assert execute_run(a_run(server, release, 5, names).pk).sent == 0
        early, late = orders(server)
    assert sorted(early) == sorted(late) == sorted(dimension_keys("schwartz"))
    assert early != late
    assert Response.objects.count() == 1
    for run, order in ((first.run, early), (other, late)):
        judge = run.judges.get(config__rubric="framework-schwartz")
        key = Judgement.objects.get(judge=judge).key
        assert order == [each["key"] for each in shuffled("schwartz", key)]
        assert judge.config.get("seed", 0) == run.spec["seed"]


def test_the_seed_is_part_of_a_judge_that_has_an_order_and_of_no_other():
    framework, one = (register_judge(f"{rubric}judge@http://127.0.0.1:9/v1") for rubric in ("mft:", "anchored:"))
    assert with_seed(one, 7) == one
    assert with_seed(register_judge("heuristic"), 7) == register_judge("heuristic")
    assert with_seed(framework, 0) == framework
    seeded = with_seed(framework, 7)
    assert seeded == with_seed(seeded, 7) == with_seed(with_seed(framework, 8), 7) != framework
    assert (seeded.name, seeded.sha256) == (f"{framework.name} (order 7)", judge_spec(seeded).sha256)
    assert judge_spec(seeded).seed == 7
    assert with_seed(seeded, 0) == framework


def test_a_seed_of_zero_leaves_identities_as_they_were():
    spec = JudgeSpec(kind="language_model", rubric="framework-mft", rubric_version=1)
    assert "seed" not in spec.as_json()
    assert len({JudgeSpec(kind="language_model", rubric="framework-mft", rubric_version=1, seed=n).sha256
                for n in (0, 1, -1)}) == 3
