"""Codebook, rounds, statistics, incident panel, facet: every count equals the list behind it."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.http import QueryDict

from annotation.models import Assignment, Round
from gvsir import facets
from gvsir.models import Incident, IncidentRedirect
from tests.factories.annotation import (
    close,
    make_account,
    make_codebook,
    make_coded_incident,
    make_coder,
    make_coding,
    make_document,
    make_memo,
    make_round,
    make_submitted,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def coded():
    """Three incidents in a closed round; a fourth one waits in an open round."""
    codebook = make_codebook()
    of_round = make_round(codebook=codebook, name="Closed one", origin="model-made")
    coders = [make_coder("model-a", kind="model"), make_coder("model-b", kind="model")]
    mains = [("misinfo", "misinfo"), ("misinfo", "bias"), ("bias", "bias")]
    incidents = []
    for number, pair in enumerate(mains, start=1):
        incident = make_coded_incident(number=number, description="A system did something odd.")
        document = make_document(incident)
        for coder, main in zip(coders, pair, strict=True):
            done = make_submitted(of_round, document, coder, main, *(["identity"] if number == 1 else []))
            make_coding(done, "odd", name=f"oddity of {coder.key} {number}", category=main)
        incidents.append(incident)
    waiting = make_document(make_coded_incident(number=4))
    make_submitted(make_round(codebook=codebook), waiting, coders[0], "culture")
    close(of_round)
    return of_round, incidents


def listed(client, url):
    """The incidents that a list page shows."""
    page = client.get(url).content.decode()
    return {int(number) for number in re.findall(r"GVSIR-(\d+)</b>", page)}


def test_each_count_of_the_statistics_equals_its_list(client, coded):
    page = client.get("/statistics/").content.decode()
    links = re.findall(r'<a href="(/statistics/incidents/[^"]+)">(\d+)</a>', page)
    assert len(links) == 4 + 4 + 2  # main and given of two categories by two coders, identity given by both
    for url, count in links:
        assert len(listed(client, url.replace("&amp;", "&"))) == int(count) > 0


def test_statistics_leave_open_rounds_out_and_say_that_a_model_made_them(client, coded):
    page = client.get("/statistics/").content.decode()
    assert "of 3" in page
    assert "model-made" in page
    assert 4 not in listed(client, "/statistics/incidents/")


def test_frequencies_as_a_file(client, coded):
    rows = list(csv.DictReader(io.StringIO(client.get("/statistics/?format=csv").content.decode())))
    assert len(rows) == 12 * 2 * 2
    chosen = next(
        row for row in rows if (row["category"], row["coder"], row["counted"]) == ("bias", "model-b", "main category")
    )
    assert (chosen["incidents"], chosen["of"], chosen["coder_kind"]) == ("2", "3", "model")
    assert float(chosen["low_95"]) < 2 / 3 < float(chosen["high_95"])


def test_statistics_without_data_say_what_to_do(client):
    page = client.get("/statistics/").content.decode()
    assert "No closed round of coding yet" in page
    assert "These classifications are not loaded" in page
    assert "No coded incident fits" in client.get("/statistics/incidents/").content.decode()


@pytest.mark.parametrize(
    ("name", "value"), [("round", "abc"), ("round", "99999"), ("category", "nope"), ("coder", "nobody"), ("as", "x")]
)
def test_an_unknown_value_of_the_list_is_said_and_lists_nothing(client, coded, name, value):
    answer = client.get("/statistics/incidents/", {name: value})
    assert answer.status_code == 400
    assert f"The address asks for {name}={value}, which does not exist." in answer.content.decode()
    assert answer.context["n"] == 0


def test_each_count_of_the_round_equals_its_list(client, coded):
    page = client.get(coded[0].get_absolute_url()).content.decode()
    links = re.findall(r'<a href="(/statistics/incidents/[^"]+)">(\d+)</a>', page)
    assert len(links) == 10
    for url, count in links:
        assert len(listed(client, url.replace("&amp;", "&"))) == int(count) > 0


def test_each_count_of_the_codebook_equals_its_list(client, coded):
    page = client.get(coded[0].codebook.get_absolute_url()).content.decode()
    rows = re.findall(r'<a href="(/codebooks/\d+/codes/\d+/)">[^<]*</a></th><td class="r">(\d+)</td>', page)
    assert len(rows) == 6
    for url, count in rows:
        code_page = client.get(url).content.decode()
        assert len(re.findall(r"<q[ >]", code_page)) == int(count) == 1


def test_facet_counts_are_what_a_click_shows(client, coded):
    base = Incident.objects.all()
    choices = {each.value: each.count for each in facets.counts(base, QueryDict(""))["category"]}
    assert choices == {"misinfo": 2, "bias": 2, facets.NONE: 1}
    for value, count in choices.items():
        assert facets.narrow(base, QueryDict(f"category={value}")).count() == count
    both = facets.narrow(base, QueryDict("category=misinfo&category=bias"))
    assert sorted(both.values_list("number", flat=True)) == [1, 2, 3]
    assert not facets.narrow(base, QueryDict("category=nonsense")).exists()


def test_rows_of_the_incident_list_wear_their_category_and_its_origin(client, coded):
    page = client.get("/incidents/?category=misinfo").content.decode()
    rows = page[page.index('class="bare results"'):]
    assert "Misinformation and Factual Hallucinations" in rows
    assert "model-made" in rows


def test_incident_page_shows_passages_of_closed_rounds_only(client, coded):
    page = client.get("/incidents/1/").content.decode()
    assert "oddity of model-a 1" in page
    assert re.search(r'<mark class="seg m1-7 bg-7"[^>]*>.*?odd</span></mark>', page)
    assert "model-made" in page
    assert "This incident is not coded yet" in client.get("/incidents/4/").content.decode()


def test_codings_of_a_folded_incident_are_withheld_from_strangers(client, coded):
    of_round, (incident, *_) = coded
    incident.harm = "violence"
    incident.save()
    document = incident.documents.get()
    code = document.segments.get().codings.first().code
    addresses = ["/incidents/1/", f"/rounds/{of_round.pk}/documents/{document.pk}/", f"/codebooks/{code.codebook_id}/codes/{code.pk}/"]
    for address in addresses:
        assert "<q" not in (page := client.get(address).content.decode())
        assert "<mark" not in page
    client.force_login(make_account("annotator"))
    for address in addresses:
        page = client.get(address).content.decode()
        assert "<q" in page or "<mark" in page


def test_scenarios_are_for_people_with_a_role(client, coded):
    assignment = coded[1][0].documents.get().assignments.first()
    make_memo(assignment, "do the thing", kind="scenario")
    make_memo(assignment, "a plain thought")
    page = client.get("/incidents/1/").content.decode()
    assert "a plain thought" in page
    assert "do the thing" not in page
    client.force_login(make_account("researcher"))
    assert "do the thing" in client.get("/incidents/1/").content.decode()


def test_readings_side_by_side_mark_where_coders_differ(client, coded):
    of_round, incidents = coded
    page = client.get(f"/rounds/{of_round.pk}/documents/{incidents[1].documents.get().pk}/").content.decode()
    assert page.count('class="differs"') == 4
    assert "model-a" in page
    same = client.get(f"/rounds/{of_round.pk}/documents/{incidents[2].documents.get().pk}/").content.decode()
    assert 'class="differs"' not in same


def test_readings_of_an_open_round_are_not_there(client, coded):
    opened = Round.objects.get(status="open")
    document = opened.assignments.get().document
    client.force_login(make_account("curator"))
    assert client.get(f"/rounds/{opened.pk}/documents/{document.pk}/").status_code == 404


def test_a_curator_opens_and_closes_a_round_on_the_page(client):
    curator, annotator = make_account("curator"), make_account("annotator")
    codebook, incident = make_codebook(), make_coded_incident(number=31)
    client.force_login(curator)
    data = {"name": "Web round", "codebook": codebook.pk, "coders": [annotator.pk], "incidents": "GVSIR-31, 99999"}
    refused = client.post("/rounds/open/", data)
    assert refused.status_code == 400
    assert "99999" in refused.content.decode()
    assert not Round.objects.exists()
    answer = client.post("/rounds/open/", {**data, "incidents": "gvsir-31"})
    made = Round.objects.get()
    assert answer.url == made.get_absolute_url()
    assert made.assignments.get().document.incident == incident
    assert made.assignments.get().coder.user == annotator
    client.post(f"/rounds/{made.pk}/close/", {})
    made.refresh_from_db()
    assert made.status == "open"
    client.post(f"/rounds/{made.pk}/close/", {"reason": "a trial"})
    made.refresh_from_db()
    assert made.status == "closed"


def open_round_with(client, incidents):
    data = {
        "name": "Web round", "codebook": make_codebook().pk, "coders": [make_account("annotator").pk],
        "incidents": incidents,
    }
    answer = client.post("/rounds/open/", data, follow=True)
    return {each.document.incident.number for each in Assignment.objects.all()}, answer


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ("GVSIR-342", ["GVSIR-342 was merged into GVSIR-1057, which is in the round."]),
        ("88", ["GVSIR-88 was merged into GVSIR-1057, which is in the round."]),
        ("342 GVSIR-1057", ["GVSIR-342, GVSIR-1057 are one incident, merged into GVSIR-1057; it is in the round once."]),
        ("1057, gvsir-01057", []),
    ],
)
def test_a_merged_number_opens_a_round_with_what_it_means_now(client, given, notes):
    make_coded_incident(number=1057)
    make_coded_incident(number=88)
    IncidentRedirect.objects.create(number=342, target_number=88, reason="duplicate")
    IncidentRedirect.objects.create(number=88, target_number=1057, reason="duplicate")
    client.force_login(make_account("curator"))
    numbers, answer = open_round_with(client, given)
    assert answer.status_code == 200
    assert numbers == {1057}
    assert [str(each) for each in answer.context["messages"]] == notes


@pytest.mark.parametrize("given", ["GVSIR-5", "5 7", "7x", "²", "9" * 30])
def test_a_number_that_leads_to_no_published_incident_opens_nothing(client, given):
    make_coded_incident(number=7)
    IncidentRedirect.objects.create(number=5, target_number=6, reason="x")
    client.force_login(make_account("curator"))
    numbers, answer = open_round_with(client, given)
    assert (answer.status_code, numbers) == (400, set())


@pytest.mark.parametrize("role", ["annotator", "researcher", None])
def test_only_a_curator_opens_and_closes(client, role):
    of_round = make_round()
    if role:
        client.force_login(make_account(role))
    for answer in (client.get("/rounds/open/"), client.post(f"/rounds/{of_round.pk}/close/", {"reason": "x"})):
        assert answer.status_code == (403 if role else 302)
    of_round.refresh_from_db()
    assert of_round.status == "open"


@pytest.mark.parametrize("address", ["/rounds/", "/statistics/", "/statistics/incidents/"])
def test_pages_are_there_in_chinese(client, coded, address):
    client.cookies["django_language"] = "zh-hans"
    page = client.get(address)
    assert page.status_code == 200


def test_overview_has_the_step_coding_with_true_counts(client, coded):
    page = client.get("/").content.decode()
    assert re.search(r'<b class="bignum">6</b> codings of passages', page)
    assert re.search(r'<b class="bignum">3</b> coded incidents', page)
