"""What a process was told and could not record is recorded by the next one, and not asked again."""

from __future__ import annotations

import pytest

from bench.actions import execute_run as execution
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.models import FailedAttempt, Judgement, Response, Run
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db(transaction=True)
N_ITEMS = 30


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path / "journals"


def start(server, n_items=N_ITEMS):
    name = f"fake@{server.base_url}"
    return create_run(
        release=make_release([make_item(prompt_en=f"Question {number}?") for number in range(n_items)]),
        language_models=[register_language_model(name)], judges=[register_judge(name)], concurrency=5, actor=None,
    )


def broken_after(monkeypatch, number):
    """Let recording fail after ``number`` outcomes, as where the disk is full; return how to mend it."""
    original, written = execution.record_outcomes, 0

    def record(session, events):
        nonlocal written
        if written >= number:
            raise ValueError("no room")
        written += len(events)
        return original(session, events)

    monkeypatch.setattr(execution, "record_outcomes", record)
    return lambda: monkeypatch.setattr(execution, "record_outcomes", original)


@pytest.mark.parametrize("number", [0, 20, 45])
@pytest.mark.parametrize("is_shared", [False, True])
def test_no_answer_that_came_in_is_asked_for_again(monkeypatch, media, number, is_shared):
    with running(Behaviour(latency=0.01)) as server:
        run = start(server)
        mend = broken_after(monkeypatch, number)
        with pytest.raises(ValueError, match="no room"):
            execute_run(run.pk)
        assert any(path.stat().st_size for path in media.iterdir())
        recorded = Response.objects.exclude(state="pending").count() + Judgement.objects.exclude(state="pending").count()
        mend()
        account = execute_run(run.pk, is_shared=is_shared)
        assert server.received <= 2 * N_ITEMS + run.concurrency  # on their way when the process ended
    assert account.run.status == Run.Status.FINISHED
    assert recorded < 2 * N_ITEMS
    assert Response.objects.filter(state="answered").count() == N_ITEMS
    assert Judgement.objects.filter(state="scored").count() == N_ITEMS
    assert list(media.iterdir()) == []


def test_what_the_database_has_is_not_changed_by_a_journal(monkeypatch, media):
    with running(Behaviour(latency=0.01)) as server:
        run = start(server)
        mend = broken_after(monkeypatch, 20)
        with pytest.raises(ValueError, match="no room"):
            execute_run(run.pk)
        mend()
        left = {path.name: path.read_bytes() for path in media.iterdir()}
        execute_run(run.pk)
        rows = set(Response.objects.values_list("pk", "text", "attempts", "executor", "answered_at"))
        for name, content in left.items():
            (media / name).write_bytes(content)
        received = server.received
        Run.objects.filter(pk=run.pk).update(status=Run.Status.QUEUED)
        execute_run(run.pk)
        assert server.received == received
    assert set(Response.objects.values_list("pk", "text", "attempts", "executor", "answered_at")) == rows
    assert not FailedAttempt.objects.exists()


def test_a_run_without_a_folder_to_write_in_is_executed_all_the_same(settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.MEDIA_ROOT = tmp_path / "file"
    with running(Behaviour()) as server:
        run = start(server, 3)
        assert execute_run(run.pk).run.status == Run.Status.FINISHED
