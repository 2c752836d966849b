"""Facets: each count is the length of the list that a click would show, in a constant number of queries."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from gvsir.facets import FACETS, REPORT_BANDS, apply_filters, counts, narrow
from gvsir.models import Incident
from tests.factories.gvsir import (
    make_classification,
    make_coder,
    make_incident,
    make_taxonomy_field,
    make_taxonomy_version,
)

pytestmark = pytest.mark.django_db
OWN = ("year", "risk", "developer", "deployer", "harmed", "reports")


@pytest.fixture
def incidents():
    version = make_taxonomy_version("MIT")
    domain = make_taxonomy_field(version, "Risk Domain")
    coder = make_coder("mit", kind="model")
    plan = [
        (2023, 0, ("openai",), ("openai", "shop"), "3. Misinformation", "Chatbot invents a law"),
        (2023, 1, ("openai", "google"), (), "3. Misinformation", "Chatbot invents a case"),
        (2024, 2, ("google",), ("shop",), "2. Privacy & Security", "Chatbot leaks a name"),
        (2024, 5, (), ("city",), None, "Camera misreads a plate"),
        (None, 7, ("meta",), (), "3. Misinformation", "Feed shows rumours"),
    ]
    for number, (year, reports, developers, deployers, risk, title) in enumerate(plan, 1):
        incident = make_incident(
            number=number, title=title, reports=reports, developers=developers, deployers=deployers,
            date=datetime.date(year, 3, 1) if year else None, description="",
        )
        if risk:
            make_classification(incident, version, coder, {domain: risk})
    draft = make_incident(number=9, status="draft", developers=("openai",))
    make_classification(draft, version, coder, {domain: "3. Misinformation"}, is_published=False)


def counted(params: str = "") -> dict[str, dict[str, int]]:
    choices = counts(Incident.objects.all().published(), QueryDict(params))
    return {key: {choice.value: choice.count for choice in choices[key]} for key in OWN}


def listed(params: str) -> list[int]:
    queryset, _ = apply_filters(Incident.objects.all().published(), QueryDict(params))
    return sorted(queryset.values_list("number", flat=True))


def test_counts_without_a_filter(incidents):
    assert counted() == {
        "year": {"2023": 2, "2024": 2, "none": 1},
        "risk": {"2. Privacy & Security": 1, "3. Misinformation": 3, "none": 1},
        "developer": {"google": 2, "openai": 2, "meta": 1},
        "deployer": {"shop": 2, "city": 1, "openai": 1},
        "harmed": {},
        "reports": {"0": 1, "1": 1, "2-4": 1, "5+": 2},
    }


@pytest.mark.parametrize(
    "params",
    ["", "year=2023", "year=2023&year=2024", "developer=openai", "developer=openai&deployer=shop", "risk=none",
     "q=chatbot", "q=chatbot&risk=3.+Misinformation&reports=1", "reports=5%2B&year=none", "developer=nobody"],
)
def test_count_of_a_choice_is_the_length_of_its_list(incidents, params):
    for key, choices in counted(params).items():
        for value, count in choices.items():
            wanted = QueryDict(params, mutable=True)
            wanted.setlist(key, [value])
            assert len(listed(wanted.urlencode())) == count, (params, key, value)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("developer=openai", [1, 2]),
        ("deployer=openai", [1]),
        ("developer=openai&developer=meta", [1, 2, 5]),
        ("risk=none", [4]),
        ("risk=none&risk=2.+Privacy+%26+Security", [3, 4]),
        ("year=none", [5]),
        ("year=2023&reports=1", [2]),
        ("reports=2-4&reports=5%2B", [3, 4, 5]),
        ("q=chatbot&year=2024", [3]),
        ("year=abc", []),
        ("year=99999999999", []),
        ("reports=many", []),
        ("developer=", [1, 2, 3, 4, 5]),
        ("unknown=1", [1, 2, 3, 4, 5]),
    ],
)
def test_filters_join_choices_by_or_and_facets_by_and(incidents, params, expected):
    assert listed(params) == expected


def test_chosen_value_without_incidents_is_shown_with_zero(incidents):
    assert counted("developer=nobody")["developer"]["nobody"] == 0
    assert counted("year=1999")["year"]["1999"] == 0
    assert counted("reports=0&year=2024")["reports"]["0"] == 0


def test_applied_filters_are_named_in_words(incidents):
    params = QueryDict("q=law&developer=openai&risk=3.+Misinformation")
    choices = counts(Incident.objects.all().published(), params)
    _, applied = apply_filters(Incident.objects.all().published(), params, choices)
    assert [(each.key, each.value, each.label) for each in applied] == [
        ("q", "law", "law"), ("risk", "3. Misinformation", "Misinformation"), ("developer", "openai", "Openai"),
    ]
    _, alone = apply_filters(Incident.objects.all().published(), params)
    assert alone == applied


def test_number_of_queries_does_not_grow_with_the_incidents(incidents):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            counted("q=chatbot&developer=openai&year=2023")
        return len(captured)

    before = queries()
    for number in range(20, 60):
        make_incident(number=number, developers=("openai", f"lab-{number}"), reports=2)
    assert queries() == before
    assert before <= 2 * len(FACETS)


def test_long_list_shows_the_most_frequent_and_the_chosen(incidents):
    for number in range(20, 40):
        make_incident(number=number, developers=(f"lab-{number}",))
    shown = counted("developer=lab-39")["developer"]
    assert len(shown) == 13
    assert shown["lab-39"] == 1


def test_bands_cover_every_number_once():
    for reports in range(60):
        assert sum(low <= reports and (high is None or reports <= high) for low, high in REPORT_BANDS.values()) == 1


def test_facets_stand_in_their_order():
    orders = [facet.order for facet in FACETS.values()]
    assert orders == sorted(orders)
    assert narrow(Incident.objects.all(), QueryDict("")).count() == 0
