"""Runs whose questions show images, and runs whose answers are images, from end to end."""

from __future__ import annotations

import base64
from collections import Counter
from decimal import Decimal

import pytest
from aiohttp import web

from bench.actions.attach_image import attach_image
from bench.actions.change_run import hold_run
from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.execute_run import execute_run
from bench.actions.plan_run import plan_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.submit_batches import collect_batches, submit_batches
from bench.exceptions import BatchError, EmptyRunError, MissingPriceError
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.media_store import media_store
from bench.models import Item, Judgement, Response, Run, Score, Trial
from gvsir.actions.load_reference import load_reference
from tests.factories.bench import make_item, make_release
from tests.fake_media import png
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db
FAST = Settings(retry=RetryPolicy(first_wait=0.01, longest_wait=0.05), timeout=5.0)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def model(server, name="seeing", **facts):
    row = register_language_model(f"{name}@{server.base_url}")
    return describe_language_model(language_model=row, facts=facts, actor=None) if facts else row


def make_shown_item(data=None, **overrides):
    item = make_item(status=Item.Status.PROPOSED, **overrides)
    attach_image(item_id=item.pk, data=data or png(item.prompt_en), alt="A plain colour.", actor=None)
    Item.objects.filter(pk=item.pk).update(status=Item.Status.ACCEPTED)
    return item


def start(release, *models, judges, **options):
    return create_run(
        release=release, language_models=models, judges=[register_judge(name) for name in judges], actor=None, **options
    )


def test_an_image_is_shown_to_model_and_judge_and_the_key_holds_its_hash_only():
    with running(keep_bodies=True) as server:
        seeing = model(server, accepts="text,image")
        item = make_shown_item(data=png("red"))
        run = start(make_release([item]), seeing, judges=[seeing.name])
        result = execute_run(run.pk, settings=FAST)
        bodies = server.server.bodies
    assert result.run.status == Run.Status.FINISHED
    assert result.judgements["scored"] == 1
    url = "data:image/png;base64," + base64.b64encode(png("red")).decode()
    asked, judged = bodies
    assert asked["messages"][0]["content"] == [
        {"type": "text", "text": item.prompt_en}, {"type": "image_url", "image_url": {"url": url}},
    ]
    assert [part["type"] for part in judged["messages"][0]["content"]] == ["text", "text", "image_url"]
    assert judged["messages"][0]["content"][2]["image_url"]["url"] == url
    response = Response.objects.get()
    assert "base64" not in str(response.messages)
    (part,) = [each for each in response.messages[0]["content"] if each["type"] == "media"]
    assert media_store().read(part["sha256"]) == png("red")


def test_images_come_back_are_kept_and_are_shown_to_the_judge():
    with running(keep_bodies=True) as server:
        painter = model(server, "painter", output="image", price_per_output=Decimal("0.04"), output_options={"size": "1x1"})
        judge = model(server, "judge", accepts="text,image", input_price=Decimal(0), output_price=Decimal(0))
        items = [make_item(modality="I", prompt_en=f"Paint {n}.") for n in range(3)]
        run = start(make_release(items), painter, judges=[judge.name], budget_usd=Decimal(1))
        result = execute_run(run.pk, settings=FAST)
        asked, judged = server.server.media.asked, server.server.bodies
    assert result.run.status == Run.Status.FINISHED
    assert result.responses["answered"] == 3
    assert {path for path, _body in asked} == {"/v1/images/generations"}
    assert asked[0][1] == {
        "model": "painter", "prompt": asked[0][1]["prompt"], "n": 1, "size": "1x1", "response_format": "b64_json",
    }
    for response in Response.objects.all():
        prompt = response.messages[0]["content"]
        assert media_store().read(response.output_sha256) == png(prompt)
        assert (response.output_media_type, response.output_size) == ("image/png", len(png(prompt)))
        assert (response.cost_usd, response.completion_tokens, response.text) == (Decimal("0.04"), 272, "")
    assert result.cost_usd == Decimal("0.12")
    shown = {body["messages"][0]["content"][-1]["image_url"]["url"] for body in judged}
    assert shown == {"data:image/png;base64," + base64.b64encode(png(f"Paint {n}.")).decode() for n in range(3)}
    assert all("The answer to rate is the image" in body["messages"][0]["content"][1]["text"] for body in judged)
    assert set(Score.objects.filter(run=run).values_list("value", flat=True)) == {7.0}
    assert Judgement.objects.filter(state="scored").count() == 3


def test_nothing_is_paid_twice_when_the_same_run_is_made_again():
    with running(Behaviour()) as server:
        painter = model(server, "painter", output="image")
        judge = model(server, "judge", accepts="text,image")
        release = make_release([make_item(modality="I")])
        for _ in range(2):
            execute_run(start(release, painter, judges=[judge.name]).pk, settings=FAST)
        assert server.received == 2
    assert Response.objects.count() == 1


def test_what_a_model_cannot_take_or_make_is_left_out_for_it_and_said_before_and_after(client):
    with running() as server:
        text_only, seeing = model(server, "blind"), model(server, "seeing", accepts="text,image")
        painter = model(server, "painter", output="image")
        items = [make_item(), make_shown_item(), make_item(modality="I"), make_shown_item(modality="I"), make_item(modality="V")]
        release = make_release(items)
        plan = plan_run(release=release, language_models=[text_only, seeing, painter], judges=[register_judge("heuristic")])
        run = start(release, text_only, seeing, painter, judges=["heuristic"])
        result = execute_run(run.pk, settings=FAST)
        assert server.received == 4
    said = {(line.model, line.reason, line.wants): line.items for line in plan.left_out_by_model}
    name = {"blind": text_only.name, "seeing": seeing.name, "painter": painter.name}
    assert said == {
        (name["blind"], "produces", "image"): 2, (name["blind"], "produces", "video"): 1,
        (name["blind"], "accepts", "image"): 1,
        (name["seeing"], "produces", "image"): 2, (name["seeing"], "produces", "video"): 1,
        (name["painter"], "produces", "text"): 2, (name["painter"], "produces", "video"): 1,
        (name["painter"], "words_only", "image"): 1,
    }
    assert plan.left_out == 2  # the video, and the image with an attachment, are asked of nobody
    assert plan.calls == 4
    assert result.trials == 4
    asked = Counter(Trial.objects.filter(run=run).values_list("language_model__name", flat=True))
    assert asked == {name["blind"]: 1, name["seeing"]: 2, name["painter"]: 1}
    assert Score.objects.filter(run=run, value=0).count() == 0
    page = client.get(f"/bench/runs/{run.pk}/").content.decode()
    assert "2 items: they ask for an image, which this model does not produce" in page
    assert "1 item: they show an image, which this model does not accept" in page


def test_a_run_with_nothing_left_to_ask_is_refused_and_says_why():
    release = make_release([make_item(modality="V"), make_item(modality="V")])
    with pytest.raises(EmptyRunError, match=r"baseline:refuse: 2 items: they ask for a video"):
        start(release, register_language_model("baseline:refuse"), judges=["heuristic"])
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    ("judge", "accepts", "reason"),
    [
        ("heuristic", "", "the rules read words, and the answer is no text"),
        ("{name}", "text", "the judge does not take images, and the answer is one"),
        ("schwartz:{name}", "text,image", "the rubric asks for words of the answer, and the answer is no text"),
    ],
)
def test_a_judge_that_cannot_take_an_image_is_not_asked_and_its_verdict_is_missing(judge, accepts, reason):
    if judge.startswith("schwartz"):
        load_reference()
    with running() as server:
        painter = model(server, "painter", output="image")
        judging = model(server, "judge", accepts=accepts or "text")
        run = start(make_release([make_item(modality="I")]), painter, judges=[judge.format(name=judging.name)])
        result = execute_run(run.pk, settings=FAST)
        assert server.received == 1
    verdict = Judgement.objects.get()
    assert (verdict.state, verdict.missing_reason, verdict.value, verdict.attempts) == ("unfit", reason, None, 0)
    assert result.judgements == {"scored": 0, "unparsable": 0, "failed": 0, "missing": 1}
    assert {score.value for score in Score.objects.filter(run=run)} == {None}
    assert all(reason in score.missing_reason for score in Score.objects.filter(run=run))


def test_a_judge_that_takes_images_by_now_is_asked_by_the_next_run():
    with running() as server:
        painter, judge = model(server, "painter", output="image"), model(server, "judge")
        release = make_release([make_item(modality="I")])
        execute_run(start(release, painter, judges=[judge.name]).pk, settings=FAST)
        judge = model(server, "judge", accepts="text,image")
        run = start(release, painter, judges=[judge.name])
        execute_run(run.pk, settings=FAST)
        assert server.received == 2  # one image, one verdict
    assert Score.objects.get(run=run).value == 7.0


@pytest.mark.parametrize(("fault", "state"), [("refused", "refused"), ("content_filter", "content_filter")])
def test_refused_and_filtered_images_keep_their_states_and_have_no_file(fault, state):
    with running(Behaviour(faults={fault: 1.0})) as server:
        run = start(make_release([make_item(modality="I")]), model(server, "painter", output="image"), judges=["heuristic"])
        result = execute_run(run.pk, settings=FAST)
    response = Response.objects.get()
    assert (response.state, response.output, response.attempts) == (state, None, 1)
    assert result.responses["refused"] == 1
    assert not Judgement.objects.exists()
    assert Score.objects.get(run=run).value is None


def test_rate_limits_and_errors_are_waited_out_and_counted_for_images_too():
    faults = {"rate_limited": 0.3, "server_error": 0.2, "dropped": 0.1, "malformed": 0.1}
    with running(Behaviour(faults=faults, retry_after=0.02)) as server:
        judge = model(server, "judge", accepts="text,image")
        items = [make_item(modality="I", prompt_en=f"Paint {n}.") for n in range(12)]
        run = start(make_release(items), model(server, "painter", output="image"), judges=[judge.name])
        result = execute_run(run.pk, settings=FAST)
        counts = dict(server.server.counts)
    assert result.responses["answered"] == 12
    assert result.judgements["scored"] == 12
    assert result.failures == {name: counts[name] for name in faults if name in counts}
    assert len(result.failures) > 2
    assert result.sent == counts["received"]


HOSTILE = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "empty": b"",
    "cut off": png("x")[:-9],
    "followed by html": png("x") + b"<html><script>alert(1)</script>",
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_what_calls_itself_an_image_and_is_none_is_not_kept(kind, tmp_path):
    with running() as server:
        server.server.media.image = HOSTILE[kind] or {"b64_json": ""}
        run = start(make_release([make_item(modality="I")]), model(server, "painter", output="image"), judges=["heuristic"])
        result = execute_run(run.pk, settings=FAST)
    assert result.responses["failed"] == 1
    assert set(result.failures) == {"malformed"}
    assert Response.objects.get().output is None
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_address_on_another_host_is_not_fetched_and_one_on_the_same_is_without_redirects():
    with running() as server, running() as other:
        painter = model(server, "painter", output="image")
        base = server.base_url

        def reply(prompt):
            where = {"own": f"{base}/made/own", "path": "/v1/made/path", "moved": f"{base}/made/elsewhere"}
            return {"url": where.get(prompt, f"{other.base_url}/made/own")}

        server.server.media.image = reply
        items = [make_item(modality="I", prompt_en=name) for name in ("own", "path", "moved", "foreign")]
        execute_run(start(make_release(items), painter, judges=["heuristic"]).pk, settings=FAST)
        assert other.server.counts["fetched"] == 0
    found = {each.messages[0]["content"]: each for each in Response.objects.all()}
    assert [found[name].state for name in ("own", "path", "moved", "foreign")] == ["answered", "answered", "failed", "failed"]
    assert media_store().read(found["own"].output_sha256) == png("own")
    assert "on another host" in found["foreign"].error
    assert found["foreign"].attempts == 1


def test_an_endpoint_that_does_not_know_how_to_be_asked_for_bytes_is_asked_without():
    with running() as server:
        def reply(prompt):
            if "response_format" in server.server.media.asked[-1][1]:
                return web.json_response({"error": {"message": "Unknown parameter: 'response_format'."}}, status=400)
            return None

        server.server.media.image = reply
        items = [make_item(modality="I", prompt_en=f"Paint {n}.") for n in range(3)]
        run = start(make_release(items), model(server, "painter", output="image", max_concurrency=1), judges=["heuristic"])
        result = execute_run(run.pk, settings=FAST)
        assert server.received == 4
    assert result.responses["answered"] == 3
    assert result.failures == {"schema_refused": 1}


def test_batch_files_cannot_ask_for_images():
    with running() as server:
        run = start(make_release([make_item(modality="I")]), model(server, "painter", output="image"), judges=["heuristic"])
        hold_run(run=run)
        with pytest.raises(BatchError, match="batch files cannot ask for that"):
            submit_batches(run=run, actor=None)
        assert server.received == 0


def test_batches_show_images_to_model_and_judge():
    with running() as server:
        seeing, judge = (model(server, name, accepts="text,image") for name in ("seeing", "judge"))
        items = [make_shown_item(data=png(name), prompt_en=f"What is {name}?") for name in ("red", "blue")]
        run = start(make_release(items), seeing, judges=[judge.name])
        hold_run(run=run)
        for _ in range(2):
            submit_batches(run=run, actor=None)
            for _look in range(2):
                collect_batches(run=run, actor=None)
        bodies = server.server.bodies
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    url = {name: "data:image/png;base64," + base64.b64encode(png(name)).decode() for name in ("red", "blue")}
    shown = Counter(
        (body["model"], part["image_url"]["url"]) for body in bodies for part in body["messages"][-1]["content"]
        if part["type"] == "image_url"
    )
    assert shown == {(name, each): 1 for name in ("seeing", "judge") for each in url.values()}
    assert "media" not in {part["type"] for body in bodies for part in body["messages"][-1]["content"]}
    assert set(Score.objects.filter(run=run).values_list("value", flat=True)) == {7.0}


@pytest.mark.parametrize("trouble", ["too large", "gone"])
def test_a_batch_whose_images_are_too_large_or_gone_is_refused_whole_and_costs_nothing(trouble, monkeypatch, tmp_path):
    with running() as server:
        seeing = model(server, accepts="text,image", input_price=Decimal(1), output_price=Decimal(1))
        run = start(make_release([make_shown_item()]), seeing, judges=["heuristic"], budget_usd=Decimal(1))
        hold_run(run=run)
        if trouble == "gone":
            for path in (tmp_path / "bench").glob("*/*"):
                path.unlink()
        else:
            monkeypatch.setattr("bench.actions.submit_batches.MOST_BYTES", 20)
        with pytest.raises(BatchError, match="batch files carry" if trouble == "too large" else "is not in this site's media folder"):
            submit_batches(run=run, actor=None)
        assert server.server.batches.batches == {}
        if trouble == "too large":
            monkeypatch.undo()
            result = execute_run(run.pk, settings=FAST)
            assert result.run.status == Run.Status.FINISHED


def test_a_run_over_budget_sends_no_image_and_a_model_without_a_price_is_refused():
    with running() as server:
        painter = model(server, "painter", output="image")
        release = make_release([make_item(modality="I", prompt_en=f"Paint {n}.") for n in range(5)])
        with pytest.raises(MissingPriceError):
            start(release, painter, judges=["heuristic"], budget_usd=Decimal(1))
        painter = model(server, "painter", price_per_output=Decimal("0.04"))
        run = start(release, painter, judges=["heuristic"], budget_usd=Decimal("0.10"))
        result = execute_run(run.pk, settings=FAST)
        assert server.received == 2
    assert (result.run.status, result.cost_usd) == (Run.Status.PAUSED, Decimal("0.08"))
