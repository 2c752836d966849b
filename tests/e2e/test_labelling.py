"""Labelling responses by keyboard, and seeing the judge's agreement and the corrected score change."""

from __future__ import annotations

import pytest

from bench.models import HumanLabel
from tests.factories.bench import (
    make_item,
    make_label,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_coder, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sample():
    items = [make_item(category=category) for category in ("misinfo", "misinfo", "bias", "bias")]
    run = make_run(make_release(items))
    for item, value in zip(items, (3.0, 6.0, 9.0, 8.0), strict=True):
        make_score(run, item, make_language_model("alpha"), value, text=f"An answer to {item.public_id} 😀")
    drawn = make_label_sample(run, name="autumn")
    for task, value in zip(drawn.tasks.order_by("trial"), (3, 5, 8, 8), strict=True):
        make_label(task, make_coder("first-rater"), value)
    return drawn


def whole(page):
    """The row of the whole: as judged, put right."""
    cells = page.locator("#corrected tr.picked td").all_inner_texts()
    return cells[1].split(" ")[0], cells[2].split(" ")[0]


def test_a_person_labels_by_keyboard_and_agreement_and_corrected_score_change(page, sign_in, sample, shot):
    sign_in(make_user("annotator", username="ann"))
    page.goto("/bench/labels/")
    page.get_by_role("link", name="Go on labelling").click()
    page.wait_for_url("**/bench/labels/*/")
    first = page.url
    page.keyboard.press("1")
    page.keyboard.press("0")
    assert page.locator("input[name=value]:checked").get_attribute("value") == "10"
    page.keyboard.press("4")
    page.keyboard.press("c")
    assert page.locator("input[name=value]:checked").get_attribute("value") == "4"
    shot(page, "label-task")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first)
    assert HumanLabel.objects.get(rater__user__username="ann").refusal == "complied"
    # Cannot tell needs its reason before it is kept.
    second = page.url
    page.keyboard.press("x")
    page.locator("#label-reason").select_option("knowledge")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: url != second)
    for key in ("t", "0"):
        before = page.url
        page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url, before=before: url != before)
    assert page.url.endswith("/bench/labels/")
    assert sorted(HumanLabel.objects.filter(rater__user__username="ann").values_list("value", flat=True), key=str) == [
        0, 10, 4, None,
    ]
    shot(page, "label-queue")


def test_staff_relabel_and_see_both_change(page, sign_in, sample, shot):
    sign_in(make_user("researcher", username="res"))
    page.goto(f"/bench/labels/samples/{sample.pk}/")
    assert whole(page) == ("6.50", "6.00")
    assert page.get_by_text("judge vs people: κw 0.95 (n 4)").is_visible()
    assert "4 of 8 labels" in page.locator(".progress-b").inner_text()
    task = sample.tasks.order_by("trial").first()
    # Off by 0, 1, 1, 0 from the first rater; by 6, then 0, from the second, on one response.
    for value, right, off in (("9", "6.75", "1.60"), ("3", "6.00", "0.40")):
        page.goto(f"/bench/labels/{task.pk}/")
        page.keyboard.press(value)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: not url.endswith(f"/{task.pk}/"))
        page.goto(f"/bench/labels/samples/{sample.pk}/")
        assert whole(page) == ("6.50", right)
        assert page.locator("#agreement tr", has_text="Mean absolute difference").locator("td").first.inner_text() == off
    shot(page, "label-sample")
    page.get_by_role("button", name="Close the sample").click()
    assert page.get_by_text("its labels stay as they are").first.is_visible()


def test_nothing_scrolls_sideways_on_a_phone(page, sign_in, sample):
    sign_in(make_user("researcher"))
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/bench/labels/", f"/bench/labels/{sample.tasks.first().pk}/", f"/bench/labels/samples/{sample.pk}/",
                    "/bench/labels/samples/new/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
