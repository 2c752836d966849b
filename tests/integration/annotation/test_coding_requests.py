"""What the coding page's script asks for: answers, refusals, and nothing of other coders."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from annotation.models import Assignment, Coding
from tests.factories.annotation import (
    close,
    coder_of,
    make_account,
    make_assignment,
    make_code,
    make_coded_incident,
    make_coding,
    make_document,
    make_memo,
    make_round,
    make_submitted,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def annotator():
    return make_account("annotator")


@pytest.fixture
def assignment(annotator):
    return make_assignment(user=annotator, document=make_document(make_coded_incident(description="A bot 🤖 lied. <b>x</b>")))


@pytest.fixture
def ask(client, annotator, assignment):
    client.force_login(annotator)

    def post(verb, data, of=None, as_client=client):
        body = data if isinstance(data, str) else json.dumps(data)
        url = f"/code/{(of or assignment).pk}/{verb}/"
        return as_client.post(url, body, content_type="application/json")

    return post


def passage(assignment, quote, code):
    start = assignment.document.text.index(quote)
    return {"start": start, "end": start + len(quote), "quote": quote, "code": code.pk}


def test_a_mark_answers_with_the_new_state_and_the_drawn_text(ask, assignment):
    code = make_code(assignment.round.codebook, name="lying", category="misinfo")
    answer = ask("mark", passage(assignment, "🤖 lied", code)).json()
    (shown,) = answer["state"]["passages"]
    assert (shown["id"], shown["code"]) == (answer["coding"], code.pk)
    assert "🤖 lied" in answer["html"]["text"]
    assert "m1-7" in answer["html"]["text"]
    assert "<b>x</b>" not in answer["html"]["text"]
    assert "lying" in answer["html"]["passages"]


def test_a_double_click_makes_one_coding(ask, assignment):
    code = make_code(assignment.round.codebook)
    first, second = (ask("mark", passage(assignment, "lied", code)).json() for _ in range(2))
    assert first["coding"] == second["coding"]
    assert Coding.objects.count() == 1


def test_a_wrong_quote_is_refused_in_a_plain_sentence(ask, assignment):
    code = make_code(assignment.round.codebook)
    answer = ask("mark", {**passage(assignment, "lied", code), "quote": "died"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "quote_mismatch"
    assert "nothing was kept" in answer.json()["error"]["message"]
    assert not Coding.objects.exists()


def test_a_new_code_with_a_wrong_passage_leaves_no_code_behind(ask, assignment):
    answer = ask("code", {"name": "new", "category": "bias", "start": 0, "end": 2, "quote": "zz"})
    assert answer.status_code == 409
    assert not assignment.round.codebook.codes.exists()


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("mark", "not json"), ("mark", "[]"), ("mark", {"start": "1", "end": 2, "quote": "x", "code": 1}),
        ("mark", {"start": True, "end": 2, "quote": "x", "code": 1}), ("mark", {"start": 1}), ("code", {"name": 5}),
        ("categories", {"main": "bias", "others": "identity"}), ("categories", {"main": "bias", "others": [1]}),
        ("memo", {"text": "a\x00b"}), ("stance", {"stance": None}), ("remove", {"coding": 1.5}),
        ("remove", {"coding": 10**30}), ("memo", "x" * 200_000),
    ],
)
def test_a_body_that_the_page_never_sends_is_refused(ask, verb, body):
    answer = ask(verb, body)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


def test_unknown_verbs_documents_and_get_are_refused(ask, client, assignment):
    assert ask("explode", {}).status_code == 404
    assert client.get(f"/code/{assignment.pk}/mark/").status_code == 405
    assert client.post("/code/999999/stance/", '{"stance": "warn"}', content_type="application/json").status_code == 404


def test_a_post_without_csrf_token_is_refused(annotator, assignment):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(annotator)
    answer = strict.post(f"/code/{assignment.pk}/stance/", '{"stance": "warn"}', content_type="application/json")
    assert answer.status_code == 403
    assert Assignment.objects.get(pk=assignment.pk).stance == ""


VERBS = ["mark", "remove", "code", "categories", "stance", "lifecycle", "memo", "submit", "reopen"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("no role", 403), ("researcher", 403), ("curator", 403), ("annotator", 403)]
)
def test_nobody_else_changes_a_coding_or_learns_of_it(ask, assignment, verb, who, status):
    make_coding(assignment, "lied", name="secret thought", code=None)
    client = Client()
    if who != "anonymous":
        client.force_login(make_account(*([] if who == "no role" else [who])))
    data = {
        "start": 0, "end": 9, "quote": "Something", "code": 1, "coding": 1, "name": "n", "main": "bias", "others": [],
        "stance": "warn", "stage": "data", "text": "t",
    }
    answer = ask(verb, data, as_client=client)
    assert answer.status_code == status
    assert "secret" not in answer.content.decode()
    assert Coding.objects.count() == 1


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "reopen"])
def test_a_document_handed_in_is_not_changed(ask, assignment, verb):
    coding = make_coding(assignment, "lied")
    Assignment.objects.filter(pk=assignment.pk).update(status="submitted")
    data = {
        **passage(assignment, "lied", coding.code), "coding": coding.pk, "name": "n", "main": "bias", "others": [],
        "stance": "warn", "stage": "data", "text": "t",
    }
    answer = ask(verb, data)
    assert answer.status_code == 409
    assert "handed in" in answer.json()["error"]["message"]


def test_submit_leads_to_the_next_document_then_to_the_queue(ask, assignment, annotator):
    following = make_assignment(user=annotator, round=assignment.round, order=assignment.order + 1)
    for of in (assignment, following):
        assert ask("submit", {}, of=of).status_code == 409
        ask("categories", {"main": "bias", "others": ["identity"]}, of=of)
        ask("stance", {"stance": "warn"}, of=of)
    assert ask("submit", {}).json()["next"] == f"/code/{following.pk}/"
    assert ask("submit", {}, of=following).json()["next"] == "/code/"
    reopened = ask("reopen", {}).json()
    assert (reopened["next"], reopened["state"]["editable"]) == (f"/code/{assignment.pk}/", True)


def test_the_page_shows_the_marks_without_script_and_escapes_text(client, annotator, assignment):
    make_coding(assignment, "🤖 lied", category="misinfo")
    client.force_login(annotator)
    page = client.get(f"/code/{assignment.pk}/").content.decode()
    assert '<span data-text>🤖 lied</span></mark>' in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_page_and_answers_hold_nothing_of_the_other_coder(ask, client, assignment):
    other = make_assignment(round=assignment.round, document=assignment.document)
    theirs = make_code(
        assignment.round.codebook, name="zqxj code", created_by=other.coder, created_in=assignment.round
    )
    make_coding(other, "lied", code=theirs)
    make_memo(other, "zqxj memo")
    shown = [
        client.get(f"/code/{assignment.pk}/"), ask("stance", {"stance": "warn"}), client.get("/code/"),
        client.get(assignment.round.get_absolute_url()), client.get(assignment.round.codebook.get_absolute_url()),
        client.get(assignment.document.incident.get_absolute_url()), client.get("/statistics/"),
    ]
    assert [each.status_code for each in shown] == [200] * len(shown)
    assert not any("zqxj" in each.content.decode() for each in shown)
    assert client.get(f"/code/{other.pk}/").status_code == 403
    assert client.get(f"/codebooks/{theirs.codebook_id}/codes/{theirs.pk}/").status_code == 404


def test_the_page_of_somebody_elses_document_opens_for_reading_when_the_round_closes(client, assignment, annotator):
    other = make_account("annotator")
    client.force_login(other)
    assert client.get(f"/code/{assignment.pk}/").status_code == 403
    make_submitted(assignment.round, assignment.document, coder_of(other), "bias")
    close(assignment.round)
    answer = client.get(f"/code/{assignment.pk}/")
    assert answer.status_code == 302
    assert answer.url == f"/rounds/{assignment.round_id}/documents/{assignment.document_id}/"


def test_the_queue_says_what_waits_and_what_to_do_when_nothing_does(client, annotator, assignment):
    client.force_login(annotator)
    page = client.get("/code/").content.decode()
    assert "0 submitted, 1 left" in page
    assert f"/code/{assignment.pk}/" in page
    client.force_login(make_account("annotator"))
    assert "Nothing waits for you" in client.get("/code/").content.decode()
    assert Client().get("/code/").status_code == 302
    client.force_login(make_account("researcher"))
    assert client.get("/code/").status_code == 403


def test_the_number_of_queries_of_the_page_does_not_grow_with_codings(client, annotator, assignment, django_assert_max_num_queries):
    for word in ("Something", "happened", "bot", "lied", "no."):
        make_coding(assignment, word)
    make_round()
    client.force_login(annotator)
    with django_assert_max_num_queries(32):
        client.get(f"/code/{assignment.pk}/")


@pytest.mark.parametrize("body", ["[" * 50_000, "{", "[]", "nothing", '{"name": 1}', '{"name": "\\ud800"}', '{"name": "a\\u0000b"}'])
def test_what_the_page_never_sends_is_refused_not_failed(ask, body):
    answer = ask("code", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "\u2060\ufeff", "\u202e", "\u00a0"])
def test_a_code_whose_name_cannot_be_seen_is_refused(ask, name):
    answer = ask("code", {"name": name})
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "Give the code a name."


def test_a_code_is_named_without_what_hides_or_turns_text_and_keeps_emoji_and_chinese(ask):
    state = ask("code", {"name": " 编造\u202e   引文 👩\u200d⚖️ "}).json()["state"]
    assert [code["name"] for code in state["codes"]] == ["编造 引文 👩\u200d⚖️"]


def test_a_name_that_differs_only_in_what_cannot_be_seen_is_the_same_code(ask):
    first = ask("code", {"name": "made-up citation"}).json()["code"]
    assert ask("code", {"name": "made-up\u200b citation"}).json()["code"] == first
