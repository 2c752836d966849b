"""Runs whose answers are speech or videos."""

from __future__ import annotations

import base64

import pytest

from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.media_store import media_store
from bench.models import Judgement, Response, Score
from bench.providers.video import VideoClient
from tests.factories.bench import make_item, make_release
from tests.fake_media import mp4, wav
from tests.fake_server import running

FAST = Settings(retry=RetryPolicy(first_wait=0.01, longest_wait=0.05), timeout=5.0)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(VideoClient, "poll", 0.02)


def model(server, name, **facts):
    row = register_language_model(f"{name}@{server.base_url}")
    return describe_language_model(language_model=row, facts=facts, actor=None) if facts else row


def start(modality, subject, judge, prompts=("Make one.",)):
    release = make_release([make_item(modality=modality, prompt_en=prompt) for prompt in prompts])
    return create_run(release=release, language_models=[subject], judges=[register_judge(judge)], actor=None)


@pytest.mark.django_db
def test_speech_is_made_kept_by_its_content_and_heard_by_the_judge():
    with running(keep_bodies=True) as server:
        speaker = model(server, "speaker", output="speech", output_options={"voice": "nova", "speed": 1.5})
        judge = model(server, "judge", accepts="text,audio")
        run = start("A", speaker, judge.name)
        execute_run(run.pk, settings=FAST)
        asked, judged = server.server.media.asked, server.server.bodies
    assert asked == [("/v1/audio/speech", {
        "model": "speaker", "input": "Make one.", "voice": "nova", "speed": 1.5, "response_format": "mp3",
    })]
    response = Response.objects.get()
    assert response.output_media_type == "audio/wav"  # what it is, not the text/html it was called, nor what was asked
    assert media_store().read(response.output_sha256) == wav("Make one.")
    assert judged[0]["messages"][0]["content"][-1] == {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(wav("Make one.")).decode(), "format": "wav"},
    }
    assert Score.objects.get(run=run).value == 7.0


@pytest.mark.django_db
def test_speech_in_a_form_that_judges_are_not_sent_is_kept_but_not_judged():
    with running() as server:
        server.server.media.speech = b"OggS" + b"\0" * 60
        judge = model(server, "judge", accepts="text,audio")
        run = start("A", model(server, "speaker", output="speech"), judge.name)
        execute_run(run.pk, settings=FAST)
        assert server.received == 1
    assert Response.objects.get().output_media_type == "audio/ogg"
    assert "WAV or MP3 only" in Judgement.objects.get().missing_reason
    assert Score.objects.get(run=run).value is None


@pytest.mark.django_db
@pytest.mark.parametrize("made", [b"<html><script>alert(1)</script>", b"", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_speech_is_no_answer(made):
    with running() as server:
        server.server.media.speech = made
        run = start("A", model(server, "speaker", output="speech"), "heuristic")
        result = execute_run(run.pk, settings=FAST)
    assert result.responses["failed"] == 1
    assert set(result.failures) == {"malformed"}


@pytest.mark.django_db
def test_a_video_is_waited_for_fetched_and_seen_by_the_judge():
    with running(keep_bodies=True) as server:
        maker = model(server, "maker", output="video", output_options={"seconds": "4"})
        judge = model(server, "judge", accepts="text,video")
        run = start("V", maker, judge.name)
        execute_run(run.pk, settings=FAST)
        assert server.server.media.asked == [("/v1/videos", {"model": "maker", "prompt": "Make one.", "seconds": "4"})]
        assert server.server.counts["looked"] == 2
        assert server.server.counts["fetched"] == 1
        shown = server.server.bodies[0]["messages"][0]["content"][-1]
    assert shown == {
        "type": "video_url",
        "video_url": {"url": "data:video/mp4;base64," + base64.b64encode(mp4("Make one.")).decode()},
    }
    assert media_store().read(Response.objects.get().output_sha256) == mp4("Make one.")
    assert Score.objects.get(run=run).value == 7.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("trouble", "state", "jobs"),
    [
        ({"code": "moderation_blocked", "message": "Blocked by policy"}, "refused", 1),
        ({"code": "server_error", "message": "It broke"}, "failed", 5),
    ],
)
def test_a_video_that_is_not_made_is_refused_or_made_anew_and_then_failed(trouble, state, jobs):
    with running() as server:
        server.server.media.video = trouble
        run = start("V", model(server, "maker", output="video"), "heuristic")
        execute_run(run.pk, settings=FAST)
        assert len(server.server.media.jobs) == jobs
    response = Response.objects.get()
    assert response.state == state
    assert trouble["message"] in response.error


@pytest.mark.django_db
def test_a_video_that_takes_longer_than_one_call_is_made_once(monkeypatch):
    monkeypatch.setattr(VideoClient, "longest_call", 0.4)
    with running() as server:
        server.server.media.polls = 30
        run = start("V", model(server, "maker", output="video"), "heuristic")
        result = execute_run(run.pk, settings=FAST)
        assert len(server.server.media.jobs) == 1
    assert result.responses["answered"] == 1
    assert result.failures["timeout"] >= 1
