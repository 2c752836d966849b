"""Incidents and classifications in the API: filters, merged and withdrawn numbers, folds."""

from __future__ import annotations

import csv
import io
import itertools
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gvsir.models import IncidentRedirect
from tests.factories.gvsir import (
    make_classification,
    make_coder,
    make_incident,
    make_report,
    make_source,
    make_taxonomy_field,
    make_taxonomy_version,
    make_user,
)

pytestmark = pytest.mark.django_db


def numbers(client, **params):
    answer = client.get("/api/v1/incidents/", params)
    assert answer.status_code == 200, answer.content
    return [row["number"] for row in answer.json()["results"]]


def refused(client, path="/api/v1/incidents/", **params):
    answer = client.get(path, params)
    assert answer.status_code == 400, answer.content
    return list(answer.json()["error"]["fields"])


def test_an_incident_says_all_that_is_public_of_it(client):
    incident = make_incident(
        number=639, title="A chatbot cites a ruling 😀 判决", description="It was made up.", developers=("openai",),
        harmed=("lawyers",), source=make_source(key="aiid", name="AIID", licence="CC BY-SA 4.0", attribution="RAIC"),
        source_record_id="639",
    )
    report = make_report(incident)
    body = client.get("/api/v1/incidents/639/").json()
    created, updated = body.pop("created_at"), body.pop("updated_at")
    assert created <= updated
    assert body == {
        "number": 639, "public_id": "GVSIR-639", "url": "/incidents/639/", "status": "published", "status_reason": "",
        "title": "A chatbot cites a ruling 😀 判决", "description": "It was made up.", "withheld": "", "harm": "",
        "language": "en", "date": "2024-05-17", "date_precision": "day",
        "source": {"key": "aiid", "name": "AIID", "version": "", "url": "", "licence": "CC BY-SA 4.0", "attribution": "RAIC"},
        "source_record_id": "639",
        "entities": [
            {"role": "developer", "slug": "openai", "name": "Openai"},
            {"role": "harmed", "slug": "lawyers", "name": "Lawyers"},
        ],
        "reports": [report.pk],
        "merged_into": None,
    }


@pytest.mark.parametrize("asked", ["639", "GVSIR-639", "gvsir-639"])
def test_an_incident_is_found_by_number_and_by_public_id(client, asked):
    make_incident(number=639)
    assert client.get(f"/api/v1/incidents/{asked}/").json()["public_id"] == "GVSIR-639"


def test_a_merged_number_leads_to_its_target_through_the_chain(client):
    make_incident(number=1057)
    make_incident(number=88)  # merged, and yet its row is kept
    IncidentRedirect.objects.create(number=342, target_number=88, reason="duplicate")
    IncidentRedirect.objects.create(number=88, target_number=1057, reason="duplicate")
    answer = client.get("/api/v1/incidents/GVSIR-342/")
    assert answer.status_code == 301
    assert answer["Location"] == "/api/v1/incidents/1057/"
    assert answer.json() == {
        "number": 1057, "public_id": "GVSIR-1057", "chain": [342, 88, 1057], "url": "/api/v1/incidents/1057/",
    }
    assert client.get("/api/v1/incidents/88/")["Location"] == "/api/v1/incidents/1057/"
    assert client.get(answer["Location"]).json()["number"] == 1057


def test_numbers_redirected_in_a_circle_answer_404(client):
    IncidentRedirect.objects.create(number=1, target_number=2, reason="x")
    IncidentRedirect.objects.create(number=2, target_number=1, reason="x")
    answer = client.get("/api/v1/incidents/1/")
    assert answer.status_code == 404
    assert "circle" in answer.json()["error"]["message"]


def test_search_and_facets_narrow_the_list(client):
    make_incident(number=1, title="Chatbot invents rulings", date="2023-01-01", developers=("openai",))
    make_incident(number=2, title="人脸识别系统出错", description="Police.", date="2024-01-01", developers=("google",), deployers=("police",), reports=2)
    make_incident(number=3, title="Chatbots insult a customer", date="2024-06-01", developers=("openai", "google"))
    assert numbers(client) == [1, 2, 3]
    assert numbers(client, q="chatbot") == [1, 3]
    assert numbers(client, q="人脸识别") == [2]
    assert numbers(client, year="2024") == [2, 3]
    assert numbers(client, year=["2023", "2024"]) == [1, 2, 3]
    assert numbers(client, year="2031") == []
    assert numbers(client, developer="openai") == [1, 3]
    assert numbers(client, developer="openai", year="2024") == [3]
    assert numbers(client, deployer="police") == [2]
    assert numbers(client, reports="2-4") == [2]
    assert numbers(client, source="test-source", q="chatbot") == [1, 3]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("year", "19x"), ("year", "²"), ("year", "0"), ("developer", "no-such-firm"), ("deployer", "openai"),
     ("reports", "many"), ("risk", "9. Nothing"), ("category", "no_such"), ("source", "nobody"),
     ("taxonomy_value", "CSETv1"), ("taxonomy_value", "CSETv1:Nothing:x"), ("taxonomy_value", "T:Secret:x"),
     ("q", "a\x00b"), ("quarry", "x"), ("sort", "nope")],
)
def test_a_bad_value_is_refused_by_name(client, parameter, value):
    make_incident(developers=("openai",))
    make_taxonomy_field(make_taxonomy_version("T"), "Secret", is_public=False)
    assert refused(client, **{parameter: value}) == [parameter]


def make_a_few():
    make_incident(number=1, title="Bank", description="chatbot", date="2020-01-01", reports=1)
    make_incident(number=2, title="Shop", description="a chatbot in a shop", date="2024-01-01", reports=3)
    make_incident(number=3, title="Chatbot", description="chatbot chatbot", date=None)
    for number in range(4, 10):
        make_incident(number=number, date="2022-01-01", reports=number % 3)


@pytest.mark.parametrize(
    "asked",
    [{"sort": "newest"}, {"sort": "reports"}, {"sort": "match", "q": "chatbot"}, {"sort": "reports", "year": "2022"}],
)
def test_a_sorted_list_has_the_order_of_the_page_and_pages_both_ways(client, asked):
    make_a_few()
    page = [each.number for each in client.get("/incidents/", asked).context["page"].object_list]
    assert len(page) > 4
    assert numbers(client, **asked) == page
    answer = client.get("/api/v1/incidents/", {**asked, "page_size": 2}).json()
    pages = [answer]
    while answer["next"]:
        answer = client.get(answer["next"]).json()
        pages.append(answer)
    assert [row["number"] for each in pages for row in each["results"]] == page
    assert pages[0]["previous"] is None
    for before, after in itertools.pairwise(pages):
        assert client.get(after["previous"]).json()["results"] == before["results"]


def test_a_sorted_list_loses_and_repeats_nothing_while_rows_come(client):
    make_a_few()
    before = numbers(client, sort="reports")
    answer = client.get("/api/v1/incidents/", {"sort": "reports", "page_size": 2}).json()
    seen = [row["number"] for row in answer["results"]]
    while answer["next"]:
        make_incident(date="2030-01-01", reports=5)
        answer = client.get(answer["next"]).json()
        seen += [row["number"] for row in answer["results"]]
    assert seen == before


@pytest.mark.parametrize("sort", ["newest", "reports", "match"])
def test_the_ways_to_take_the_list_away_give_its_records(client, sort):
    make_a_few()
    page = client.get("/incidents/", {"q": "chatbot", "sort": sort, "page": "1", "utm": "x"})
    shown = [each.number for each in page.context["page"].object_list]
    ways = {each["label"]: each["url"] for each in page.context["take"]}
    api = [row["number"] for row in client.get(ways["API"]).json()["results"]]
    assert (api if sort != "newest" else sorted(api, key=shown.index)) == shown
    lines = b"".join(client.get(ways["JSONL"]).streaming_content).decode().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"GVSIR-{number}" for number in shown]


def test_best_match_needs_a_word(client):
    make_incident()
    answer = client.get("/api/v1/incidents/", {"sort": "match"})
    assert answer.json()["error"]["fields"] == {"sort": ["Sort match needs a word to search for, in q."]}
    assert client.get(client.get("/incidents/", {"sort": "match"}).context["take"][-1]["url"]).status_code == 200


@pytest.mark.parametrize("path", ["/incidents/", "/incidents.csv", "/incidents.jsonl"])
def test_an_order_that_does_not_exist_is_named(client, path):
    make_incident()
    answer = client.get(path, {"sort": "nope"})
    assert answer.status_code == 400
    assert "sort=nope, which does not exist. There are: newest, reports, match." in answer.content.decode()


def test_a_merged_incident_says_into_which_in_every_list(client):
    make_incident(number=1057)
    make_incident(number=88)
    make_incident(number=637)
    make_incident(number=5)
    for number, target in ((637, 88), (88, 1057), (342, 88)):
        IncidentRedirect.objects.create(number=number, target_number=target, reason="duplicate")
    expected = {"GVSIR-1057": "", "GVSIR-88": "GVSIR-1057", "GVSIR-637": "GVSIR-1057", "GVSIR-5": ""}
    for asked in ({}, {"sort": "newest"}):
        rows = client.get("/api/v1/incidents/", asked).json()["results"]
        assert {row["public_id"]: row["merged_into"] or "" for row in rows} == expected
    lines = b"".join(client.get("/incidents.jsonl").streaming_content).decode().splitlines()
    assert {row["id"]: row["merged_into"] for row in map(json.loads, lines)} == expected
    table = b"".join(client.get("/incidents.csv").streaming_content).decode("utf-8-sig")
    assert {row["id"]: row["merged_into"] for row in csv.DictReader(io.StringIO(table))} == expected
    html = client.get("/incidents/").content.decode()
    assert html.count('<a href="/incidents/1057/">into GVSIR-1057</a>') == 2


@pytest.mark.parametrize("path", ["/incidents/", "/api/v1/incidents/", "/api/v1/incidents/?sort=newest", "/incidents.csv"])
def test_merged_incidents_take_no_query_each(client, path):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path)
            assert b"".join(answer.streaming_content) if answer.streaming else answer.content
        return len(queries)

    for number in range(1, 10):
        make_incident(number=number)
    IncidentRedirect.objects.create(number=1, target_number=9, reason="x")
    few = cost()
    for number in range(2, 9):
        IncidentRedirect.objects.create(number=number, target_number=9, reason="x")
    assert cost() == few


def test_any_public_field_of_any_taxonomy_filters(client):
    version = make_taxonomy_version("T")
    field = make_taxonomy_field(version, "Harm: kind", order=1)
    many = make_taxonomy_field(version, "Sectors", order=2, display_type="multi")
    first, second, third = (make_incident() for _ in range(3))
    coder = make_coder()
    make_classification(first, version, coder, {field: "bodily: light", many: '["health", "law"]'})
    make_classification(second, version, coder, {field: "none", many: '["lawn"]'})
    make_classification(third, version, coder, {field: "bodily: light"}, is_published=False)
    assert numbers(client, taxonomy_value="T:Harm: kind:bodily: light") == [first.number]
    assert numbers(client, taxonomy_value="T:Sectors:law") == [first.number]
    assert numbers(client, taxonomy_value=["T:Sectors:law", "T:Harm: kind:none"]) == []
    assert refused(client, taxonomy_value="T:Sectors:nothing") == ["taxonomy_value"]


def test_classifications_are_filtered_and_blank_cells_have_no_entry(client):
    version = make_taxonomy_version("T")
    field, blank = (make_taxonomy_field(version, key, order=n) for n, key in enumerate(("A", "B")))
    incident, other = make_incident(), make_incident()
    make_classification(incident, version, make_coder("one"), {field: "yes"})
    make_classification(other, version, make_coder("two"), {field: "no", blank: "x"})
    rows = client.get("/api/v1/classifications/", {"incident": incident.number, "taxonomy": "T"}).json()["results"]
    assert [(row["incident"], row["coder"]["key"], row["values"]) for row in rows] == [(incident.number, "one", {"A": "yes"})]
    assert len(client.get("/api/v1/classifications/", {"coder": "two"}).json()["results"]) == 1
    make_taxonomy_version("T", version=2)
    assert client.get("/api/v1/classifications/", {"version": "2"}).json()["results"] == []
    assert refused(client, "/api/v1/classifications/", version="3") == ["version"]
    assert refused(client, "/api/v1/classifications/", incident="x") == ["incident"]
    assert refused(client, "/api/v1/classifications/", incident="1.5") == ["incident"]


def test_a_draft_is_in_no_count_and_no_list_of_a_stranger(client):
    published = make_incident(developers=("openai",))
    draft = make_incident(status="draft", developers=("openai", "hidden-firm"))
    make_report(published, draft)
    only_draft = make_report(draft)
    assert [row["incidents"] for row in client.get("/api/v1/reports/").json()["results"]] == [[published.number]]
    assert client.get(f"/api/v1/reports/{only_draft.pk}/").status_code == 404
    assert client.get("/api/v1/entities/openai/").json()["incidents"] == {"deployer": 0, "developer": 1, "harmed": 0}
    assert client.get("/api/v1/entities/hidden-firm/").status_code == 404
    client.force_login(make_user("curator"))
    assert client.get("/api/v1/entities/openai/").json()["incidents"]["developer"] == 2
    assert client.get(f"/api/v1/reports/{only_draft.pk}/").status_code == 200


def test_entities_are_filtered_by_name_and_role(client):
    make_incident(developers=("openai",), deployers=("city-police",))
    path = "/api/v1/entities/"
    assert [row["slug"] for row in client.get(path, {"q": "police"}).json()["results"]] == ["city-police"]
    assert [row["slug"] for row in client.get(path, {"role": "developer"}).json()["results"]] == ["openai"]
    assert refused(client, path, role="owner") == ["role"]


def test_a_page_of_entities_counts_for_its_own_rows_only(client):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for n in range(4):
        make_incident(developers=("openai", f"firm-{n}"), deployers=("openai",))
    with CaptureQueriesContext(connection) as asked:
        rows = client.get("/api/v1/entities/", {"page_size": "2"}).json()["results"]
    assert len(rows) == 2
    assert {row["slug"]: row["incidents"] for row in rows}["openai"] == {"deployer": 4, "developer": 4, "harmed": 0}
    (listed,) = (each["sql"] for each in asked if 'FROM "gvsir_entity"' in each["sql"])
    assert 'GROUP BY "gvsir_entity"' not in listed


def test_a_token_signs_a_program_in(client):
    from rest_framework.authtoken.models import Token

    draft = make_incident(status="draft")
    token = Token.objects.create(user=make_user("curator"))
    path = f"/api/v1/incidents/{draft.number}/"
    assert client.get(path).status_code == 404
    assert client.get(path, headers={"authorization": f"Token {token.key}"}).status_code == 200
    token.user.is_active = False
    token.user.save()
    assert client.get(path, headers={"authorization": f"Token {token.key}"}).status_code == 401
