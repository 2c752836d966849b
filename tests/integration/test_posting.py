"""Every way to change something: only with the form's token, only by its role, and written down once."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import get_resolver

from annotation.actions.freeze_document import freeze_document
from annotation.models import Assignment, Coding, Memo, Round
from bench.models import Item
from gvsir.models import Incident, LogEntry
from gvsir.permissions import ROLES
from tests.api_addresses import walk
from tests.factories.annotation import (
    close,
    make_account,
    make_assignment,
    make_categories,
    make_code,
    make_codebook,
    make_coded_incident,
    make_document,
    make_memo,
)
from tests.factories.api_world import SECRET, make_world
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user

pytestmark = pytest.mark.django_db
OWN_APPS = ("gvsir.", "annotation.", "bench.")
TEXT = "PLUGH-REPORT-TEXT"

#: Page -> who may post to it; every other own page takes no POST that changes anything.
POSTING = {
    "assignment_change": {"annotator", "curator"},
    "round_open": {"curator"},
    "round_close": {"curator"},
    "item_derive": {"curator"},
    "item_detail": {"curator"},
    "release_list": {"curator"},
    "run_list": {"curator", "researcher"},
    "run_change": {"curator", "researcher"},
}
ADDRESSES = {
    "assignment_change": "/code/{assignment}/stance/", "round_open": "/rounds/open/", "round_close": "/rounds/{round}/close/",
    "item_derive": "/bench/items/derive/", "item_detail": "/bench/items/{item}/", "release_list": "/bench/releases/",
    "run_list": "/bench/runs/", "run_change": "/bench/runs/{run}/pause/",
}
#: Pages of bench that hold their own tests of who may post.
ELSEWHERE = re.compile(r"label_|rejudge|endpoint|language_model_|judge_")


def own_pages():
    for route, pattern in walk(get_resolver().url_patterns):
        module = getattr(pattern.callback, "__module__", "") or ""
        if module.startswith(OWN_APPS) and not route.startswith("api/") and pattern.name != "components":
            yield pattern.name, "/" + re.sub(r"<(?:\w+:)?(\w+)>", "1", route)


def addresses():
    world = make_world()
    mine = make_assignment(user=make_user("annotator"))
    keys = {"assignment": mine.pk, "round": mine.round_id, "item": world.item.public_id, "run": world.run.pk}
    return {name: address.format(**keys) for name, address in ADDRESSES.items()}


def snapshot():
    """Return how many rows each table of the three apps has."""
    from django.apps import apps

    return {
        model._meta.label: model._default_manager.count()
        for name in ("gvsir", "annotation", "bench") for model in apps.get_app_config(name).get_models()
        if model._meta.managed
    }


@pytest.mark.parametrize("reader", ["anonymous", "nobody", *ROLES])
def test_a_post_by_another_role_is_refused_and_changes_nothing(client, reader):
    known = addresses()
    if reader != "anonymous":
        client.force_login(make_user(*([] if reader == "nobody" else [reader])))
    before = snapshot()
    for name, address in known.items():
        if reader in POSTING[name]:
            continue
        answer = client.post(address, {"verdict": "accept", "name": "x", "reason": "x", "round": "1"})
        if reader == "anonymous" and name != "assignment_change":
            assert (answer.status_code, answer["Location"][:16]) == (302, "/accounts/login/"), name
        else:
            assert answer.status_code == (401 if reader == "anonymous" else 403), name
    assert snapshot() == before


def test_no_other_page_changes_anything_when_posted_to(client):
    make_world()
    client.force_login(make_user("curator"))
    before = snapshot()
    seen = 0
    for name, address in own_pages():
        if name not in POSTING and not ELSEWHERE.match(name):
            seen += 1
            assert client.post(address, {"name": "x"}).status_code < 500, name
    assert seen > 20
    assert snapshot() == before


def test_nothing_is_changed_without_the_token_of_the_form():
    known = addresses()
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(*ROLES))
    before = snapshot()
    for name, address in known.items():
        assert client.post(address, {"verdict": "accept", "name": "x"}).status_code == 403, name
    for path in ("/i18n/setlang/", "/accounts/login/", "/accounts/logout/"):
        assert client.post(path, {"language": "zh-hans"}).status_code == 403, path
    assert snapshot() == before


def test_no_get_changes_anything(client):
    make_world()
    client.force_login(make_user(*ROLES))
    before = snapshot()
    for _, address in own_pages():
        client.get(address)
    assert snapshot() == before


def test_stale_forms_are_refused_in_a_sentence(client):
    """What was true when the page was opened is no longer so when its form arrives."""
    curator = make_user("curator")
    client.force_login(curator)
    item = make_item(status=Item.Status.REJECTED)
    answer = client.post(f"/bench/items/{item.public_id}/", {"verdict": "accept"}, follow=True)
    assert "cannot be done to it now" in answer.content.decode()
    assert Item.objects.get().status == Item.Status.REJECTED
    mine = make_assignment(user=curator)
    code = make_code(mine.round.codebook)
    quote = mine.document.text[:5]
    close(mine.round)
    data = json.dumps({"start": 0, "end": 5, "quote": quote, "code": code.pk})
    answer = client.post(f"/code/{mine.pk}/mark/", data, content_type="application/json")
    assert answer.status_code == 409
    assert "round is closed" in answer.json()["error"]["message"]
    answer = client.post(f"/rounds/{mine.round_id}/close/", {"reason": "again"}, follow=True)
    assert "closed already" in answer.content.decode()
    assert not Coding.objects.exists()


class Steps:
    """One change after the other, each with the log entries it wrote."""

    def __init__(self, client, user):
        self.client, self.user, self.seen = client, user, set(LogEntry.objects.values_list("pk", flat=True))
        client.force_login(user)

    def post(self, path, data, *, as_json=False):
        if as_json:
            answer = self.client.post(path, json.dumps(data), content_type="application/json")
        else:
            answer = self.client.post(path, data)
        assert answer.status_code in {200, 302}, answer.content[:500]
        new = list(LogEntry.objects.exclude(pk__in=self.seen).order_by("pk"))
        self.seen |= {entry.pk for entry in new}
        assert all(entry.actor == self.user for entry in new)
        return [entry.action for entry in new]


def test_each_change_of_coding_is_written_down_once_with_who_did_it(client):
    incident = make_coded_incident(title=f"{TEXT} title", description=f"{TEXT} said the bot.")
    mine = make_assignment(user=make_account("annotator"), document=make_document(incident))
    steps = Steps(client, mine.coder.user)
    base = f"/code/{mine.pk}"
    mark = {"start": 0, "end": len(TEXT), "quote": TEXT}
    assert steps.post(f"{base}/code/", {"name": "lying", "category": "misinfo", **mark}, as_json=True) == [
        "code.create", "coding.mark",
    ]
    coding = Coding.objects.get()
    again = {**mark, "code": coding.code_id}
    assert steps.post(f"{base}/mark/", again, as_json=True) == []
    memo = {"text": f"{TEXT} memo", "coding": coding.pk}
    assert steps.post(f"{base}/memo/", memo, as_json=True) == ["memo.write"]
    assert steps.post(f"{base}/memo/", memo, as_json=True) == []
    assert steps.post(f"{base}/memo/", {**memo, "text": ""}, as_json=True) == ["memo.remove"]
    categories = {"main": "misinfo", "others": ["bias"]}
    assert steps.post(f"{base}/categories/", categories, as_json=True) == ["assignment.categories"]
    assert steps.post(f"{base}/categories/", categories, as_json=True) == []
    assert steps.post(f"{base}/stance/", {"stance": "warn"}, as_json=True) == ["assignment.stance"]
    assert steps.post(f"{base}/stance/", {"stance": "warn"}, as_json=True) == []
    assert steps.post(f"{base}/lifecycle/", {"stage": "output"}, as_json=True) == ["assignment.lifecycle_stage"]
    assert steps.post(f"{base}/remove/", {"coding": coding.pk}, as_json=True) == ["coding.remove"]
    assert steps.post(f"{base}/remove/", {"coding": coding.pk}, as_json=True) == []
    assert steps.post(f"{base}/submit/", {}, as_json=True) == ["assignment.submit"]
    assert steps.post(f"{base}/reopen/", {}, as_json=True) == ["assignment.reopen"]
    assert_nothing_told()


def test_each_change_of_rounds_items_releases_and_runs_is_written_down_once(client):
    curator = make_account("curator")
    coders = [make_account("annotator") for _ in range(2)]
    incident = make_coded_incident(title=f"{TEXT} title", description=f"{TEXT} said the bot.")
    steps = Steps(client, curator)
    opened = {
        "name": "Round one", "codebook": make_codebook().pk, "coders": [each.pk for each in coders],
        "incidents": str(incident.number), "note": "",
    }
    assert steps.post("/rounds/open/", opened) == ["round.open", "document.freeze", "round.assign"]
    opened_round = Round.objects.get()
    for each in Assignment.objects.all():
        make_categories(each, "misinfo")
        make_memo(each, f"{TEXT} scenario", text_zh="请引用判决。", kind=Memo.Kind.SCENARIO)
    Assignment.objects.update(status=Assignment.Status.SUBMITTED, stance="correct")
    assert steps.post(f"/rounds/{opened_round.pk}/close/", {}) == ["round.close"]
    assert steps.post(f"/rounds/{opened_round.pk}/close/", {}) == []
    assert steps.post("/bench/items/derive/", {"round": opened_round.pk}) == ["item.derive"]
    assert steps.post("/bench/items/derive/", {"round": opened_round.pk}) == []
    item = Item.objects.get()
    address = f"/bench/items/{item.public_id}/"
    assert steps.post(address, {"verdict": "reject", "note": ""}) == []
    assert steps.post(address, {"verdict": "reject", "note": "Unclear."}) == ["item.reject"]
    assert steps.post(address, {"verdict": "reopen"}) == ["item.reopen"]
    assert steps.post(address, {"verdict": "accept"}) == ["item.accept"]
    assert steps.post(address, {"verdict": "accept"}) == []
    assert steps.post("/bench/releases/", {"name": "first"}) == ["release.create"]
    assert steps.post("/bench/releases/", {"name": "first"}) == []
    assert_nothing_told()


def test_making_and_changing_a_run_is_written_down(client):
    steps = Steps(client, make_account("curator"))
    release = make_release([make_item(prompt_en=f"{TEXT}?")])
    steps.seen |= set(LogEntry.objects.values_list("pk", flat=True))
    data = {
        "release": release.name, "models": ["baseline:refuse"], "judges": ["heuristic"], "languages": ["en"],
        "epochs": "1", "budget": "", "headline": "", "rubrics": [],
    }
    assert [each for each in steps.post("/bench/runs/", data) if each.startswith("run.")].count("run.create") == 1
    assert_nothing_told()


def test_an_incident_that_is_frozen_twice_is_written_down_once():
    incident = make_coded_incident()
    user = make_account("curator")
    assert freeze_document(incident=incident, actor=user) == freeze_document(incident=incident, actor=user)
    assert LogEntry.objects.filter(action="document.freeze", actor=user).count() == 1


def assert_nothing_told():
    """No entry holds a text of a report, a memo or an item, nor a secret."""
    for entry in LogEntry.objects.all():
        told = json.dumps(entry.data, ensure_ascii=False) + entry.reason + entry.record_id
        assert TEXT not in told, entry.action
        assert SECRET not in told, entry.action
        assert "password" not in told.lower(), entry.action
    assert LogEntry.objects.exists()
    assert Incident.objects.exists()
