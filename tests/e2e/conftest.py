"""A browser for the tests that walk through the site: Chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

# playwright's sync API keeps an event loop running in this thread, where Django would refuse the ORM.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = os.environ.get("GVSIR_CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)


def pytest_collection_modifyitems(items):
    """Mark every test of this folder ``e2e``."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install -e '.[test]'")
    if not CHROMIUM:
        pytest.skip("Chromium is missing: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


@pytest.fixture
def page(browser, live_server):
    """A fresh tab of a fresh session; a script error on any page fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(30_000)
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text) if _refused_by_csp(message) else None)
    yield tab
    context.close()
    assert errors == []


def _refused_by_csp(message) -> bool:
    return message.type == "error" and "Content Security Policy" in message.text


@pytest.fixture
def sign_in(page):
    """``sign_in(user)``: through the form, as a person would; the password is the factory's."""
    from tests.factories.gvsir import PASSWORD

    def through_the_form(user, password=PASSWORD):
        page.goto("/accounts/login/")
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password", exact=True).fill(password)
        page.locator("main button[type=submit]").click()
        page.locator(".topbar .account summary", has_text=user.username).first.wait_for()

    return through_the_form


@pytest.fixture
def shot():
    """``shot(page, name)``: a picture at 1280 and at 390 px, only where GVSIR_SHOTS names a folder."""
    folder = os.environ.get("GVSIR_SHOTS")

    def take(tab, name):
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for width in (1280, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.screenshot(path=str(Path(folder) / f"{name}-{width}.png"), full_page=True)
        tab.set_viewport_size({"width": 1280, "height": 900})

    return take
