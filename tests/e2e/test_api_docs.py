"""The API's own page: readable without the net, within the content policy, and it can be tried out."""

from __future__ import annotations

import pytest

from tests.factories.gvsir import make_incident

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_page_shows_every_address_and_answers_a_call(page, live_server):
    make_incident(number=639, title="A chatbot cites a ruling 😀")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/v1/docs/")
    page.wait_for_selector(".opblock")
    block = page.locator("#operations-incidents-incidents_retrieve")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.locator("input[placeholder=number]").fill("GVSIR-639")
    block.get_by_role("button", name="Execute").click()
    page.wait_for_selector("text=A chatbot cites a ruling 😀")
    foreign = [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))]
    assert foreign == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
