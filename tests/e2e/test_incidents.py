"""Finding an incident by search and facet, and opening it, as a reader does in a browser."""

from __future__ import annotations

import datetime
import re

import pytest

from gvsir.models import IncidentRedirect
from tests.factories.gvsir import make_incident, make_source, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def incidents():
    source = make_source(key="aiid", name="AI Incident Database")
    make_incident(number=1, source=source, title="Lawyer cites cases that a chatbot invented", developers=("openai",), reports=3)
    make_incident(
        number=2, source=source, title="Report with invented citations 😀 人脸识别", developers=("anthropic",),
        date=datetime.date(2025, 2, 3), reports=1,
    )
    make_incident(number=3, source=source, title="Car crash", description="A car drove into a wall.", developers=("openai",))
    return source


def titles(page):
    return page.locator(".results h3").all_inner_texts()


def test_an_incident_is_found_by_search_and_facet_and_opened(page, incidents, shot):
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("citation")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/?q=citation")
    assert titles(page) == ["Report with invented citations 😀 人脸识别", "Lawyer cites cases that a chatbot invented"]
    assert page.locator("#found").inner_text() == "2 of 3 incidents"
    shot(page, "incidents-search")

    page.get_by_role("checkbox", name="Openai").check()
    page.wait_for_url("**/incidents/?developer=openai&q=citation")
    assert titles(page) == ["Lawyer cites cases that a chatbot invented"]
    assert page.get_by_role("checkbox", name="Openai").is_checked()
    assert page.evaluate("document.activeElement.value") == "openai"
    page.reload()
    assert titles(page) == ["Lawyer cites cases that a chatbot invented"]

    page.get_by_role("link", name="Lawyer cites cases").click()
    page.wait_for_url("**/incidents/1/")
    assert page.locator("h1").inner_text() == "Lawyer cites cases that a chatbot invented"
    assert page.locator("aside").get_by_role("link", name=re.compile("^AIID ")).count() == 0  # not an AIID report
    shot(page, "incident")
    page.go_back()
    assert titles(page) == ["Lawyer cites cases that a chatbot invented"]
    page.get_by_role("link", name="Remove: Openai").click()
    page.wait_for_url("**/incidents/?q=citation")
    assert len(titles(page)) == 2


def test_chinese_characters_are_found_and_marked(page, incidents):
    page.goto("/incidents/")
    page.locator("#q").fill("人脸")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/incidents/?q=*")
    assert page.locator(".results mark").all_inner_texts() == ["人脸"]


def test_a_click_on_a_year_shows_that_year(page, incidents):
    page.goto("/incidents/")
    page.locator('svg.bars a[aria-label="2025: 1"]').click()
    page.wait_for_url("**/incidents/?year=2025")
    assert titles(page) == ["Report with invented citations 😀 人脸识别"]


def test_the_keyboard_leads_everywhere_and_stays_out_of_fields(page, incidents):
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/incidents/")
    page.keyboard.press("?")
    assert page.locator("#shortcuts").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#shortcuts").is_visible()
    page.locator("#q").focus()
    page.keyboard.type("gi?/")
    assert page.locator("#q").input_value() == "gi?/"
    assert not page.locator("#shortcuts").is_visible()


def test_a_folded_text_is_unfolded_once_a_session(page, incidents, sign_in, shot):
    for number in (10, 11):
        make_incident(number=number, source=incidents, harm="violence", description=f"Folded words {number}")
    page.goto("/incidents/10/")
    assert "Folded words" not in page.content()
    sign_in(make_user("annotator", username="ada"))
    page.goto("/incidents/10/")
    words = page.get_by_text("Folded words")
    assert not words.is_visible()
    page.locator("details.fold[data-remember] > summary").click()
    assert words.is_visible()
    shot(page, "incident-unfolded")
    page.goto("/incidents/11/")
    assert page.get_by_text("Folded words 11").is_visible()


def test_a_merged_number_arrives_with_a_note(page, incidents):
    IncidentRedirect.objects.create(number=88, target_number=1, reason="duplicate")
    page.goto("/incidents/88/")
    assert page.url.endswith("/incidents/1/?from=88")
    assert page.get_by_role("status").inner_text().startswith("GVSIR-88 was merged into GVSIR-1")


@pytest.mark.parametrize("path", ["/", "/about/", "/incidents/", "/incidents/1/", "/accounts/login/", "/nowhere/"])
def test_nothing_scrolls_sideways_on_a_phone(page, incidents, path):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_text("Menu", exact=True).click()
    assert page.locator(".phonemenu").get_by_role("link", name="Leaderboard").is_visible()


def test_the_language_is_switched_on_the_same_page(page, incidents):
    page.goto("/incidents/?q=citation")
    page.locator(".topbar > div > .end").get_by_role("button", name="中文").click()
    page.wait_for_url("**/incidents/?q=citation")
    assert page.locator("html").get_attribute("lang") == "zh-hans"
    assert len(titles(page)) == 2
