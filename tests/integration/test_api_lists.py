"""Paging that loses and repeats nothing, and as many queries for twelve rows as for three."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gvsir.models import Incident, IncidentRedirect
from tests.api_addresses import api_addresses
from tests.factories.annotation import make_codebook
from tests.factories.api_world import make_world
from tests.factories.bench import make_language_model
from tests.factories.gvsir import make_dimension, make_incident, make_user, make_value_system

LISTS = {address.path.split("/")[3]: address.path for address in api_addresses() if address.is_list}
#: list -> most queries of a page for a curator, sign-in (session, user, roles) included.
MOST_QUERIES = {
    "incidents": 6, "reports": 5, "entities": 4, "taxonomies": 6, "classifications": 5, "value-systems": 6,
    "documents": 4, "codebooks": 4, "codes": 4, "rounds": 4, "assignments": 5, "codings": 4, "memos": 4, "items": 7,
    "releases": 4, "language-models": 4, "runs": 6, "responses": 6, "scores": 4,
}


def follow(client, path, params=None):
    """Return every row of a list, page by page."""
    answer = client.get(path, params).json()
    rows = answer["results"]
    while answer["next"]:
        answer = client.get(answer["next"]).json()
        rows += answer["results"]
    return rows


def queries_of(client, path):
    with CaptureQueriesContext(connection, ) as captured:
        answer = client.get(path, {"page_size": 500})
    assert answer.status_code == 200
    return len(captured), len(answer.json()["results"])


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(MOST_QUERIES))
def test_a_longer_page_takes_no_more_queries(client, name):
    client.force_login(make_user("curator"))
    make_world(2)
    for n in range(2):
        make_dimension(make_value_system(f"system-{n}")).parents.add(make_dimension(make_value_system(f"other-{n}")))
    few, n_few = queries_of(client, LISTS[name])
    make_world(3)
    make_codebook()
    for n in range(2, 5):
        make_dimension(make_value_system(f"system-{n}")).parents.add(make_dimension(make_value_system(f"other-{n}")))
    many, n_many = queries_of(client, LISTS[name])
    assert n_many > n_few >= 2
    assert many == few
    assert many <= MOST_QUERIES[name]


@pytest.mark.django_db
def test_paging_through_incidents_while_rows_are_inserted_loses_and_repeats_none(client):
    before = [make_incident(number=number).number for number in range(101, 121)]
    answer = client.get("/api/v1/incidents/", {"page_size": 3}).json()
    seen = [row["number"] for row in answer["results"]]
    turn = 0
    while answer["next"]:
        # Newest and oldest dates, highest and lowest numbers: wherever a list might sort them in.
        make_incident(number=500 + turn, date="2030-01-01")
        make_incident(number=1 + turn, date="1990-01-01")
        turn += 1
        if turn > 12:
            Incident.objects.filter(number__gte=500).delete()
        answer = client.get(answer["next"]).json()
        seen += [row["number"] for row in answer["results"]]
        assert turn < 40
    assert len(seen) == len(set(seen))
    assert [number for number in seen if number in before] == before


@pytest.mark.django_db
def test_previous_leads_back_to_the_same_page(client):
    for number in range(101, 108):
        make_incident(number=number)
    first = client.get("/api/v1/incidents/", {"page_size": 3}).json()
    second = client.get(first["next"]).json()
    assert [row["number"] for row in second["results"]] == [104, 105, 106]
    assert client.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.django_db
def test_a_filter_stays_on_through_the_pages(client):
    for number in range(101, 111):
        make_incident(number=number, date=f"20{20 + number % 2}-01-01")
    rows = follow(client, "/api/v1/incidents/", {"year": "2021", "page_size": 2})
    assert [row["number"] for row in rows] == [101, 103, 105, 107, 109]


@pytest.mark.django_db
def test_five_hundred_rows_come_in_one_page(client):
    source = make_incident(number=1).source
    Incident.objects.bulk_create(
        Incident(number=number, source=source, source_record_id=str(number), status="published", title="x")
        for number in range(2, 503)
    )
    answer = client.get("/api/v1/incidents/", {"page_size": 500}).json()
    assert len(answer["results"]) == 500
    assert len(client.get(answer["next"]).json()["results"]) == 2


#: Filters that look for one record by a word of its own, so that nothing found is an answer.
LOOKUPS = {"q", "name", "sha256", "source_record_id"}
#: (list, parameter) of every filter whose value names something else.
FILTERS = [
    (address.path, name)
    for address in api_addresses() if address.is_list
    for name in getattr(getattr(address.view, "filterset_class", None), "base_filters", ())
    if name not in LOOKUPS
]


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["nope", "1999999999", "Z-999999"])
@pytest.mark.parametrize(("path", "name"), FILTERS)
def test_a_value_that_nothing_has_is_refused_by_name(client, path, name, value):
    client.force_login(make_user("curator"))
    make_world()
    answer = client.get(path, {name: value})
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["error"]["fields"]) == [name]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "asked"), [
    ("documents", {"sha256": "0" * 64}), ("reports", {"source_record_id": "nope"}), ("codebooks", {"name": "nope"}),
    ("language-models", {"name": "nope"}), ("label-samples", {"name": "nope"}),
])
def test_looking_for_a_record_that_is_not_there_finds_none(client, path, asked):
    client.force_login(make_user("curator"))
    answer = client.get(f"/api/v1/{path}/", asked)
    assert (answer.status_code, answer.json().get("results")) == (200, []), answer.content


def test_there_are_filters_to_look_at():
    assert len(FILTERS) > 40


@pytest.mark.django_db
def test_a_known_value_without_a_record_gives_an_empty_list(client):
    world = make_world()
    unused = make_dimension(make_value_system("unused"))
    for path, asked in [
        ("items", {"category": unused.key}), ("scores", {"dimension": unused.key}), ("scores", {"system": "unused"}),
        ("items", {"incident": make_incident().number}), ("codes", {"category": unused.key}),
        ("scores", {"item": world.item.public_id, "model": make_language_model().pk}),
        ("runs", {"model": make_language_model().pk}), ("codes", {"codebook": make_codebook().pk}),
    ]:
        answer = client.get(f"/api/v1/{path}/", asked)
        assert (answer.status_code, answer.json().get("results")) == (200, []), (path, asked, answer.content)


@pytest.mark.django_db
def test_the_refusal_is_a_sentence_and_hides_what_the_caller_may_not_see(client):
    world = make_world()
    IncidentRedirect.objects.create(number=900, target_number=world.incident.number, reason="x")
    messages = {}
    for asked in ({"category": "nope"}, {"incident": 900}, {"incident": world.draft.number}, {"item": "x"}):
        path = "scores" if "item" in asked else "items"
        (name,) = asked
        (messages[str(asked[name])],) = client.get(f"/api/v1/{path}/", asked).json()["error"]["fields"][name]
    assert messages == {
        "nope": "There is no category 'nope' here.",
        "900": f"Incident 900 was merged into {world.incident.number}; ask for that.",
        str(world.draft.number): f"There is no incident '{world.draft.number}' here.",
        "x": "Give a public id such as T-7.",
    }
