"""For every test: skipping says why, and is refused where everything must run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.utils import translation


@pytest.fixture(autouse=True)
def default_language() -> Iterator[None]:
    """Start each test in the default language: a request of an earlier one may have left another."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser's tests last: once it is open, its event loop holds the thread others start theirs in."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure where ``GVSIR_TEST_REQUIRE_ALL`` is set."""
    report = yield
    if report.skipped and os.environ.get("GVSIR_TEST_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report
