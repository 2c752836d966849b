"""The pages of the incident repository: what each reader finds on them, and at what cost."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gvsir import panels
from gvsir.models import Coder, Entity, EntityRole, Incident, IncidentRedirect, LogEntry
from tests.factories.gvsir import (
    PASSWORD,
    make_classification,
    make_coder,
    make_dimension,
    make_incident,
    make_report,
    make_source,
    make_taxonomy_field,
    make_taxonomy_version,
    make_user,
    make_value_system,
)

pytestmark = pytest.mark.django_db


def text_of(response):
    return response.content.decode()


def ids(response):
    return [int(each) for each in re.findall(r'<b class="mono">GVSIR-(\d+)</b>', text_of(response))]


def make_aiid():
    return make_source(key="aiid", name="AI Incident Database", version="2026-02-23")


# --- every page ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/about/", "/incidents/", "/incidents/7/", "/accounts/login/", "/nowhere/"])
def test_every_page_has_one_heading_and_nothing_inline(client, path):
    make_incident(number=7)
    html = text_of(client.get(path))
    assert html.count("<h1>") == 1
    assert "<style" not in html
    assert " style=" not in html
    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert not re.search(r"\son\w+=", html)


def test_the_language_switch_keeps_the_page_and_the_choice(client):
    response = client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/incidents/?q=x&year=2024"})
    assert response.url == "/incidents/?q=x&year=2024"
    assert '<html lang="zh-hans"' in text_of(client.get("/incidents/"))


def test_an_unknown_address_says_what_to_do(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert 'action="/incidents/"' in text_of(response)


def test_a_wrong_password_is_refused_and_the_name_kept(client):
    make_user(username="ada")
    html = text_of(client.post("/accounts/login/", {"login": "ada", "password": "wrong"}))
    assert 'class="errors"' in html
    assert 'value="ada"' in html


def test_signing_in_leads_back_to_the_page_it_was_asked_from(client):
    make_user(username="ada")
    response = client.post("/accounts/login/", {"login": "ada", "password": PASSWORD, "next": "/incidents/?q=a"})
    assert response.url == "/incidents/?q=a"


def test_there_is_no_open_sign_up(client):
    assert "<form class=\"stack\"" not in text_of(client.get("/accounts/signup/"))
    assert "/signup/" not in text_of(client.get("/accounts/login/"))


def test_the_overview_counts_what_this_reader_may_see(client):
    make_report(make_incident(), make_incident())
    make_incident(status=Incident.Status.DRAFT)
    assert "2</b> incidents" in text_of(client.get("/"))
    assert "1</b> report" in text_of(client.get("/"))
    client.force_login(make_user("curator"))
    assert "3</b> incidents" in text_of(client.get("/"))


def test_an_empty_site_says_how_to_fill_it(client):
    assert "gvsir demo" in text_of(client.get("/"))
    assert "gvsir import_incidents" in text_of(client.get("/incidents/"))


def test_a_step_of_a_higher_app_is_shown_on_the_overview(client, monkeypatch):
    step = {"title": "Coding", "text": "Read & coded.", "counts": [{"n": 1560, "label": "codings", "url": "/x/"}]}
    panel = panels.Panel(order=20, template="gvsir/_overview_step.html", context=lambda record, request: step)
    monkeypatch.setattr(panels, "_panels", {"overview": [panel]})
    html = text_of(client.get("/"))
    assert "1,560</b> codings" in html
    assert "Read &amp; coded." in html


def test_sources_are_named_with_licence(client):
    make_source(key="odd", name="Odd <source>", licence="CC0")
    assert "Odd &lt;source&gt;" in text_of(client.get("/about/"))
    assert "CC0" in text_of(client.get("/about/"))


# --- the list -----------------------------------------------------------------------------------------


def test_search_finds_marks_and_counts(client):
    make_incident(number=1, title="Lawyer cites <b>fake</b> citations")
    make_incident(number=2, title="Car crash", description="Nothing of the sort.")
    response = client.get("/incidents/", {"q": "citation"})
    assert ids(response) == [1]
    assert "cites &lt;b&gt;fake&lt;/b&gt; <mark>citations</mark>" in text_of(response)
    assert '<strong class="num">1</strong> of 2 incidents' in text_of(response)


def test_what_was_searched_for_is_escaped(client):
    make_incident()
    html = text_of(client.get("/incidents/", {"q": '"><script>alert(1)</script>', "developer": "<img src=x>"}))
    assert "<script>alert" not in html
    assert "<img src=x>" not in html


def test_facets_narrow_and_each_filter_can_be_taken_away(client):
    make_incident(number=1, developers=("openai",), date=datetime.date(2024, 1, 1))
    make_incident(number=2, developers=("openai",), date=datetime.date(2023, 1, 1))
    make_incident(number=3, developers=("google",), date=datetime.date(2024, 1, 1))
    response = client.get("/incidents/", {"developer": "openai", "year": "2024"})
    assert ids(response) == [1]
    assert response.context["n_facets"] == 2
    removals = {each["label"]: each["url"] for each in response.context["applied"]}
    assert ids(client.get("/incidents/" + removals["2024"])) == [1, 2]
    assert ids(client.get("/incidents/" + removals["Openai"])) == [3, 1]


def test_nothing_found_says_what_to_do(client):
    make_incident()
    html = text_of(client.get("/incidents/", {"q": "xyzzy"}))
    assert 'class="empty' in html
    assert '<a class="b" href="/incidents/">' in html


def test_orders(client):
    make_incident(number=1, date=datetime.date(2020, 1, 1), reports=1, title="Bank", description="chatbot")
    make_incident(number=2, date=datetime.date(2024, 1, 1), reports=3, title="Shop", description="a chatbot in a shop")
    make_incident(number=3, date=None, title="Chatbot", description="chatbot chatbot")
    assert ids(client.get("/incidents/")) == [2, 1, 3]
    assert ids(client.get("/incidents/", {"sort": "reports"})) == [2, 1, 3]
    assert ids(client.get("/incidents/", {"sort": "match", "q": "chatbot"}))[0] == 3
    assert ids(client.get("/incidents/", {"sort": "match"})) == [2, 1, 3]
    Incident.objects.filter(number=1).update(date=datetime.date(2025, 1, 1))
    assert ids(client.get("/incidents/")) == [1, 2, 3]
    assert ids(client.get("/incidents/", {"sort": "reports"})) == [2, 1, 3]


def test_pages_hold_25_each_in_a_stable_order_and_keep_the_search(client):
    for number in range(1, 61):
        make_incident(number=number)
    pages = [client.get("/incidents/", {"q": "chatbot", "page": page}) for page in (1, 2, 3)]
    assert [len(ids(page)) for page in pages] == [25, 25, 10]
    assert [each for page in pages for each in ids(page)] == list(range(60, 0, -1))
    assert 'href="?q=chatbot&amp;page=3"' in text_of(pages[1])


def test_only_a_curator_finds_what_is_not_published(client):
    make_incident(number=1)
    make_incident(number=2, status=Incident.Status.DRAFT)
    assert ids(client.get("/incidents/")) == [1]
    client.force_login(make_user("annotator"))
    assert ids(client.get("/incidents/")) == [1]
    client.force_login(make_user("curator"))
    assert ids(client.get("/incidents/")) == [2, 1]


def test_the_list_costs_the_same_however_many_incidents(client):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/incidents/", {"q": "chatbot"}).status_code == 200
        return len(queries)

    make_incident(developers=("a",), deployers=("b",), harmed=("c",), reports=1)
    few = cost()
    for number in range(20):
        make_incident(developers=("a", f"d{number}"), deployers=("b",), reports=2)
    assert cost() == few
    assert few <= 16


def test_a_higher_app_can_add_categories_to_the_rows(client, monkeypatch):
    make_incident(number=1)
    dimension = make_dimension(make_value_system("other"), 7, name="Facts")

    def dress(incidents, request):
        for incident in incidents:
            incident.category_badges = [{"dimension": dimension, "badges": ["model-made"], "url": "/incidents/?value=7"}]

    panel = panels.Panel(order=1, template="", context=dress)
    monkeypatch.setattr(panels, "_panels", {"incident_rows": [panel]})
    assert '<a class="cat c7" data-n="7" href="/incidents/?value=7">Facts</a>' in text_of(client.get("/incidents/"))


# --- taking it away -------------------------------------------------------------------------------------


def test_csv_has_the_whole_filtered_set_with_licence_and_harmless_cells(client):
    for number in range(1, 31):
        make_incident(number=number, source=make_aiid())
    make_incident(number=40, title="=cmd|' /C calc'!A0", description="-1", developers=("openai", "google"))
    make_incident(number=41, title="Left out", description="Left out")
    response = client.get("/incidents.csv", {"q": "chatbot"})
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == [f"GVSIR-{number}" for number in range(30, 0, -1)]
    assert {row["licence"] for row in rows} == {"CC BY-SA 4.0"}
    assert rows[0]["source"] == "AI Incident Database"
    every = b"".join(client.get("/incidents.csv").streaming_content).decode("utf-8-sig")
    odd = next(row for row in csv.DictReader(io.StringIO(every)) if row["id"] == "GVSIR-40")
    assert odd["title"] == "'=cmd|' /C calc'!A0"
    assert odd["description"] == "'-1"
    assert odd["developers"] == "Google; Openai"


def test_jsonl_keeps_lists_and_text_as_they_are(client):
    make_report(make_incident(number=3, title="=SUM 人脸 😀", date=None), source_record_id="1159")
    (line,) = b"".join(client.get("/incidents.jsonl").streaming_content).decode().splitlines()
    row = json.loads(line)
    assert row["title"] == "=SUM 人脸 😀"
    assert row["report_numbers"] == ["1159"]
    assert row["date"] == ""
    assert row["url"] == "http://testserver/incidents/3/"


# --- one incident -------------------------------------------------------------------------------------


def test_a_merged_number_leads_on_for_ever_and_the_target_says_so(client):
    make_incident(number=1057)
    make_incident(number=88, title="The older record")
    IncidentRedirect.objects.create(number=342, target_number=88, reason="duplicate")
    IncidentRedirect.objects.create(number=88, target_number=1057, reason="duplicate")
    for number in (342, 88):
        response = client.get(f"/incidents/{number}/")
        assert (response.status_code, response.url) == (301, f"/incidents/1057/?from={number}")
    assert "GVSIR-88 was merged into GVSIR-1057" in text_of(client.get("/incidents/1057/?from=88"))
    assert "?own=1" not in text_of(client.get("/incidents/1057/?from=342"))  # 342 has no record
    assert "was merged into" not in text_of(client.get("/incidents/1057/?from=5"))
    own = client.get("/incidents/88/?own=1")
    assert own.status_code == 200
    assert "The older record" in text_of(own)
    assert "GVSIR-88 was merged into another incident" in text_of(own)
    assert client.get("/incidents/342/?own=1").status_code == 301


def test_redirects_in_a_circle_are_not_followed_for_ever(client):
    IncidentRedirect.objects.create(number=1, target_number=2, reason="")
    IncidentRedirect.objects.create(number=2, target_number=1, reason="")
    assert client.get("/incidents/1/").status_code == 404


def test_a_withdrawn_number_answers_with_its_reason_and_no_more(client):
    make_incident(number=5, status=Incident.Status.WITHDRAWN, status_reason="Retracted.", title="Secret title")
    response = client.get("/incidents/5/")
    assert response.status_code == 410
    assert "Retracted." in text_of(response)
    assert "Secret title" not in text_of(response)
    client.force_login(make_user("curator"))
    assert "Secret title" in text_of(client.get("/incidents/5/"))


def test_a_draft_is_there_for_curators_only(client):
    make_incident(number=5, status=Incident.Status.DRAFT)
    assert client.get("/incidents/5/").status_code == 404
    client.force_login(make_user("curator"))
    assert client.get("/incidents/5/").status_code == 200


@pytest.mark.parametrize("path", ["/incidents/4/", "/incidents/99999999999999999999/", "/incidents/GVSIR-x/"])
def test_an_unknown_number_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_the_public_id_is_an_address_too(client):
    assert client.get("/incidents/GVSIR-639/").url == "/incidents/639/"


def test_a_hurtful_description_never_reaches_readers_without_a_role(client):
    make_incident(number=6, harm=Incident.Harm.SELF_HARM, description="The unfolded words")
    paths = ("/incidents/6/", "/incidents/", "/incidents/?q=unfolded", "/incidents.csv", "/incidents.jsonl", "/")

    def seen(path):
        response = client.get(path)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return b"The unfolded words" in body

    assert not any(seen(path) for path in paths)
    assert "self-harm or suicide" in text_of(client.get("/incidents/6/"))
    client.force_login(make_user())
    assert not any(seen(path) for path in paths)
    client.force_login(make_user("annotator"))
    assert seen("/incidents/6/")
    assert '<details class="fold" data-remember="self_harm">' in text_of(client.get("/incidents/6/"))
    assert seen("/incidents.csv")
    assert not seen("/incidents/")


def test_coders_stand_side_by_side_and_differing_cells_are_marked(client):
    incident = make_incident(number=6)
    version = make_taxonomy_version("CSETv1")
    harm = make_taxonomy_field(version, "Harm Domain", display_type="enum", permitted_values=["yes", "no"], order=1)
    land = make_taxonomy_field(version, "Country", display_type="enum", permitted_values=["CN"], order=2, is_facet=True)
    for number, value in ((1, "yes"), (2, "no")):
        make_classification(incident, version, make_coder(f"annotator-{number}"), {harm: value, land: "CN"})
    team = make_coder("cset", kind=Coder.Kind.TEAM, name="Reconciled <team>")
    make_classification(incident, version, team, {harm: "yes"})
    html = text_of(client.get("/incidents/6/"))
    assert '<td class="differs">yes</td><td class="differs">no</td><td>yes</td>' in html
    assert "Reconciled &lt;team&gt;" in html
    assert "of 2 fields with given values they differ on 1." in html
    assert re.search(r"<td>CN</td><td>CN</td><td><span class=\"na\"[^>]*>—</span></td>", html)


def test_unpublished_classifications_and_private_fields_are_for_staff(client):
    incident = make_incident(number=6)
    version = make_taxonomy_version("GMF")
    goal = make_taxonomy_field(version, "Goal")
    private = make_taxonomy_field(version, "Private", is_public=False)
    model = make_coder("mit-model", kind=Coder.Kind.MODEL)
    make_classification(incident, version, make_coder("gmf"), {goal: "Draft goal"}, is_published=False)
    make_classification(incident, make_taxonomy_version("MIT"), model, {private: "Private value"})
    for user in (None, make_user("annotator")):
        if user:
            client.force_login(user)
        html = text_of(client.get("/incidents/6/"))
        assert "Draft goal" not in html
        assert "Private value" not in html
    client.force_login(make_user("researcher"))
    html = text_of(client.get("/incidents/6/"))
    assert "Draft goal" in html
    assert "Private value" in html
    assert 'class="badge-s model-made"' in html


def test_reports_open_at_their_source(client):
    incident = make_incident(number=66, source=make_aiid(), source_record_id="66")
    make_report(incident, source=make_aiid(), source_record_id="1159")
    make_report(incident, source=make_aiid(), source_record_id="2", url="javascript:alert(1)", title="Odd")
    html = text_of(client.get("/incidents/66/"))
    assert '<a href="https://incidentdatabase.ai/cite/66#r1159" rel="noopener noreferrer">AIID 1159</a>' in html
    assert "javascript:" not in html


def test_names_in_the_history_are_for_staff(client):
    incident = make_incident(number=6)
    ada = make_user("curator", username="ada.lovelace")
    LogEntry.objects.record(incident, "incident.publish", actor=ada, reason="checked twice")
    assert "ada.lovelace" not in text_of(client.get("/incidents/6/"))
    client.force_login(make_user("researcher"))
    html = text_of(client.get("/incidents/6/"))
    assert "ada.lovelace" in html
    assert "checked twice" in html


def test_the_history_names_what_changed(client):
    incident = make_incident(number=6)
    incident.title = "A better title"
    incident.save()
    assert [event.detail for event in client.get("/incidents/6/").context["history"]] == ["title", ""]


def test_the_citation_names_source_licence_and_address(client):
    make_incident(number=66, source=make_aiid(), source_record_id="66", title="50% of R&D")
    context = client.get("/incidents/66/").context
    assert context["citation"] == (
        "50% of R&D (2024). Test source, its makers, record 66. "
        "In: GVSIR, GVSIR-66, http://testserver/incidents/66/. CC BY-SA 4.0."
    )
    assert r"title = {50\% of R\&D}" in context["bibtex"]
    assert "year = {2024}" in context["bibtex"]


def test_an_incident_costs_the_same_however_much_is_known_of_it(client):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/incidents/6/").status_code == 200
        return len(queries)

    incident = make_incident(number=6, developers=("a",), reports=1)
    version = make_taxonomy_version("CSETv1")
    fields = [make_taxonomy_field(version, f"field {n}") for n in range(8)]
    make_classification(incident, version, make_coder("one"), {fields[0]: "x"})
    few = cost()
    for number in range(10):
        make_report(incident)
        coder = make_coder(f"coder-{number}")
        make_classification(incident, version, coder, dict.fromkeys(fields, str(number)))
        incident.save()
    assert cost() == few
    assert few <= 14


def test_export_takes_more_entities_than_one_condition_of_sqlite(client):
    incidents = [make_incident(number=number) for number in (1, 2)]
    entities = Entity.objects.bulk_create([Entity(slug=f"e{n}", name=f"Entity {n}") for n in range(1200)])
    EntityRole.objects.bulk_create([
        EntityRole(incident=incidents[place % 2], entity=entity, role="developer") for place, entity in enumerate(entities)
    ])
    lines = b"".join(client.get("/incidents.jsonl").streaming_content).decode().splitlines()
    assert [len(json.loads(line)["developers"]) for line in lines] == [600, 600]
