"""Endpoints for images, speech and videos that fail, cut off, lie and cost: nothing broken is kept, nothing paid twice."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from django.core.management import call_command

from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.execute_run import execute_run
from bench.actions.limit_run import limit_run
from bench.actions.plan_run import plan_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.files import kinds
from bench.media_store import media_store
from bench.models import Judgement, Response, Run, Score
from bench.providers.video import VideoClient
from gvsir.actions.load_reference import load_reference
from tests.factories.bench import make_item, make_release
from tests.fake_media import mp4, png, wav
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db
FAST = Settings(retry=RetryPolicy(first_wait=0.01, longest_wait=0.05), timeout=5.0)
KINDS = {"image": ("I", png), "speech": ("A", wav), "video": ("V", mp4)}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(VideoClient, "poll", 0.01)


def maker(server, output, **facts):
    row = register_language_model(f"maker@{server.base_url}")
    return describe_language_model(language_model=row, facts={"output": output, **facts}, actor=None)


def start(subject, *, n=1, judges=("heuristic",), **options):
    letter = KINDS[subject.output][0]
    release = make_release([make_item(modality=letter, prompt_en=f"Make {i}.") for i in range(n)])
    return create_run(
        release=release, language_models=[subject], judges=[register_judge(name) for name in judges], actor=None, **options
    )


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")


@pytest.mark.parametrize("output", sorted(KINDS))
def test_a_file_that_is_cut_off_on_its_way_is_not_kept_but_asked_for_again(output, tmp_path):
    with running() as server:
        server.server.media.cut_off = 1
        run = start(maker(server, output))
        result = execute_run(run.pk, settings=FAST)
        assert len(server.server.media.jobs) == (output == "video")
    assert result.responses["answered"] == 1
    assert set(result.failures) == {"dropped"}
    whole = KINDS[output][1]("Make 0.")
    assert media_store().read(Response.objects.get().output_sha256) == whole
    assert [path.read_bytes() for path in files_in(tmp_path / "media" / "bench")] == [whole]


@pytest.mark.parametrize("output", sorted(KINDS))
def test_a_file_that_is_too_long_is_no_answer_and_nothing_of_it_stays(output, tmp_path, monkeypatch):
    made = KINDS[output][1]("Make 0.")
    monkeypatch.setattr(kinds, "MOST_BYTES", dict.fromkeys(kinds.MOST_BYTES, len(made) - 1))
    for module in ("media_endpoint", "image_generation"):
        monkeypatch.setattr(f"bench.providers.{module}.MOST_BYTES", kinds.MOST_BYTES)
    with running() as server:
        result = execute_run(start(maker(server, output)).pk, settings=FAST)
    assert result.responses["failed"] == 1
    assert set(result.failures) == {"malformed"}
    assert "longer than" in Response.objects.get().error
    assert files_in(tmp_path / "media" / "bench") == []


WRONG = {
    "image": {"speech": wav("x"), "video": mp4("x"), "text": b"no file at all"},
    "speech": {"image": png("x"), "video": mp4("x"), "text": b'{"error": {"message": "none today"}}'},
    "video": {"image": png("x"), "speech": wav("x"), "text": b"<html>no</html>"},
}


@pytest.mark.parametrize(("output", "wrong"), [(kind, wrong) for kind in WRONG for wrong in WRONG[kind]])
def test_a_file_of_another_kind_than_the_model_makes_is_no_answer(output, wrong, tmp_path):
    with running() as server:
        setattr(server.server.media, output, WRONG[output][wrong])
        result = execute_run(start(maker(server, output)).pk, settings=FAST)
    assert result.responses["failed"] == 1
    assert set(result.failures) == {"malformed"}
    assert Response.objects.get().output is None
    assert files_in(tmp_path / "media" / "bench") == []


@pytest.mark.parametrize("output", ["speech", "video"])
def test_rate_limits_and_errors_are_waited_out_and_counted(output):
    faults = {"rate_limited": 0.3, "server_error": 0.2, "dropped": 0.1}
    with running(Behaviour(faults=faults, retry_after=0.02)) as server:
        result = execute_run(start(maker(server, output), n=12).pk, settings=FAST)
        counts = dict(server.server.counts)
    assert result.responses["answered"] == 12
    assert result.failures == {name: counts[name] for name in faults if name in counts}
    assert len(result.failures) > 1
    assert result.sent == counts["received"]
    for response in Response.objects.all():
        assert media_store().read(response.output_sha256) == KINDS[output][1](response.messages[0]["content"])


@pytest.mark.parametrize("output", ["speech", "video"])
def test_what_a_provider_refuses_is_asked_once_and_has_no_file(output):
    with running(Behaviour(faults={"refused": 1.0})) as server:
        run = start(maker(server, output))
        result = execute_run(run.pk, settings=FAST)
        assert server.received == 1
    response = Response.objects.get()
    assert (response.state, response.output, response.attempts) == ("refused", None, 1)
    assert result.responses["refused"] == 1
    assert Score.objects.get(run=run).value is None


@pytest.mark.parametrize("output", ["speech", "video"])
def test_a_budget_holds_by_the_price_of_a_piece_and_goes_on_when_it_is_raised(output):
    with running() as server:
        subject = maker(server, output, price_per_output=Decimal("0.40"))
        run = start(subject, n=5, budget_usd=Decimal("1.00"))
        result = execute_run(run.pk, settings=FAST)
        assert (result.run.status, result.cost_usd, server.received) == (Run.Status.PAUSED, Decimal("0.80"), 2)
        limit_run(run=run, budget_usd=Decimal("2.00"), max_calls=None, actor=None)
        result = execute_run(run.pk, settings=FAST)
        assert (result.run.status, result.cost_usd, server.received) == (Run.Status.FINISHED, Decimal("2.00"), 5)
    assert Counter(Response.objects.values_list("state", "cost_usd")) == {("answered", Decimal("0.40")): 5}


@pytest.mark.parametrize("output", sorted(KINDS))
def test_a_dry_run_says_the_price_of_the_pieces_and_sends_nothing(output):
    with running() as server:
        subject = maker(server, output, price_per_output=Decimal("0.40"))
        judge = describe_language_model(
            language_model=register_language_model(f"judge@{server.base_url}"), actor=None,
            facts={"accepts": f"text,{'audio' if output == 'speech' else output}", "input_price": Decimal(0), "output_price": Decimal(0)},
        )
        release = make_release([make_item(modality=KINDS[output][0], prompt_en=f"Make {i}.") for i in range(3)])
        plan = plan_run(release=release, language_models=[subject], judges=[register_judge(judge.name)])
        assert (plan.calls, plan.cost_usd, server.received) == (6, Decimal("1.20"), 0)
    assert not Run.objects.exists()
    assert not Response.objects.exists()


@pytest.mark.parametrize(("accepts", "rubric"), [("text", ""), ("text,image", "schwartz:")])
def test_a_dry_run_counts_no_call_of_a_judge_that_cannot_take_what_is_made(accepts, rubric):
    if rubric:
        load_reference()
    with running() as server:
        subject = maker(server, "image")
        judge = describe_language_model(
            language_model=register_language_model(f"judge@{server.base_url}"), facts={"accepts": accepts}, actor=None
        )
        release = make_release([make_item(modality="I", prompt_en=f"Make {i}.") for i in range(3)])
        seat = register_judge(f"{rubric}{judge.name}")
        plan = plan_run(release=release, language_models=[subject], judges=[seat])
        run = create_run(release=release, language_models=[subject], judges=[seat], actor=None)
        result = execute_run(run.pk, settings=FAST)
        assert plan.calls == result.sent == server.received == 3
    assert set(Judgement.objects.values_list("state", flat=True)) == {"unfit"}


def test_the_command_for_a_dry_run_says_what_pieces_cost(capsys):
    with running() as server:
        subject = maker(server, "image", price_per_output=Decimal("0.04"))
        release = make_release([make_item(modality="I", prompt_en=f"Make {i}.") for i in range(3)])
        call_command("bench_run", release.name, "--model", subject.name, "--judge", "heuristic", "--dry-run")
        assert server.received == 0
    assert "0.12" in capsys.readouterr().out
