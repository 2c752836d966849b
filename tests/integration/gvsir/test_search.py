"""Search in English and Chinese, with any text asked."""

from __future__ import annotations

import pytest

from gvsir.models import Incident, IncidentSearchRow
from gvsir.search import index_incidents
from tests.factories.gvsir import make_incident

pytestmark = pytest.mark.django_db


def found(query: str) -> list[int]:
    return [each.number for each in Incident.objects.all().search(query).order_by("-search_rank", "number")]


@pytest.fixture
def incidents():
    make_incident(number=1, title="Chatbot hallucinated court citations", description="A lawyer was fined.")
    make_incident(
        number=2, title="人脸识别系统误认", description="警方使用的人脸识别系统歧视少数群体 😀 后被停用。", developers=("sensetime",)
    )
    make_incident(number=3, title="Café robot 🤖 spills tea", description="The citation of a lawyer is mentioned once here.")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("hallucinating citation", [1]),
        ("CITATIONS", [1, 3]),
        ("lawyers fined", [1]),
        ("歧视", [2]),
        ("人脸识别", [2]),
        ("脸", [2]),
        ("公平", []),
        ("cafe", [3]),
        ("tea 🤖", [3]),
        ("😀", []),
        ("Sensetime", [2]),
        ("GVSIR-2", [2]),
        ("tea lawyer", [3]),
        ("tea fined", []),
    ],
)
def test_words_find_their_incidents(incidents, query, expected):
    assert found(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        '"', "'", '"unclosed', "a AND (b OR", "NEAR(", "*", "tea*", "tea -robot", "^tea", "title:tea", "{x}", "\\", "%",
        "'; DROP TABLE gvsir_incident; --", "&|!<->", ":*", "\x00", "\x00tea", "🏳️‍🌈", "x" * 10_000, "tea " * 2_500,
        "歧" * 5_000, "ﷺ", "\ud800".encode("utf-8", "replace").decode(), "İ", "ß", "½", "٣",
    ],
)
def test_no_question_is_an_error(incidents, query):
    found(query)


def test_blank_question_leaves_everything():
    make_incident()
    assert Incident.objects.all().search("  ").count() == 1


def test_title_counts_more_than_description(incidents):
    assert found("citation") == [1, 3]
    best, other = Incident.objects.all().search("citation").order_by("-search_rank")
    assert best.search_rank > other.search_rank


def test_search_narrows_what_was_there(incidents):
    assert list(Incident.objects.filter(number__gt=1).search("citation").values_list("number", flat=True)) == [3]
    inner = Incident.objects.all().search("citation").values("pk")
    assert set(Incident.objects.filter(pk__in=inner).search("tea").values_list("number", flat=True)) == {3}


def test_edited_incident_is_found_by_its_new_words_only():
    incident = make_incident(title="Old words")
    Incident.objects.filter(pk=incident.pk).update(title="Fresh subject")
    assert index_incidents([incident.pk]) == 1
    assert (found("old"), found("fresh")) == ([], [incident.number])


def test_deleted_incident_leaves_no_search_row():
    make_incident(number=1)
    make_incident(number=2).delete()
    assert IncidentSearchRow.objects.count() == 1


def test_index_is_rebuilt_as_a_whole():
    make_incident(number=1, title="Robot")
    index_incidents()
    assert index_incidents() == 1
    assert found("robot") == [1]


@pytest.mark.parametrize("query", ["citation", "tea lawyer", "", "😀", "人脸识别"])
def test_unranked_search_finds_the_same(incidents, query):
    unranked = Incident.objects.all().search(query, ranked=False)
    assert sorted(unranked.values_list("number", flat=True)) == sorted(found(query))
    assert "search_rank" not in unranked.query.annotations
