"""Runs whose questions show images, and runs whose answers are images, from end to end."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from bench.actions.attach_image import attach_image
from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.media_store import media_store
from bench.models import Item, Judgement, Response, Run, Score
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
