"""The commands about runs: what they print, refuse and leave behind."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from bench.models import LanguageModel, Response, Run, Score
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def release():
    return make_release([make_item(prompt_en=f"Question {i}?") for i in range(3)])


def run_json(*arguments, **options):
    out = io.StringIO()
    call_command(*arguments, "--json", stdout=out, stderr=io.StringIO(), **options)
    lines = out.getvalue().splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def refused(*arguments):
    with pytest.raises(CommandError) as caught:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    return caught.value.returncode, str(caught.value)


def test_bench_run_prints_the_promised_object(release):
    found = run_json("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic", "--epochs", "2")
    promised = {
        "run": Run.objects.get().pk, "status": "finished", "items": 3,
        "responses": {"answered": 6, "refused": 0, "failed": 0, "missing": 0},
        "judgements": {"scored": 6, "unparsable": 0, "failed": 0, "missing": 0},
    }
    assert promised.items() <= found.items()
    assert {"sent": 0, "retried": 0}.items() <= found["calls"].items()
    assert 0 < found["seconds"] < 60


def test_bench_run_says_how_many_scores_there_are_and_why_others_are_missing(release):
    out = io.StringIO()
    call_command("bench_run", release.name, "--model", "baseline:echo", "--judge", "heuristic", "--hold", stdout=out)
    assert "  scores      none yet" in out.getvalue()
    run = Run.objects.get()
    out = io.StringIO()
    call_command("bench_run", "--resume", str(run.pk), stdout=out)
    assert "  scores      3 of 3\n" in out.getvalue()
    Score.objects.filter(pk=Score.objects.first().pk).update(value=None, missing_reason="0 of 1 votes valid, 1 needed")
    out = io.StringIO()
    call_command("bench_run", "--resume", str(run.pk), stdout=out)
    assert "  scores      2 of 3, missing because: 0 of 1 votes valid, 1 needed (1)" in out.getvalue()
    assert run_json("bench_run", "--resume", str(run.pk))["scores"] == {"scored": 2, "missing": 1}


@pytest.mark.parametrize("more", ["--dry-run", "--hold"])
def test_bench_run_names_each_judge_with_its_rubric(release, more):
    out = io.StringIO()
    server = "http://127.0.0.1:9/v1"
    names = [part for name in ("heuristic", f"foo:j1@{server}", f"anchored:j1@{server}") for part in ("--judge", name)]
    call_command("bench_run", release.name, "--model", "baseline:refuse", *names, more, stdout=out)
    lines = [line.split(maxsplit=1)[1] for line in out.getvalue().splitlines() if line.startswith("  judge  ")]
    assert sorted(lines) == [
        f"anchored:j1@{server} by the anchored rubric", f"foo:j1@{server} by the published rubric", "heuristic",
    ]


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_bench_run_refuses_a_rule_that_no_answer_could_meet(release, more):
    arguments = ("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic", "--least-votes")
    code, said = refused(*arguments, "5", *more)
    assert (code, Run.objects.count()) == (1, 0)
    assert said.startswith("A score on the GVS-Scale would need 5 valid votes, and of the judges of this run that rate it at most 1")
    call_command(*arguments, "1", stdout=io.StringIO())
    run = Run.objects.get()
    assert "would need 2" in refused("bench_run", "--like", str(run.pk), "--least-votes", "2", *more)[1]
    assert Run.objects.count() == 1


def test_bench_run_asks_an_endpoint_named_on_the_command_line(release):
    with running(Behaviour(faults={"server_error": 0.3})) as server:
        name = f"fake@{server.base_url}"
        found = run_json("bench_run", release.name, "--model", name, "--judge", name, "--language", "zh", "--concurrency", "2")
        assert found["calls"]["sent"] == server.received
        assert found["calls"]["retried"] == server.server.counts["server_error"]
        again = run_json("bench_run", "--resume", str(found["run"]))
        assert again["calls"] == found["calls"]
        assert again["run"] == found["run"]
    assert Response.objects.first().messages[0]["content"].startswith("请")


def test_a_human_reads_the_same_account(release):
    out = io.StringIO()
    call_command("bench_run", release.name, "--model", "baseline:echo", "--judge", "heuristic", stdout=out)
    assert "3 answered, 0 refused" in out.getvalue()
    assert "0 sent, 0 of them retries" in out.getvalue()


def test_a_dry_run_counts_and_writes_nothing(release):
    with running() as server:
        name = f"fake@{server.base_url}"
        plan = run_json("bench_run", release.name, "--model", name, "--judge", name, "--epochs", "2", "--dry-run")
        assert server.received == 0
    assert (plan["items"], plan["trials"], plan["calls"]) == (3, 6, 12)
    assert plan["tokens"]["prompt"] > 0
    assert plan["cost_usd"] is None
    # (1.960 + 0.842) * sqrt((2^2 + 2.5 / 2 epochs + 2.5 / 2 epochs) / 3 items of 3 incidents)
    assert plan["resolvable_difference"] == pytest.approx(2.8016 * (6.5 / 3) ** 0.5, abs=0.001)
    assert plan["power"]["measured_in_run"] is None
    assert not Run.objects.exists()
    assert not LanguageModel.objects.exists()


def test_a_dry_run_knows_what_is_answered_already(release):
    arguments = ("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic")
    run_json(*arguments)
    assert run_json(*arguments, "--dry-run")["answered_already"] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["bench_run"], 2, "Give the name of a release"),
        (["bench_run", "x", "--judge", "heuristic"], 2, "at least one --model"),
        (["bench_run", "x", "--model", "baseline:refuse"], 2, "one --judge"),
        (["bench_run", "x", "--model", "baseline:refuse", "--judge", "heuristic"], 1, "no release 'x'"),
        (["bench_run", "--resume", "999"], 1, "no run 999"),
        (["bench_run", "x", "--resume", "1"], 2, "from the run"),
        (["delete_run", "999", "--yes"], 1, "no run 999"),
    ],
)
def test_a_wrong_call_is_refused_with_its_code(arguments, code, words):
    returncode, message = refused(*arguments)
    assert returncode == code
    assert words in message


@pytest.mark.parametrize(
    ("option", "value", "code", "words"),
    [
        ("--model", "nobody", 1, "No model is called"),
        ("--judge", "baseline:refuse", 1, "cannot judge"),
        ("--epochs", "0", 1, "Epochs are a number from 1"),
        ("--budget", "much", 2, "no amount"),
        ("--budget", "-1", 2, "0 or more"),
        ("--concurrency", "0", 1, "from 1 to 2000"),
    ],
)
def test_a_wrong_option_is_refused_and_nothing_is_written(release, option, value, code, words):
    arguments = ["bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic", option, value]
    returncode, message = refused(*arguments)
    assert returncode == code
    assert words in message
    assert not Run.objects.exists()


def test_a_budget_without_prices_is_refused(release):
    arguments = ["bench_run", release.name, "--model", "m@http://127.0.0.1:9/v1", "--judge", "heuristic", "--budget", "5"]
    code, words = refused(*arguments)
    assert (code, words[:77]) == (1, "No price is known for m@http://127.0.0.1:9/v1; a budget could not be kept. Gi")
    assert refused(*arguments, "--dry-run")[0] == 1


def test_runs_are_listed_newest_first(release):
    assert run_json("bench_runs") == {"runs": []}
    first = run_json("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic")["run"]
    second = run_json("bench_run", release.name, "--model", "baseline:echo", "--judge", "heuristic")["run"]
    runs = run_json("bench_runs")["runs"]
    assert [run["run"] for run in runs] == [second, first]
    assert {"release": release.name, "status": "finished", "models": ["baseline:echo"]}.items() <= runs[0].items()
    assert runs[0]["created"] > runs[1]["created"]


def test_a_run_is_deleted_only_with_yes(release):
    number = run_json("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic")["run"]
    assert refused("delete_run", str(number)) == (1, f"Nothing was deleted. To delete run {number} for ever, add --yes.")
    assert run_json("delete_run", str(number), "--dry-run")["responses"] == 3
    assert Run.objects.exists()
    assert run_json("delete_run", str(number), "--yes")["deleted"] is True
    assert not Run.objects.exists()
    assert not Response.objects.exists()


def test_a_worker_executes_what_is_queued_and_says_why_it_could_not(release, monkeypatch):
    from bench.actions.create_run import create_run
    from bench.actions.register_language_model import register_judge, register_language_model

    monkeypatch.delenv("NOBODY_API_KEY", raising=False)
    judges = [register_judge("heuristic")]
    good = create_run(release=release, language_models=[register_language_model("baseline:refuse")], judges=judges, actor=None)
    keyless = register_language_model("m@http://127.0.0.1:9/v1#NOBODY_API_KEY")
    bad = create_run(release=release, language_models=[keyless], judges=judges, actor=None)
    assert run_json("worker", once=True) == {"runs": 1}
    for run in (good, bad):
        run.refresh_from_db()
    assert good.status == "finished"
    assert bad.status == "failed"
    assert "NOBODY_API_KEY" in bad.status_reason


def test_a_dry_run_plans_only_what_is_not_on_record(release):
    with running() as server:
        name = f"fake@{server.base_url}"
        arguments = ("bench_run", release.name, "--model", name, "--judge", name)
        assert run_json(*arguments, "--dry-run")["calls"] == 6
        run_json(*arguments)
        assert server.received == 6
        assert run_json(*arguments, "--dry-run")["calls"] == 0
        assert run_json(*arguments, "--epochs", "2", "--dry-run")["calls"] == 6  # the second epoch and its verdicts
        plan = run_json(*arguments, "--judge", f"anchored:{name}", "--dry-run")
        assert plan["calls"] == 3  # verdicts of the new judge
        assert server.received == 6
    assert Run.objects.count() == 1


def test_a_dry_run_counts_a_verdict_for_each_item_where_items_ask_the_same():
    same = make_release([make_item(prompt_en="Same?", focus_en=f"focus {n}") for n in range(4)])
    with running() as server:
        name = f"fake@{server.base_url}"
        arguments = ("bench_run", same.name, "--model", name, "--judge", name)
        planned = run_json(*arguments, "--dry-run")["calls"]
        run_json(*arguments)
        assert planned == server.received == 5


def test_resuming_with_a_dry_run_sends_nothing_and_plans_what_is_missing(release):
    with running() as server:
        name = f"fake@{server.base_url}"
        made = run_json("bench_run", release.name, "--model", name, "--judge", name, "--hold")["run"]
        plan = run_json("bench_run", "--resume", str(made), "--dry-run", "--max-calls", "5")
        assert (plan["calls"], server.received) == (6, 0)
        run = Run.objects.get()
        assert (run.status, run.max_calls) == ("paused", None)


def test_resuming_for_the_queue_leaves_the_run_to_the_workers(release):
    with running() as server:
        made = run_json("bench_run", release.name, "--model", f"fake@{server.base_url}", "--judge", "heuristic", "--hold")["run"]
        assert run_json("bench_run", "--resume", str(made), "--queue")["status"] == "queued"
        assert Run.objects.get().status == "queued"
        assert server.received == 0
        assert run_json("bench_run", "--resume", str(made))["status"] == "finished"
        code, words = refused("bench_run", "--resume", str(made), "--queue")
    assert (code, "cannot become" in words) == (1, True)


@pytest.mark.parametrize(
    "options",
    [
        ["--epochs", "3"], ["--epochs", "1"], ["--language", "zh"], ["--concurrency", "5"], ["--headline", "median"], ["--seed", "0"],
        ["--least-votes", "1"], ["--hold"], ["--model", "baseline:echo"],
    ],
)
def test_what_a_run_has_from_its_beginning_cannot_be_said_where_it_goes_on(release, options):
    made = run_json("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic", "--hold")["run"]
    code, words = refused("bench_run", "--resume", str(made), *options)
    assert (code, options[0] in words) == (2, True)
    assert Run.objects.get().status == "paused"


def test_a_run_is_paused_and_cancelled_by_command(release):
    made = run_json("bench_run", release.name, "--model", "baseline:refuse", "--judge", "heuristic", "--queue")["run"]
    paused = run_json("bench_run", "--pause", str(made))
    assert (paused["status"], paused["reason"]) == ("paused", "Paused by a command.")
    assert refused("bench_run", "--pause", str(made))[0] == 1
    code, words = refused("bench_run", "--cancel", str(made), "--dry-run")
    assert (code, "--dry-run" in words) == (2, True)
    assert run_json("bench_run", "--cancel", str(made))["status"] == "cancelled"
    assert refused("bench_run", "--resume", str(made))[0] == 1
    assert refused("bench_run", "--cancel", "999") == (1, "There is no run 999.")
    actions = set(LogEntry.objects.values_list("action", flat=True))
    assert {"run.ask_paused", "run.ask_cancelled"} <= actions


def test_failed_questions_are_asked_again_with_a_run_that_goes_on_only(release):
    code, words = refused("bench_run", release.name, "--model", "baseline:echo", "--judge", "heuristic", "--retry-failed")
    assert (code, "--resume" in words) == (2, True)
