"""How answers are drawn and how long a call may take is chosen by command and page, and changes what is asked."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.exceptions import BadNumberError
from bench.execution.calls import Call
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.formats.batch_jsonl import request_line
from bench.models import Run
from bench.specs import GenerationConfig
from tests.factories.annotation import make_account
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

SENT = ("temperature", "top_p", "max_tokens", "max_completion_tokens")


def bench_run(**options):
    out = StringIO()
    call_command("bench_run", json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def a_release(n=1):
    return make_release([make_item(prompt_en=f"Question {i}?") for i in range(n)])


def sent_in(body):
    return {name: body[name] for name in SENT if name in body}


def test_the_command_sets_what_is_sent_and_what_is_kept():
    release = a_release()
    with running() as server:
        server.server.keep_bodies = True
        model = f"fake@{server.base_url}"
        kept = bench_run(
            release=release.name, model=[model], judge=["heuristic"], temperature="0", top_p="0.5", max_tokens=77,
            timeout=7.5,
        )
        assert sent_in(server.server.bodies[-1]) == {"temperature": 0.0, "top_p": 0.5, "max_tokens": 77}
        run = Run.objects.get(pk=kept["run"])
        assert run.spec["generation"] == {"temperature": 0.0, "top_p": 0.5, "max_tokens": 77}
        assert run.timeout_seconds == 7.5
        again = bench_run(release=release.name, model=[model], judge=["heuristic"])
        assert again["calls"]["sent"] == 1  # other settings, another question
        assert sent_in(server.server.bodies[-1]) == {"temperature": 0.7, "top_p": 0.9, "max_tokens": 2000}
        timed = bench_run(release=release.name, model=[model], judge=["heuristic"], timeout=30)
        assert timed["calls"]["sent"] == 0  # another timeout is no other question


def test_what_is_left_to_the_endpoint_is_not_sent_and_stays_left_out_when_the_run_goes_on():
    with running() as server:
        server.server.keep_bodies = True
        run = bench_run(
            release=a_release().name, model=[f"fake@{server.base_url}"], judge=[f"judge@{server.base_url}"],
            temperature="none", top_p="NONE", judge_temperature="none", judge_top_p="1", hold=True,
        )
        assert Run.objects.get().spec["generation"] == {"max_tokens": 2000}
        result = bench_run(resume=run["run"])
    assert [sent_in(body) for body in server.server.bodies] == [
        {"max_tokens": 2000}, {"top_p": 1.0, "max_tokens": 1200},
    ]
    assert result["judgements"]["scored"] == 1


@pytest.mark.parametrize(("options", "said"), [
    ({"temperature": "2.1"}, "A temperature"), ({"temperature": "-0.1"}, "A temperature"),
    ({"temperature": "nan"}, "A temperature"), ({"top_p": "1.5"}, "Top-p"), ({"max_tokens": 0}, "The most tokens"),
    ({"max_tokens": 10**20}, "The most tokens"), ({"timeout": 0.5}, "A timeout"), ({"timeout": float("inf")}, "A timeout"),
    ({"temperature": "warm"}, "'warm' is neither"),
    ({"judge_temperature": "9", "judge": ["judge@http://127.0.0.1:9/v1"]}, "A temperature"),
])
def test_settings_that_no_endpoint_takes_are_refused(options, said):
    release = a_release()
    with pytest.raises(CommandError, match=said):
        bench_run(**{"release": release.name, "model": ["fake@http://127.0.0.1:9/v1"], "judge": ["heuristic"], **options})
    assert not Run.objects.exists()


def test_settings_are_not_taken_where_a_run_goes_on():
    for option in ({"temperature": "0"}, {"timeout": 5.0}, {"max_tokens": 5}, {"judge_top_p": "1"}):
        with pytest.raises(CommandError, match="leave out --" + next(iter(option)).replace("_", "-")):
            bench_run(resume=1, **option)


def test_a_call_may_take_as_long_as_the_run_says():
    behaviour = Behaviour(faults={"slow": 1.0}, slow_seconds=1.6, most_faults_per_prompt=1)
    policy = RetryPolicy(first_wait=0.01)
    for timeout, failures in ((1.0, {"timeout": 1}), (5.0, {})):
        with running(behaviour) as server:
            run = create_run(
                release=a_release(), language_models=[register_language_model(f"fake@{server.base_url}")],
                judges=[register_judge("heuristic")], timeout_seconds=timeout, actor=None,
            )
            assert execute_run(run.pk, settings=Settings(timeout=0.1, retry=policy)).failures == failures


def test_an_endpoint_is_told_the_most_tokens_by_the_name_it_knows():
    with running() as server:
        server.server.keep_bodies = True
        name = f"fake@{server.base_url}"
        out = StringIO()
        call_command("language_model", name, token_limit="max_completion_tokens", json=True, stdout=out)
        assert json.loads(out.getvalue())["token_limit"] == "max_completion_tokens"
        release = a_release()
        result = bench_run(release=release.name, model=[name], judge=["heuristic"], max_tokens=55)
        assert result["calls"]["sent"] == 1
        body, = server.server.bodies
        assert sent_in(body) == {"temperature": 0.7, "top_p": 0.9, "max_completion_tokens": 55}
        call_command("language_model", name, token_limit="max_tokens", stdout=out)
        again = bench_run(release=release.name, model=[name], judge=["heuristic"], max_tokens=55)
        assert again["calls"]["sent"] == 0  # the same question, said in other words


def test_lines_of_a_batch_name_the_most_tokens_so_too():
    call = Call(key="0" * 64, kind="response", lane="", client="1", messages=[], generation=GenerationConfig(max_tokens=9))
    body = json.loads(request_line(1, call, "gpt", "max_completion_tokens"))["body"]
    assert sent_in(body) == {"temperature": 0.7, "top_p": 0.9, "max_completion_tokens": 9}
    assert sent_in(json.loads(request_line(1, call, "gpt"))["body"])["max_tokens"] == 9


def test_another_temperature_of_a_judge_is_another_judge():
    name = "judge@http://127.0.0.1:9/v1"
    usual, cold = register_judge(name), register_judge(name, settings={"temperature": 0.0})
    assert usual.sha256 != cold.sha256
    assert register_judge(name, settings={"temperature": 0.0}) == cold


def posted(client, release, **more):
    return client.post("/bench/runs/", {
        "release": release.name, "models": ["baseline:refuse"], "judges": ["heuristic"], "languages": ["en"],
        "epochs": 1, "headline": "", **more,
    })


def test_the_page_sets_them_and_shows_them(client):
    client.force_login(make_account("curator"))
    release = a_release()
    page = client.get("/bench/runs/").content.decode()
    for field, usual in (("temperature", "0.7"), ("top_p", "0.9"), ("max_tokens", "2000")):
        assert f'name="{field}" value="{usual}"' in page
    assert posted(client, release, temperature="0", top_p="", max_tokens="300", timeout="90").status_code == 302
    run = Run.objects.get()
    assert run.spec["generation"] == {"temperature": 0.0, "max_tokens": 300}
    assert run.timeout_seconds == 90
    shown = client.get(f"/bench/runs/{run.pk}/").content.decode()
    assert "temperature 0.0, top-p left to the endpoint, at most 300 tokens" in shown
    assert "at most 90.0 s a call" in shown
    assert posted(client, release, temperature="3").status_code == 400
    assert posted(client, release, timeout="0").status_code == 400
    assert Run.objects.count() == 1


def test_a_form_that_does_not_ask_leaves_them_as_usual(client):
    client.force_login(make_account("curator"))
    assert posted(client, a_release()).status_code == 302
    run = Run.objects.get()
    assert (run.spec["generation"], run.timeout_seconds) == (GenerationConfig().as_json(), None)


def test_bounds_are_checked_for_whoever_makes_a_run():
    with pytest.raises(BadNumberError):
        create_run(
            release=a_release(), language_models=[register_language_model("baseline:refuse")],
            judges=[register_judge("heuristic")], generation=GenerationConfig(top_p=-1.0), actor=None,
        )
