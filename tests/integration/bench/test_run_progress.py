"""What the progress of a run says: per model and judge, on the page and on a terminal."""

from __future__ import annotations

import io
import re
import time
from decimal import Decimal

import pytest
from django.urls import reverse

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.execute_run import execute_run
from bench.actions.join_run import join_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.live_run import line_texts
from bench.management.run_progress import shown
from bench.models import Run
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(most_attempts=2, most_rate_limits=4, first_wait=0.01, longest_wait=0.02), timeout=5.0)


def make_run(server, *, items=3, judges=("heuristic",)):
    return create_run(
        release=make_release([make_item(prompt_en=f"Question {i}?") for i in range(items)]),
        language_models=[register_language_model(f"fake@{server.base_url}")],
        judges=[register_judge(name.format(url=server.base_url)) for name in judges], actor=None,
    )


@pytest.mark.parametrize("fault", ["server_error", "refused", "content_filter", "empty"])
def test_the_bar_of_a_judge_fills_where_an_answer_cannot_be_judged(client, fault):
    with running(Behaviour(fail_prompts_with="Question 0", always_fail=fault)) as server:
        run = make_run(server)
        result = execute_run(run.pk, settings=FAST)
    judge = result.judges[0]
    assert dict(judge.states) == {"scored": 2, "nothing_to_judge": 1}
    assert (judge.done, judge.total, judge.reused) == (3, 3, 0)
    assert result.judgements == {"scored": 2, "unparsable": 0, "failed": 0, "missing": 1}
    assert "1 nothing to judge" in client.get(run.get_absolute_url()).content.decode()
    bars = client.get(reverse("run_progress", args=[run.pk])).json()["bars"]
    assert bars[f"judge-{judge.key}"] == [3, 3]


def test_the_bar_of_a_judge_waits_for_answers_that_are_to_come():
    with running() as server:
        run = make_run(server)
    judge = account(run).judges[0]
    assert (judge.done, judge.total) == (0, 3)
    assert dict(judge.states) == {"missing": 3}


def test_a_run_with_an_answer_of_blanks_alone_comes_to_its_end():
    begun = time.monotonic()

    def reply(body):
        return " \n\t " if body["messages"][-1]["content"] == "Question 0?" else None

    with running(Behaviour(reply=reply)) as server:
        run = make_run(server)
        result = execute_run(run.pk, settings=FAST, stop=lambda: time.monotonic() > begun + 20)
    assert result.run.status == "finished"
    assert dict(result.judges[0].states) == {"scored": 2, "nothing_to_judge": 1}
    assert result.judges[0].done == 3


# ------------------------------------------------------------------ on a terminal


class Terminal(io.StringIO):
    def isatty(self):
        return True


def watched(run, stream, **options):
    with shown(run, stream=stream, **options) as watch:
        result = execute_run(run.pk, settings=FAST, progress=watch.tell, look=watch.look)
    return watch, result


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    return Terminal()


def test_a_terminal_shows_each_model_and_judge_as_the_account_has_them(terminal):
    behaviour = Behaviour(latency=0.05, faults={"rate_limited": 0.3}, fail_prompts_with="Question 0", retry_after=0.01)
    with running(behaviour) as server:
        name = f"fake@{server.base_url}"
        describe_language_model(
            language_model=register_language_model(name), facts={"input_price": Decimal(1), "output_price": Decimal(2)},
            actor=None,
        )
        run = make_run(server, items=12, judges=("judge@{url}", "heuristic"))
        watch, result = watched(run, terminal)
    rows = {row.name: row for row in watch.rows()}
    subject, judge = result.subjects[0], result.judges[0]
    assert list(rows) == [name, f"judge judge@{server.base_url}", "judge heuristic"]
    assert rows[name][1:6] == (12, 12, 0, subject.retried, 1)
    assert rows[name].retried > 1
    assert rows[name].rate > 0
    assert rows[name].cost == line_texts(subject)["cost"] != "—"
    assert rows[f"judge {judge.name}"][1:6] == (12, 12, 0, judge.retried, 0)
    assert rows["judge heuristic"][1:6] == (12, 12, 0, 0, 0)
    assert all(row.left is None for row in rows.values())
    drawn = terminal.getvalue()
    assert "\x1b[1A" in drawn  # redrawn in place
    last = drawn[drawn.rindex("in flight"):]
    for row in rows.values():
        assert all(cell in last for cell in row.cells())


def test_a_terminal_shows_calls_in_flight_and_the_time_left_while_the_run_goes_on(terminal):
    seen = []
    with running(Behaviour(latency=0.6)) as server:
        run = make_run(server, items=21)
        Run.objects.filter(pk=run.pk).update(concurrency=3)
        with shown(run, stream=terminal) as watch:
            def tell(progress):
                watch.tell(progress)
                seen.append(watch.rows()[0])

            execute_run(run.pk, settings=FAST, progress=tell, look=watch.look)
    assert max(row.in_flight for row in seen) == 3
    done = [row.done for row in seen]
    assert done == sorted(done)
    assert len(set(done)) >= 3
    middle = next(row for row in seen if 0 < row.done < 21 and row.left is not None)
    assert middle.left == pytest.approx((21 - middle.done) / middle.rate)
    assert 0.3 < middle.left < 20


def test_a_log_gets_a_line_now_and_then_and_no_escape_sequence():
    log = io.StringIO()
    with running(Behaviour(latency=0.3)) as server:
        run = make_run(server, items=9)
        Run.objects.filter(pk=run.pk).update(concurrency=2)
        watched(run, log, log_seconds=0.5)
    lines = log.getvalue().splitlines()
    assert 1 <= len(lines) <= 4
    assert all(line.startswith(f"run {run.pk}: ") for line in lines)
    assert any(re.search(
        rf"\| fake@{re.escape(server.base_url)}: \d of 9 done, \d in flight, 0 retried, 0 failed, \d\.\d/s, cost .+? left \| "
        r"judge heuristic: \d of 9 done",
        line,
    ) for line in lines)
    assert "\x1b" not in log.getvalue()


def test_a_short_run_leaves_no_line_in_a_log():
    log = io.StringIO()
    with running() as server:
        watched(make_run(server), log)
    assert log.getvalue() == ""


def test_a_name_cannot_command_the_terminal(terminal):
    with running() as server:
        run = make_run(server)
        run.language_models.update(name="evil\x1b[2J[bold]\rname")
        watch, _result = watched(run, terminal)
    assert watch.rows()[0].name == "evil?[2J[bold]?name"
    assert "evil\x1b" not in terminal.getvalue()
    assert "[bold]" in terminal.getvalue()


def test_a_reader_that_went_away_does_not_end_the_run():
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with running(Behaviour(latency=0.3)) as server:
        run = make_run(server, items=4)
        _watch, result = watched(run, Closed(), log_seconds=0.0)
    assert result.run.status == "finished"


# ------------------------------------------------------------------ on the page


def say(run, **asked):
    executor = join_run(run.pk, actor=None, is_shared=True)
    executor.progress = {"lanes": [], "asked": {name.replace("_", "-"): said for name, said in asked.items()}}
    executor.save(update_fields=["progress"])


def test_the_page_says_of_each_model_and_judge_what_is_in_flight_how_fast_and_how_long(client):
    with running() as server:
        run = make_run(server, items=30, judges=("heuristic", "judge@{url}"))
    subject, (judge, other) = run.language_models.get().pk, run.judges.order_by("pk").values_list("pk", flat=True)
    for flying, rate in ((4, 1.5), (3, 0.5)):  # two processes together
        say(run, **{
            f"subject_{subject}": {"in_flight": flying, "settled": 1, "rate": rate},
            f"judge_{other}": {"in_flight": 1, "settled": 0, "rate": 0.0},
        })
    texts = client.get(reverse("run_progress", args=[run.pk])).json()["texts"]
    assert texts[f"subject-{subject}-pace"] == "7 in flight · 2.0/s · about 15.0 s left"
    assert texts[f"judge-{other}-pace"] == "2 in flight · 0.0/s"
    assert texts[f"judge-{judge}-pace"] == ""
    page = client.get(run.get_absolute_url()).content.decode()
    assert f'data-live="subject-{subject}-pace">7 in flight · 2.0/s · about 15.0 s left<' in page
    assert f'data-live="judge-{other}-pace">2 in flight' in page


def test_after_the_end_nothing_is_said_to_be_under_way(client):
    with running() as server:
        run = make_run(server)
        execute_run(run.pk, settings=FAST)
    run.executors.update(progress={"lanes": [], "asked": {"subject-1": {"in_flight": 3, "settled": 1, "rate": 9.0}}})
    texts = client.get(reverse("run_progress", args=[run.pk])).json()["texts"]
    assert {text for name, text in texts.items() if name.endswith("-pace")} == {""}


def test_the_ways_on_from_a_finished_run_are_on_the_page_from_the_start_hidden(client):
    with running() as server:
        run = make_run(server)
        ways = [
            reverse("item_analysis", args=[run.pk]), reverse("diagnostics", args=[run.pk]),
            reverse("leaderboard", args=["gvs"]) + f"?measurement=run-{run.pk}",
        ]
        before = client.get(run.get_absolute_url()).content.decode()
        execute_run(run.pk, settings=FAST)
    after = client.get(run.get_absolute_url()).content.decode()
    for way in ways:
        link = f'<a class="b" href="{way}" data-when="finished"'
        assert f"{link} hidden>" in before
        assert f"{link}>" in after
