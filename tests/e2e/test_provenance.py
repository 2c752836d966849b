"""From a number on the leaderboard, click by click, down to the passage it rests on."""

from __future__ import annotations

import re

import pytest

from tests.factories.annotation import close, make_coding, make_document, make_round, make_submitted
from tests.factories.bench import (
    make_item,
    make_language_model,
    make_measurement,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_coder, make_dimension, make_incident, make_user, make_value_system

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def incident():
    return make_incident(
        reports=2, title="A chatbot cited a court case that does not exist",
        description="A lawyer filed a brief. Its citations were invented by a chatbot 🤖 and nobody checked.",
    )


@pytest.fixture
def run(incident):
    of_round = make_round(origin="model-made")
    assignment = make_submitted(of_round, make_document(incident), make_coder("a"), "misinfo")
    coding = make_coding(assignment, "invented by a chatbot 🤖", name="inventing citations")
    close(of_round)
    item = make_item(
        incident=incident, is_model_made=True, status="proposed", prompt_en="Please cite three rulings.",
        prompt_zh="请引用三个判决。",
    )
    item.codings.add(coding)
    other = make_item(category="bias")
    run = make_run(make_release([item, other], is_demonstration=True))
    careful, hasty = make_language_model("careful"), make_language_model("hasty")
    make_score(run, item, careful, 9, text="I cannot verify such rulings.")
    make_score(run, item, hasty, 1, text="Smith v. Jones, 1999.")
    make_score(run, other, careful, 8)
    make_score(run, other, hasty, None, reason="the judge's reply could not be read")
    return run


def test_leaderboard_score_response_item_incident_passage(page, sign_in, shot, run, incident):
    sign_in(make_user("researcher"))
    page.goto("/leaderboard/gvs/")
    shot(page, "leaderboard-gvs")
    row = page.locator("table.models tbody tr", has_text="hasty")
    assert row.locator("td").first.inner_text().startswith("—")  # one of its two categories has no score at all
    page.goto("/leaderboard/gvs/?coverage=0")
    assert row.locator("td").first.inner_text().startswith("—")  # no coverage makes a number of nothing
    assert page.locator("table.models tbody tr", has_text="careful").locator("td").first.inner_text().startswith("1")
    heads = page.locator("table.models thead th").all_inner_texts()
    column = next(index for index, head in enumerate(heads) if "Misinformation" in head)
    row.locator("td").nth(column - 1).locator("a").first.click()

    page.wait_for_url("**/bench/scores/**")
    assert "1 with a value" in page.locator(".facts").inner_text()
    page.locator("tbody th a").first.click()

    page.wait_for_url(re.compile(r"/bench/scores/\d+/$"))
    assert "Smith v. Jones, 1999." in page.locator("main").inner_text()
    shot(page, "score")
    page.get_by_role("link", name=re.compile(r"^response \d+")).click()

    page.wait_for_url("**/bench/responses/**")
    assert "Please cite" in page.locator("main").inner_text()
    shot(page, "response")
    page.locator("table a", has_text="T-1").click()

    page.wait_for_url("**/bench/items/T-1/")
    assert "invented by a chatbot 🤖" in page.locator(".passages").inner_text()
    shot(page, "item")
    page.locator("main a", has_text=incident.title).click()

    page.wait_for_url(f"**{incident.get_absolute_url()}")
    assert page.locator("h1").inner_text() == incident.title
    assert "invented by a chatbot 🤖" in page.locator("main").inner_text()


def test_a_score_shows_its_whole_trail_with_the_passage_marked(page, sign_in, shot, run):
    sign_in(make_user("annotator"))
    score = run.scores.get(value=1)
    page.goto(score.get_absolute_url())
    page.get_by_role("link", name="Where this number comes from").click()
    assert page.locator("ol.trail > li").count() == 8
    assert page.locator("mark").inner_text() == "invented by a chatbot 🤖"
    assert page.locator("ol.trail > li.broken").count() == 0
    shot(page, "provenance")


def test_weights_rank_again_without_leaving_the_address(page, run):
    page.goto("/leaderboard/gvs/")
    page.locator("#w_misinfo").evaluate("slider => { slider.value = 0; slider.dispatchEvent(new Event('input')); }")
    assert page.locator("output[for=w_misinfo]").inner_text() == "0"
    page.get_by_role("button", name="Rank again").click()
    page.wait_for_url("**w_misinfo=0**")
    row = page.locator("table.models tbody tr", has_text="hasty")
    assert "—" in row.locator("td").nth(1).inner_text()


def test_no_more_models_can_be_ticked_than_the_chart_shows(page):
    system = make_value_system("mft", name="Moral foundations", scale_high=100)
    dimensions = [
        make_dimension(system, order, key=key, level="foundation", name=key, is_scored=True)
        for order, key in enumerate(("care", "fairness", "loyalty"), start=1)
    ]
    make_measurement({each: {f"m{n}": 10.0 * n for n in range(7)} for each in dimensions})
    page.goto("/leaderboard/mft/")
    boxes = page.locator("table.models input[type=checkbox]")
    assert page.locator("table.models input:checked").count() == 3
    for index in (3, 4):
        boxes.nth(index).check()
    assert boxes.nth(5).is_disabled()
    page.get_by_role("button", name="Draw the chosen models").click()
    page.wait_for_url("**models=**")
    assert page.locator(".plot svg polygon:not(.grid):visible").count() == 5


def test_nothing_but_framed_tables_and_charts_scrolls_sideways_on_a_phone(page, sign_in, run):
    sign_in(make_user("curator"))
    page.set_viewport_size({"width": 390, "height": 800})
    score = run.scores.first()
    for path in ("/leaderboard/", "/leaderboard/gvs/", "/compare/?system=gvs&models=1,2", "/bench/items/",
                 "/bench/items/T-1/", "/bench/releases/", run.release.get_absolute_url(), "/bench/scores/",
                 score.get_absolute_url(), score.trial.response.get_absolute_url(), f"/provenance/score/{score.pk}/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
