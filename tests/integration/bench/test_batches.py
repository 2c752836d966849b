"""The batch API as another way of the same work: by file and directly, each reply once."""

from __future__ import annotations

import json
import random
import time
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from bench.accounting import account
from bench.actions.batch_work import batch_work
from bench.actions.change_run import hold_run, resume_run
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.join_run import join_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.score_run import score_run
from bench.exceptions import RunBusyError
from bench.models import (
    Batch,
    Executor,
    FailedAttempt,
    Judgement,
    LanguageModel,
    Purse,
    Response,
    Run,
    Score,
)
from bench.worker import next_run
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, FakeServer, running

pytestmark = pytest.mark.django_db


def make_run(n, *, models=("m@http://127.0.0.1:9/v1",), judges=("m@http://127.0.0.1:9/v1",)):
    return hold_run(run=create_run(
        release=make_release([make_item(prompt_en=f"Question {i}?") for i in range(n)]), actor=None,
        language_models=[register_language_model(name) for name in models], judges=[register_judge(name) for name in judges],
    ))


def batch(run, *arguments):
    out = StringIO()
    call_command("bench_batch", str(run.pk), *map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def answer(path, behaviour=None):
    """Reply to a file of requests as the provider would, in another order."""
    server = FakeServer(behaviour or Behaviour())
    lines = [json.dumps(server.batches.reply_to(json.loads(line))) for line in path.read_text().splitlines()]
    random.Random(1).shuffle(lines)
    replies = path.with_suffix(".replies")
    replies.write_text("\n".join(lines) + "\n")
    return replies


def test_a_run_goes_through_files_answers_first_then_verdicts(tmp_path):
    run = make_run(5, models=("m@http://127.0.0.1:9/v1", "baseline:refuse"), judges=("m@http://127.0.0.1:9/v1", "heuristic"))
    out = tmp_path / "requests.jsonl"
    found = batch(run, "--export", out)
    assert (found["status"], [each["calls"] for each in found["files"]]) == ("paused", [10])
    first = json.loads(out.read_text().splitlines()[0])
    assert (first["method"], first["url"]) == ("POST", "/v1/chat/completions")
    assert first["body"]["model"] == "m"
    assert Judgement.objects.filter(judge__name="heuristic").count() == 5  # of the policy, which answered at once
    replies = answer(out)
    assert batch(run, "--import", replies) == {
        "run": run.pk, "status": "paused", "recorded": 10, "known": 0, "failed": 0, "errors": [],
    }
    assert batch(run, "--import", replies)["known"] == 10
    again = tmp_path / "verdicts.jsonl"
    assert [each["calls"] for each in batch(run, "--export", again)["files"]] == [5]
    assert batch(run, "--import", answer(again))["status"] == "finished"
    result = account(run)
    assert result.responses["answered"] == 10
    assert result.judgements["scored"] == 20
    assert result.sent == 15
    assert Score.objects.filter(run=run, value__isnull=False).count() == 10


def test_lines_without_an_answer_are_counted_once_and_asked_again_under_the_next_number(tmp_path):
    run = make_run(12, judges=("heuristic",))
    out = tmp_path / "requests.jsonl"
    batch(run, "--export", out)
    faults = Behaviour(faults={"dropped": 0.3, "server_error": 0.2, "refused": 0.2}, most_faults_per_prompt=1)
    replies = answer(out, faults)
    found = batch(run, "--import", replies)
    refused = Response.objects.filter(state="refused").count()
    assert 0 < found["failed"] < 12
    assert refused > 0
    assert FailedAttempt.objects.count() == found["failed"]
    assert batch(run, "--import", replies) | {"recorded": 0} == {
        "run": run.pk, "status": "paused", "recorded": 0, "known": 12, "failed": 0, "errors": [],
    }
    assert FailedAttempt.objects.count() == found["failed"]
    again = tmp_path / "again.jsonl"
    assert batch(run, "--export", again)["files"][0]["calls"] == found["failed"]
    assert all(json.loads(line)["custom_id"].endswith("/2") for line in again.read_text().splitlines())
    assert batch(run, "--import", answer(again, faults))["status"] == "finished"
    assert account(run).sent == 12 + found["failed"]


def test_lines_that_do_not_belong_are_listed_and_the_others_go_in(tmp_path):
    run, other = make_run(2, judges=("heuristic",)), make_run(1, judges=("heuristic",))
    out = tmp_path / "requests.jsonl"
    batch(run, "--export", out)
    lines = answer(out).read_text().splitlines()
    stranger = lines[0].replace(f"run-{run.pk}/", f"run-{other.pk}/")
    unknown = lines[0].replace(json.loads(lines[0])["custom_id"].split("/")[2], "0" * 64)
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text("\n".join(["{broken", stranger, unknown, '{"custom_id": "mine"}', "", lines[0], lines[1]]))
    err = StringIO()
    with pytest.raises(CommandError, match="4 lines could not be used"):
        call_command("bench_batch", str(run.pk), "--import", str(mixed), stdout=StringIO(), stderr=err)
    assert [line.split(":")[1] for line in err.getvalue().splitlines()] == ["1", "2", "3", "4"]
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED


def test_unreadable_verdicts_are_asked_again_with_what_was_wrong(tmp_path):
    run = make_run(1, judges=("anchored:j@http://127.0.0.1:9/v1",))
    good = '{"reason": "fine", "refusal": "complied", "score": 8}'
    for step, text in enumerate(["I know of no such ruling.", "I like it.", good]):
        out = tmp_path / f"{step}.jsonl"
        batch(run, "--export", out)
        request = json.loads(out.read_text())
        body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
        reply = {"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}
        replies = tmp_path / f"{step}.replies"
        replies.write_text(json.dumps(reply))
        batch(run, "--import", replies)
        if step == 1:
            assert batch(run, "--import", replies)["known"] == 1
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert Judgement.objects.get().attempts == 2
    assert FailedAttempt.objects.get().outcome == "unreadable"


def test_batches_are_submitted_waited_for_and_read_in():
    with running() as server:
        name = f"m@{server.base_url}"
        run = make_run(4, models=(name,), judges=(name,))
        assert batch(run, "--submit")["batches"] == [{"batch": "batch-1", "calls": 4}]
        with pytest.raises(CommandError, match="waits for batches"):
            batch(run, "--submit")
        with pytest.raises(RunBusyError, match="waits for 1 batches"):
            execute_run(run.pk)
        with pytest.raises(RunBusyError):
            resume_run(run_id=run.pk, actor=make_user("curator"))
        Run.objects.update(status="queued")
        assert next_run() is None
        assert batch(run, "--collect")["waiting"] == ["batch-1"]
        found = batch(run, "--collect")
        assert (found["recorded"], found["waiting"], found["status"]) == (4, [], "paused")
        batch(run, "--submit")
        batch(run, "--collect")
        assert batch(run, "--collect")["status"] == "finished"
        assert server.server.counts["batched"] == 8
        assert server.received == 0
    assert account(run).judgements["scored"] == 4


def test_a_batch_whose_name_was_never_heard_is_found_again_or_forgotten():
    with running() as server:
        name = f"m@{server.base_url}"
        run = make_run(3, models=(name,), judges=("heuristic",))
        batch(run, "--submit")
        Batch.objects.update(batch_id="")  # killed between the provider's answer and our record of it
        assert batch(run, "--submit")["batches"] == [{"batch": "batch-1", "calls": 3}]
        assert server.server.counts["batched"] == 3
        assert batch(run, "--abandon")["abandoned"] == ["batch-1"]
        assert server.server.batches.batches["batch-1"]["status"] == "cancelled"
        Batch.objects.create(run=run, language_model=run.language_models.get(), requests=3)  # never reached the provider
        assert batch(run, "--submit")["batches"] == [{"batch": "batch-2", "calls": 3}]


def priced(run, **limits):
    LanguageModel.objects.filter(kind="endpoint").update(input_price=1000, output_price=2000)  # a call: 0.04 dollars
    Run.objects.filter(pk=run.pk).update(**limits)
    run.refresh_from_db()
    return run


def on_the_books(run):
    found = Purse.objects.filter(executor__run=run).aggregate(usd=Sum("spent_usd"), calls=Sum("spent_calls"))
    return found["usd"], found["calls"]


def test_a_batch_holds_no_more_calls_than_the_run_may_send():
    with running() as server:
        run = priced(make_run(20, models=(f"m@{server.base_url}",), judges=("heuristic",)), max_calls=3)
        assert [each["calls"] for each in batch(run, "--submit")["batches"]] == [3]
        run.refresh_from_db()
        assert "17 calls are kept back: Budget spent: all 3 calls are sent" in run.status_reason
        while Batch.objects.filter(closed_at=None).exists():
            batch(run, "--collect")
        assert account(run).sent == 3
        assert batch(run, "--submit")["batches"] == []
        assert on_the_books(run)[1] == 3
        Run.objects.filter(pk=run.pk).update(max_calls=5)
        assert [each["calls"] for each in batch(run, "--submit")["batches"]] == [2]


def test_the_most_a_batch_can_cost_is_set_aside_and_what_it_cost_stays(tmp_path):
    run = priced(make_run(4, judges=("heuristic",)), budget_usd=10)  # a call can cost 4 dollars and more: 2000 tokens
    out = tmp_path / "requests.jsonl"
    assert batch(run, "--export", out, "--dry-run")["files"][0]["calls"] == 2
    assert on_the_books(run) == (None, None)
    assert batch(run, "--export", out)["files"][0]["calls"] == 2
    usd, calls = on_the_books(run)
    assert (8 < usd <= 10, calls) == (True, 2)
    assert batch(run, "--import", answer(out))["recorded"] == 2
    assert on_the_books(run) == (Decimal("0.08"), 2)
    assert batch(run, "--export", out)["files"][0]["calls"] == 2  # there is room again
    assert batch(run, "--import", answer(out))["status"] == "finished"
    assert on_the_books(run) == (Decimal("0.16"), 4)
    assert account(run).cost_usd == Decimal("0.16")


def test_what_was_set_aside_for_a_batch_that_the_provider_refused_is_free_again():
    run = priced(make_run(2, judges=("heuristic",)), budget_usd=10)
    with pytest.raises(CommandError, match="did not accept"):
        batch(run, "--submit")  # nobody listens
    assert on_the_books(run) == (0, 0)
    assert not Batch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_held_for_its_batches_longer_than_a_lease_is_left_alone(settings):
    settings.RUN_LEASE_SECONDS = 1
    with running() as server:
        run = make_run(3, models=(f"m@{server.base_url}",), judges=("heuristic",))
        with batch_work(run, actor=None) as work:
            time.sleep(1.6)
            assert next_run() is None
            with pytest.raises(RunBusyError):
                execute_run(run.pk)
            assert (len(work.calls), server.received) == (3, 0)
    run.refresh_from_db()
    assert run.status == "paused"


@pytest.mark.django_db(transaction=True)
def test_scoring_longer_than_a_lease_keeps_the_run(settings, monkeypatch):
    settings.RUN_LEASE_SECONDS = 1

    def slow_scoring(run):
        time.sleep(1.6)
        with pytest.raises(RunBusyError):
            join_run(run.pk, actor=None, is_shared=False)
        return score_run(run)

    monkeypatch.setattr("bench.actions.execute_run.score_run", slow_scoring)
    run = make_run(2, models=("baseline:refuse",), judges=("heuristic",))
    assert execute_run(run.pk).run.status == "finished"
    assert list(Executor.objects.values_list("ending", flat=True)) == ["finished"]
