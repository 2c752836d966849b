"""Answers that are images, speech or videos, in a browser: seen on their pages, labelled by keyboard."""

from __future__ import annotations

import base64
import math
import struct
import time

import pytest

from bench.actions.attach_image import attach_image
from bench.media_store import media_store
from bench.models import HumanLabel, Item, Response
from tests.factories.bench import (
    make_item,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_user
from tests.fake_media import png

pytestmark = pytest.mark.django_db(transaction=True)

#: Draws a moving square for half a second and returns it as a video, in base64.
RECORD = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  const draw = canvas.getContext("2d");
  const parts = [];
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm;codecs=vp8" });
  recorder.ondataavailable = (event) => parts.push(event.data);
  const over = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  for (let n = 0; n < 10; n++) {
    draw.fillStyle = "teal"; draw.fillRect(0, 0, 64, 48);
    draw.fillStyle = "white"; draw.fillRect(n * 5, 20, 10, 10);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  recorder.stop();
  await over;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""
IS_SHOWN = "() => [...document.querySelectorAll('main .media img')].every((each) => each.complete && each.naturalWidth > 0)"
UNFOLD = "() => document.querySelectorAll('main details.fold').forEach((each) => { each.open = true; })"
NO_SIDEWAYS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def tone(seconds=20.0):
    """Return a sound of so many seconds."""
    samples = bytes(128 + int(60 * math.sin(n / 4)) for n in range(int(8000 * seconds)))
    return (
        b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", len(samples)) + samples
    )


def wait_for(page, condition):
    """Wait until ``condition`` holds in the page, whose policy lets nothing be evaluated there again and again."""
    deadline = time.monotonic() + 20
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def make_answer(run, item, data, media_type):
    response = make_score(run, item, make_language_model("maker"), 6.0).trial.response
    kept = media_store().keep(data, media_type)
    Response.objects.filter(pk=response.pk).update(
        text="", output_sha256=kept.sha256, output_media_type=media_type, output_size=kept.size
    )
    return response


@pytest.fixture
def sample(settings, tmp_path, page):
    settings.MEDIA_ROOT = tmp_path
    video = base64.b64decode(page.evaluate(RECORD))
    shown = make_item(status=Item.Status.PROPOSED, category="culture")
    attach_image(item_id=shown.pk, data=png("shown", width=900, height=500), alt="A plain colour.", actor=None)
    Item.objects.filter(pk=shown.pk).update(status=Item.Status.ACCEPTED)
    items = [shown, *(make_item(modality=letter, category="culture") for letter in "IAV")]
    run = make_run(make_release(items))
    make_score(run, shown, make_language_model("maker"), 6.0, text="A plain colour, as far as can be seen.")
    made = [(png("made", width=1200, height=700), "image/png"), (tone(), "audio/wav"), (video, "video/webm")]
    for item, (data, media_type) in zip(items[1:], made, strict=True):
        make_answer(run, item, data, media_type)
    return make_label_sample(run, name="files")


def task_of(sample, letter):
    return sample.tasks.get(trial__release_item__item__modality=letter)


def test_pages_show_what_was_asked_with_and_made(page, sign_in, sample, shot):
    sign_in(make_user("annotator"))
    for letter in "TIAV":
        response = task_of(sample, letter).trial.response
        score = response.trials.get().scores.get()
        for name, address in (
            ("response", response.get_absolute_url()), ("score", score.get_absolute_url()),
            ("label", task_of(sample, letter).get_absolute_url()), ("trail", f"/provenance/score/{score.pk}/"),
        ):
            page.goto(address)
            page.evaluate(UNFOLD)
            for media in page.locator("main .media").all():
                media.scroll_into_view_if_needed()
            wait_for(page, IS_SHOWN)
            shot(page, f"media-{name}-{letter}")
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                assert page.evaluate(NO_SIDEWAYS), (address, width)
            page.set_viewport_size({"width": 1280, "height": 900})
            if letter in "IAV":
                tag = {"I": "img", "A": "audio", "V": "video"}[letter]
                assert page.locator(f"main .media {tag}").count() == 1, address
    item = sample.tasks.filter(trial__release_item__item__modality="T").get().trial.release_item.item
    page.goto(item.get_absolute_url())
    page.evaluate(UNFOLD)
    wait_for(page, IS_SHOWN)
    shot(page, "media-item")


@pytest.mark.parametrize("letter", ["A", "V"])
def test_speech_and_videos_are_played_and_labelled_by_keyboard(page, sign_in, sample, letter):
    sign_in(make_user("annotator", username="ann"))
    task = task_of(sample, letter)
    page.goto(task.get_absolute_url())
    player = page.locator("main .media audio, main .media video")
    wait_for(page, "() => document.querySelector('main audio, main video').readyState >= 1")
    page.keyboard.press("l")  # folded as it is, it is not heard
    page.wait_for_timeout(300)
    assert player.evaluate("each => each.paused")
    page.keyboard.press("f")
    page.keyboard.press("l")
    wait_for(page, "() => document.querySelector('main audio, main video').currentTime > 0.1")
    if letter == "A":
        page.keyboard.press("l")
        assert player.evaluate("each => each.paused")
    player.focus()
    page.keyboard.press("Enter")  # it is the player's, and keeps nothing
    assert page.url.endswith(task.get_absolute_url())
    assert not HumanLabel.objects.exists()
    page.keyboard.press("7")
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: not url.endswith(task.get_absolute_url()))
    assert (HumanLabel.objects.get().task_id, HumanLabel.objects.get().value) == (task.pk, 7)
