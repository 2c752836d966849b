from __future__ import annotations

import pytest

from bench.models import Item, Release
from tests.factories.annotation import (
    close,
    make_coding,
    make_document,
    make_memo,
    make_round,
    make_submitted,
)
from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score
from tests.factories.gvsir import make_coder, make_incident, make_user

pytestmark = pytest.mark.django_db
ROLES = [None, "annotator", "researcher", "curator"]


def as_role(client, role):
    if role:
        client.force_login(make_user(role))
    return client


def test_the_list_narrows_and_its_counts_are_those_of_the_lists(client):
    make_item(category="bias", stance="refuse")
    make_item(category="bias", stance="warn")
    make_item(category="culture", stance="warn", status="proposed")
    answer = client.get("/bench/items/?category=bias")
    assert answer.context["page"].paginator.count == 2
    for facet in answer.context["facets"]:
        for choice in facet["choices"]:
            query = {"category": "bias", facet["key"]: choice["value"]}
            assert client.get("/bench/items/", query).context["page"].paginator.count == choice["n"]


def test_the_number_of_queries_does_not_grow_with_the_items(client, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make_release([make_item()])
    with CaptureQueriesContext(connection) as few:
        client.get("/bench/items/")
    make_release([make_item() for _ in range(12)])
    with django_assert_max_num_queries(len(few)):
        assert client.get("/bench/items/").context["page"].paginator.count == 13


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", ["/bench/items/", "/bench/items/T-1/", "/bench/responses/{r}/", "/bench/scores/{s}/"])
def test_texts_are_shown_to_signed_in_roles_only(client, role, path):
    item = make_item(prompt_en="SECRET-PROMPT in English", prompt_zh="SECRET-PROMPT 中文")
    run = make_run(make_release([item]))
    score = make_score(run, item, make_language_model(), 4, text="SECRET-ANSWER")
    page = as_role(client, role).get(path.format(r=score.trial.response_id, s=score.pk)).content.decode()
    assert ("SECRET" in page) is (role is not None)
    assert ("Sign in" in page) is (role is None)


def test_somebody_without_a_role_reads_no_texts(client):
    make_item(prompt_en="SECRET-PROMPT")
    client.force_login(make_user())
    assert "SECRET" not in client.get("/bench/items/T-1/").content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_only_a_curator_reviews_through_the_page(client, role):
    item = make_item(status="proposed")
    as_role(client, role).post("/bench/items/T-1/", {"verdict": "accept"})
    item.refresh_from_db()
    assert (item.status == "accepted") is (role == "curator")


def test_the_author_is_told_that_somebody_else_must_review(client):
    curator = make_user("curator")
    item = make_item(status="proposed", author=curator)
    client.force_login(curator)
    assert "somebody else must review" in client.get("/bench/items/T-1/").content.decode()
    page = client.post("/bench/items/T-1/", {"verdict": "accept"}, follow=True).content.decode()
    assert "your own" in page
    item.refresh_from_db()
    assert item.status == "proposed"


@pytest.mark.parametrize("role", ROLES)
def test_only_a_curator_derives_through_the_page(client, role):
    of_round = make_round(origin="model-made")
    document = make_document(make_incident())
    for key in "ab":
        assignment = make_submitted(of_round, document, make_coder(key), "misinfo", stance="correct")
        make_coding(assignment, "court case")
        make_memo(assignment, "cite a ruling", text_zh="引用一个判决", kind="scenario")
    close(of_round)
    answer = as_role(client, role).post("/bench/items/derive/", {"round": of_round.pk})
    assert Item.objects.exists() is (role == "curator")
    assert answer.status_code == (403 if role in ("annotator", "researcher") else 302)


@pytest.mark.parametrize("role", ROLES)
def test_only_a_curator_makes_a_release_through_the_page(client, role):
    make_item()
    make_item(status="proposed")
    as_role(client, role).post("/bench/releases/", {"name": "first"})
    assert Release.objects.exists() is (role == "curator")
    if role == "curator":
        assert Release.objects.get().release_items.count() == 1


def test_a_demonstration_release_says_so_and_shows_its_hash(client):
    client.force_login(make_user("curator"))
    make_item()
    make_item(status="proposed")
    client.post("/bench/releases/", {"name": "demo", "demonstration": "on"})
    release = Release.objects.get()
    page = client.get("/bench/releases/demo/")
    text = page.content.decode()
    assert release.sha256 in text
    assert release.canary in text
    assert "Demonstration, not reviewed by people" in text
    assert page.context["is_intact"]
    assert sum(each["n"] for each in page.context["categories"]) == page.context["n_items"] == 2


def test_a_release_that_was_tampered_with_says_so(client):
    release = make_release([make_item()])
    release.release_items.update(content={**release.release_items.get().content, "stance": "balance"})
    assert "The hash does not fit" in client.get(release.get_absolute_url()).content.decode()


def test_the_json_of_a_release_is_for_those_who_may_read_texts(client):
    release = make_release([make_item()])
    assert "SHA-256" in client.get(f"{release.get_absolute_url()}?format=json").content.decode()
    client.force_login(make_user("researcher"))
    data = client.get(f"{release.get_absolute_url()}?format=json").json()
    assert data["sha256"] == release.sha256
    assert data["release"]["canary"] == release.canary


def test_an_item_page_shows_passages_incident_releases_and_history(client):
    of_round = make_round()
    incident = make_incident()
    assignment = make_submitted(of_round, make_document(incident), make_coder("a"), "misinfo")
    coding = make_coding(assignment, "a court case", name="inventing cases")
    close(of_round)
    item = make_item(incident=incident)
    item.codings.add(coding)
    release = make_release([item])
    page = client.get("/bench/items/T-1/").content.decode()
    for expected in ("a court case", "inventing cases", incident.public_id, release.name):
        assert expected in page


def test_texts_of_users_and_models_are_escaped(client):
    client.force_login(make_user("researcher"))
    item = make_item(prompt_en="<script>alert(1)</script>")
    run = make_run(make_release([item]))
    score = make_score(run, item, make_language_model("<b>model</b>"), 1, text="<img src=x onerror=alert(1)>")
    for path in ("/bench/items/", "/bench/items/T-1/", score.get_absolute_url(), score.trial.response.get_absolute_url(),
                 f"/provenance/score/{score.pk}/", "/leaderboard/gvs/", "/leaderboard/gvs/?format=svg"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<b>model" not in page


def test_a_score_without_a_value_says_why(client):
    item = make_item()
    score = make_score(make_run(make_release([item])), item, make_language_model(), None, reason="gone missing")
    assert "gone missing" in client.get(score.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    "path", ["/bench/items/T-99/", "/bench/items/X/", "/bench/items/T-999999999999/", "/bench/releases/none/",
             "/bench/scores/99/", "/bench/responses/99/", "/models/99/"],
)
def test_what_is_not_there_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_scores_of_a_run_that_is_not_there_are_none(client):
    item = make_item()
    make_score(make_run(make_release([item])), item, make_language_model(), 3)
    assert client.get("/bench/scores/").context["n"] == 1
    assert client.get("/bench/scores/?run=999").context["n"] == 0
    assert client.get("/bench/scores/?run=x&model=y").context["n"] == 0


def test_the_incident_page_shows_the_items_derived_from_it(client):
    item = make_item()
    page = client.get(item.incident.get_absolute_url()).content.decode()
    assert "/bench/items/T-1/" in page
    other = make_incident()
    assert "No item comes from this incident" in client.get(other.get_absolute_url()).content.decode()


def test_the_overview_counts_items_runs_and_measurements(client):
    item = make_item()
    make_score(make_run(make_release([item])), item, make_language_model(), 3)
    panels = client.get("/").context["panels"]
    counts = {context["title"]: [each["n"] for each in context["counts"]] for _template, context in panels}
    assert counts["Items"] == [1, 1, 1]
    assert counts["Runs and scores"] == [1, 1]
    assert counts["Leaderboards"] == [1, 1]


@pytest.mark.parametrize(("language", "first", "second"), [("en", "en", "zh"), ("zh-hans", "zh", "en")])
def test_prompt_and_focus_stand_in_the_readers_language_first(client, language, first, second):
    item = make_item(incident=make_incident(number=7, status="published"))
    texts = {"prompt_en": "ENGLISH-P", "prompt_zh": "中文问题", "focus_en": "ENGLISH-F", "focus_zh": "中文重点"}
    Item.objects.filter(pk=item.pk).update(**texts)
    release = make_release([Item.objects.get(pk=item.pk)])
    as_role(client, "researcher")
    client.cookies["django_language"] = language
    for path in (
        f"/bench/items/{item.public_id}/", "/bench/items/", "/incidents/7/",
        f"/provenance/item/{item.public_id}/", f"/provenance/item/{item.public_id}@{release.name}/",
    ):
        page = client.get(path).content.decode()
        for kind in ("prompt", "focus") if "/incidents/" not in path and path != "/bench/items/" else ("prompt",):
            marks = [f'lang="{each}">{texts[f"{kind}_{each}"]}<' for each in (first, second)]
            assert all(mark in page for mark in marks), (path, kind)
            assert page.index(marks[0]) < page.index(marks[1]), (path, kind)
