"""While a round is open no answer of the API holds anything of another coder's; texts withheld are nowhere."""

from __future__ import annotations

import json

import pytest

from tests.api_addresses import api_addresses
from tests.factories.annotation import close
from tests.factories.api_world import BLIND, ENDPOINT, SECRET, make_open_round, make_world
from tests.factories.gvsir import make_user

ADDRESSES = api_addresses()
DETAILS = {address.path.split("/")[3]: address for address in ADDRESSES if not address.is_list}


def everything(client):
    """Return path -> body of every list of the API, and of the detail of everything that is listed."""
    answers = {}
    for address in ADDRESSES:
        if not address.is_list:
            continue
        answer = client.get(address.path)
        if answer.status_code != 200:  # statistics and the like that need a parameter
            continue
        answers[address.path] = answer.content.decode()
        for row in answer.json().get("results", []):
            for key in ("number", "slug", "namespace", "name", "id"):
                path = f"{address.path}{row.get(key)}/"
                if key in row and path not in answers:
                    detail = client.get(path)
                    if detail.status_code == 200:
                        answers[path] = detail.content.decode()
    return answers


def assert_nowhere(marker, answers):
    found = [path for path, body in answers.items() if marker in json.dumps(json.loads(body), ensure_ascii=False)]
    assert found == []


@pytest.mark.django_db
def test_a_coder_sees_nothing_of_another_while_the_round_is_open_and_all_of_it_after(client):
    made = make_open_round()
    theirs, their_assignment = made["assignments"]["b_coding"], made["assignments"]["b"]
    client.force_login(made["users"]["a"])
    answers = everything(client)
    assert f"/api/v1/codings/{made['assignments']['a_coding'].pk}/" in answers
    assert_nowhere(BLIND, answers)
    for path in (f"/api/v1/codings/{theirs.pk}/", f"/api/v1/assignments/{their_assignment.pk}/",
                 f"/api/v1/codes/{theirs.code_id}/"):
        assert path not in answers
    close(made["round"])
    seen = everything(client)
    assert BLIND in seen[f"/api/v1/codings/{theirs.pk}/"]
    assert BLIND in seen[f"/api/v1/codes/{theirs.code_id}/"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["anonymous", "annotator", "curator", "researcher"])
def test_nobody_sees_an_open_round_whatever_the_role_or_filter(client, role):
    made = make_open_round()
    theirs = made["assignments"]["b_coding"]
    if role != "anonymous":
        client.force_login(make_user(role))
    assert_nowhere(BLIND, everything(client))
    for path, query in (
        ("codings", {"round": made["round"].pk}), ("codings", {"code": theirs.code_id}),
        ("codings", {"category": "misinfo"}), ("memos", {"coding": theirs.pk}),
        ("assignments", {"round": made["round"].pk}), ("assignments", {"category": "copyright"}),
        ("codes", {"q": BLIND}),
    ):
        assert client.get(f"/api/v1/{path}/", query).json().get("results", []) == [], path
    for path, query in (("codings", "code"), ("memos", "coding"), ("codings", "assignment")):
        there = {"code": theirs.code_id, "coding": theirs.pk, "assignment": theirs.assignment_id}[query]
        answers = [client.get(f"/api/v1/{path}/", {query: each}) for each in (there, 1_999_999_999)]
        assert [answer.status_code for answer in answers] == [400, 400]
        hidden, unknown = (answer.content.decode() for answer in answers)
        assert hidden == unknown.replace("1999999999", str(there))
    for kind in ("coding", "sentence", "segment"):
        for record_id in (theirs.pk, theirs.segment_id):
            assert client.get(f"/api/v1/provenance/{kind}/{record_id}/").status_code == 404


@pytest.mark.django_db
def test_a_shared_passage_does_not_tell_that_another_marked_it_too(client):
    made = make_open_round()
    mine, theirs = made["assignments"]["a_coding"], made["assignments"]["b_coding"]
    theirs.segment = mine.segment
    theirs.save()
    client.force_login(made["users"]["a"])
    rows = client.get("/api/v1/codings/", {"document": made["document"].pk}).json()["results"]
    assert [row["id"] for row in rows] == [mine.pk]


@pytest.mark.django_db
def test_withheld_texts_are_in_no_answer_to_a_stranger(client):
    world = make_world()
    stranger = everything(client)
    assert_nowhere(SECRET, stranger)
    assert_nowhere(ENDPOINT, stranger)
    assert_nowhere(ENDPOINT.replace("-", "_"), stranger)
    for kind, record_id in (
        ("score", world.score.pk), ("response", world.response.pk), ("item", world.item.public_id),
        ("item", world.item.pk), ("coding", world.coding.pk), ("incident", world.folded.number),
        ("incident", world.draft.number),
    ):
        body = client.get(f"/api/v1/provenance/{kind}/{record_id}/").content.decode()
        assert SECRET not in body, kind
    # The same walk does find them with a role: the markers are really there.
    client.force_login(make_user("curator"))
    curator = everything(client)
    for path in (
        f"/api/v1/items/{world.item.public_id}/", f"/api/v1/responses/{world.response.pk}/",
        f"/api/v1/incidents/{world.folded.number}/", "/api/v1/memos/", "/api/v1/documents/", "/api/v1/codings/",
        "/api/v1/classifications/", f"/api/v1/scores/{world.score.pk}/",
    ):
        assert SECRET in curator[path], path
    assert ENDPOINT in curator["/api/v1/language-models/"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["annotator", "researcher"])
def test_endpoints_are_in_no_answer_to_other_roles(client, role):
    make_world()
    client.force_login(make_user(role))
    answers = everything(client)
    assert_nowhere(ENDPOINT, answers)
    assert_nowhere(ENDPOINT.replace("-", "_"), answers)
    assert SECRET in answers["/api/v1/items/"]
