"""Runs that make files, killed without warning in processes of their own: nothing answered is made, or paid, again."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter

import pytest
from django.db import connection

from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.register_language_model import register_judge, register_language_model
from bench.media_store import media_store
from bench.models import Executor, Judgement, Response, Run, Score
from tests.factories.bench import make_item, make_release
from tests.fake_media import mp4, png, wav
from tests.fake_server import Behaviour, running
from tests.processes import SharedDatabase, command, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = {"image": ("I", "image", png), "speech": ("A", "audio", wav), "video": ("V", "video", mp4)}
LIMIT = 4


@pytest.fixture
def shared(tmp_path, settings, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setenv("GVSIR_MEDIA_ROOT", str(settings.MEDIA_ROOT))
    return SharedDatabase(tmp_path)


def model(server, name, **facts):
    row = register_language_model(f"{name}@{server.base_url}", max_concurrency=LIMIT)
    return describe_language_model(language_model=row, facts=facts, actor=None)


def assert_every_file_is_whole():
    for response in Response.objects.select_related("language_model"):
        make = KINDS[response.language_model.output][2]
        assert media_store().read(response.output_sha256) == make(response.messages[0]["content"])


@pytest.mark.parametrize("output", ["image", "speech"])
def test_a_killed_run_has_nothing_made_again_that_was_answered(shared, output):
    letter, accepted, _make = KINDS[output]
    prompts = [f"Make {n}." for n in range(60)]
    with running(Behaviour(latency=0.02)) as server:
        maker = model(server, "maker", output=output)
        judge = model(server, "judge", accepts=f"text,{accepted}")
        release = make_release([make_item(modality=letter, prompt_en=prompt) for prompt in prompts])
        shared.publish()
        first = command(shared, "bench_run", release.name, "--model", maker.name, "--judge", judge.name, "--json")
        wait_until(lambda: server.received >= 50, first)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        time.sleep(0.1)
        received_before, asked_before = server.received, len(server.server.media.asked)
        shared.fetch()
        run = Run.objects.get()
        answered = {each.messages[0]["content"]: each.key for each in Response.objects.exclude(state="pending")}
        journaled = shared.journaled()
        safe = set(answered) | {
            each.messages[0]["content"] for each in Response.objects.filter(key__in=journaled, state="pending")
        }
        judged = Judgement.objects.exclude(state="pending").count()
        judged += Judgement.objects.filter(key__in=journaled, state="pending").count()
        assert 0 < len(safe) < 60
        assert 0 <= received_before - len(safe) - judged <= LIMIT  # on their way
        second = command(shared, "bench_run", "--resume", str(run.pk), "--json")
        output_of_command, errors = second.communicate(timeout=60)
        assert second.returncode == 0, errors
        made_again = Counter(body["input" if output == "speech" else "prompt"]
                             for _path, body in server.server.media.asked[asked_before:])
        assert server.received - received_before == 120 - len(safe) - judged
    assert set(made_again) == set(prompts) - safe
    assert set(made_again.values()) == {1}
    told = json.loads(output_of_command)
    assert told["responses"]["answered"] == told["judgements"]["scored"] == 60
    shared.fetch()
    assert_every_file_is_whole()
    assert Score.objects.filter(run=run, value=7.0).count() == 60


def test_a_run_killed_while_a_video_is_made_goes_on_with_the_same_video(shared):
    with running() as server:
        server.server.media.polls = 10_000
        maker = model(server, "maker", output="video")
        release = make_release([make_item(modality="V", prompt_en="Film it.")])
        shared.publish()
        first = command(shared, "bench_run", release.name, "--model", maker.name, "--judge", "heuristic", "--json")
        wait_until(lambda: server.server.counts["looked"] >= 1, first)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        server.server.media.polls = 0
        shared.fetch()
        second = command(shared, "bench_run", "--resume", str(Run.objects.get().pk), "--json")
        _output, errors = second.communicate(timeout=60)
        assert second.returncode == 0, errors
        assert len(server.server.media.jobs) == 1
    shared.fetch()
    assert_every_file_is_whole()


def test_workers_make_images_speech_and_videos_once_though_one_of_them_is_killed(shared):
    n_items = {"image": 40, "speech": 40, "video": 3}
    with running(Behaviour(latency=0.1)) as server:
        makers = [model(server, output, output=output) for output in n_items]
        judge = model(server, "judge", accepts="text,image,audio,video")
        release = make_release([
            make_item(modality=KINDS[output][0], prompt_en=f"Make {output} {n}.")
            for output, number in n_items.items() for n in range(number)
        ])
        run = create_run(release=release, language_models=makers, judges=[register_judge(judge.name)], actor=None)
        shared.publish()
        number = 3 if connection.vendor == "postgresql" else 2
        processes = [command(shared, "worker", "--once", "--json") for _ in range(number)]
        wait_until(lambda: len(server.server.media.asked) >= 30, processes[0])
        processes[0].send_signal(signal.SIGKILL)
        for process in processes:
            try:
                _, errors = process.communicate(timeout=90)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            assert process is processes[0] or process.returncode == 0, errors
        asked = Counter((path, body.get("input") or body["prompt"]) for path, body in server.server.media.asked)
        jobs = len(server.server.media.jobs)
    shared.fetch()
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert Response.objects.filter(state="answered").count() == sum(n_items.values()) == len(asked)
    assert_every_file_is_whole()
    assert Score.objects.filter(run=run, value=7.0).count() == sum(n_items.values())
    assert sum(asked.values()) - len(asked) <= LIMIT  # on their way to the one that was killed
    assert jobs <= n_items["video"] + 1
    assert set(Executor.objects.filter(run=run).values_list("ending", flat=True)) == {"finished", "lost"}
