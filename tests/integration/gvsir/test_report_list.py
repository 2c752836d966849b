"""The list of reports: as many as the overview and the API say, each with its incidents and its place at the source."""

from __future__ import annotations

import re

import pytest

from gvsir.models import Incident, Report
from tests.factories.gvsir import make_incident, make_report, make_user

pytestmark = pytest.mark.django_db


def test_the_overview_the_list_and_the_api_count_the_same_reports(client):
    for _ in range(3):
        make_report(make_incident())
    make_report(make_incident(status=Incident.Status.DRAFT))
    for user, n in ((None, 3), (make_user("curator"), 4)):
        if user is not None:
            client.force_login(user)
        assert f'href="/reports/"><b class="bignum">{n}</b> reports' in client.get("/").content.decode()
        page = client.get("/reports/").content.decode()
        assert page.count('scope="row"') == n
        assert f"<span>{n} reports</span>" in page
        assert len(client.get("/api/v1/reports/").json()["results"]) == n


def test_the_title_of_a_report_on_a_folded_incident_is_for_readers_who_signed_in(client):
    report = make_report(make_incident(harm="minors"))
    Report.objects.filter(pk=report.pk).update(title="What was done in detail", url="javascript:alert(1)")
    page = client.get("/reports/").content.decode()
    assert "What was done in detail" not in page
    client.force_login(make_user("annotator"))
    page = client.get("/reports/").content.decode()
    assert "What was done in detail" in page
    assert "javascript:" not in page


def test_queries_do_not_grow_with_reports(client, django_assert_max_num_queries):
    for _ in range(12):
        make_report(make_incident())
    with django_assert_max_num_queries(8):
        page = client.get("/reports/").content.decode()
    assert len(re.findall(r'scope="row"', page)) == 12


def test_without_a_report_the_page_says_how_to_get_some(client):
    assert "There are no reports yet" in client.get("/reports/").content.decode()
