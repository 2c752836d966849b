"""Two identical requests at once: one takes effect, the other is told so, neither fails.

Threads need a database that several connections share: PostgreSQL, or an SQLite file. On the in-memory
SQLite of an ordinary run this module therefore runs itself once more on a file, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from annotation.models import Assignment, CategoryAssignment, Code, Coding, Document, Memo, Round
from bench.models import Item, Release, Run
from gvsir.models import LogEntry
from tests.factories.annotation import (
    close,
    coder_of,
    make_account,
    make_assignment,
    make_categories,
    make_code,
    make_codebook,
    make_coded_incident,
    make_document,
    make_memo,
    make_round,
)
from tests.factories.bench import make_item, make_release

ROOT = Path(__file__).resolve().parents[2]
IN_MEMORY = (
    connection.vendor == "sqlite" and not settings.DATABASES["default"].get("TEST", {}).get("NAME")
)
pytestmark = pytest.mark.django_db(transaction=not IN_MEMORY)


if IN_MEMORY:

    def test_the_same_holds_on_an_sqlite_file(tmp_path):
        environment = os.environ | {"GVSIR_TEST_SQLITE_FILE": str(tmp_path / "test.sqlite3")}
        environment.pop("GVSIR_DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        assert "skipped" not in done.stdout


def twice(user, path, data, *, as_json=False):
    """Post the same thing from two threads at once; return both answers, the lower status first."""
    clients = [Client(raise_request_exception=False) for _ in range(2)]
    for client in clients:
        client.force_login(user)
    barrier = threading.Barrier(2)
    answers = []

    def post(client):
        barrier.wait()
        try:
            body = {"data": json.dumps(data), "content_type": "application/json"} if as_json else {"data": data}
            answers.append(client.post(path, **body))
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers, key=lambda answer: answer.status_code)


def statuses(answers):
    return [answer.status_code for answer in answers]


def logged(action):
    return LogEntry.objects.filter(action=action).count()


@pytest.fixture
def annotator():
    return make_account("annotator")


@pytest.fixture
def assignment(annotator):
    document = make_document(make_coded_incident(description="A bot 🤖 lied about 判决."))
    return make_assignment(user=annotator, document=document)


def passage(assignment, quote):
    start = assignment.document.text.index(quote)
    return {"start": start, "end": start + len(quote), "quote": quote}


if not IN_MEMORY:

    def test_a_passage_is_marked_once(annotator, assignment):
        code = make_code(assignment.round.codebook)
        answers = twice(
            annotator, f"/code/{assignment.pk}/mark/", {**passage(assignment, "判决"), "code": code.pk}, as_json=True
        )
        assert statuses(answers) == [200, 200]
        assert answers[0].json()["coding"] == answers[1].json()["coding"]
        assert (Coding.objects.count(), logged("coding.mark")) == (1, 1)

    def test_a_code_with_its_passage_is_made_once(annotator, assignment):
        answers = twice(
            annotator, f"/code/{assignment.pk}/code/", {**passage(assignment, "🤖"), "name": "撒谎", "category": "misinfo"},
            as_json=True,
        )
        assert statuses(answers) == [200, 200]
        assert (Code.objects.count(), Coding.objects.count()) == (1, 1)
        assert (logged("code.create"), logged("coding.mark")) == (1, 1)

    def test_a_memo_is_kept_once(annotator, assignment):
        answers = twice(annotator, f"/code/{assignment.pk}/memo/", {"text": "A thought 💭"}, as_json=True)
        assert statuses(answers) == [200, 200]
        assert (Memo.objects.count(), logged("memo.write")) == (1, 1)

    def test_categories_are_set_once(annotator, assignment):
        data = {"main": "misinfo", "others": ["bias", "culture"]}
        answers = twice(annotator, f"/code/{assignment.pk}/categories/", data, as_json=True)
        assert statuses(answers) == [200, 200]
        assert CategoryAssignment.objects.count() == 3
        assert (CategoryAssignment.objects.filter(is_main=True).count(), logged("assignment.categories")) == (1, 1)

    def test_a_document_is_handed_in_once(annotator, assignment):
        make_categories(assignment, "misinfo")
        Assignment.objects.filter(pk=assignment.pk).update(stance="warn")
        answers = twice(annotator, f"/code/{assignment.pk}/submit/", {}, as_json=True)
        assert statuses(answers) == [200, 409]
        assert logged("assignment.submit") == 1

    def test_a_round_is_opened_once_with_its_documents(annotator):
        data = {
            "name": "Round one", "codebook": make_codebook().pk, "coders": [annotator.pk],
            "incidents": f"GVSIR-{make_coded_incident().number}",
        }
        answers = twice(make_account("curator"), "/rounds/open/", data)
        assert statuses(answers) == [302, 400]
        assert (Round.objects.count(), Assignment.objects.count(), Document.objects.count()) == (1, 1, 1)
        assert (logged("round.open"), logged("round.assign"), logged("document.freeze")) == (1, 1, 1)

    def test_a_round_is_closed_once(assignment):
        answers = twice(make_account("curator"), f"/rounds/{assignment.round_id}/close/", {"reason": "Time is up."})
        assert statuses(answers) == [302, 302]
        assert logged("round.close") == 1

    def test_items_are_derived_once():
        of_round = make_round()
        document = make_document()
        for name in "ab":
            each = make_assignment(
                round=of_round, document=document, coder=coder_of(make_account("annotator", username=name)),
                status=Assignment.Status.SUBMITTED, stance="correct",
            )
            make_categories(each, "misinfo")
            make_memo(each, "Ask for a ruling.", text_zh="请引用判决。", kind=Memo.Kind.SCENARIO)
        close(of_round)
        answers = twice(make_account("curator"), "/bench/items/derive/", {"round": of_round.pk})
        assert statuses(answers) == [302, 302]
        assert (Item.objects.count(), logged("item.derive")) == (1, 1)

    def test_an_item_is_accepted_once():
        item = make_item(status=Item.Status.PROPOSED)
        answers = twice(make_account("curator"), f"/bench/items/{item.public_id}/", {"verdict": "accept"})
        assert statuses(answers) == [302, 302]
        assert (Item.objects.get().status, logged("item.accept")) == (Item.Status.ACCEPTED, 1)

    def test_a_release_is_made_once():
        make_item()
        answers = twice(make_account("curator"), "/bench/releases/", {"name": "first"})
        assert statuses(answers) == [302, 302]
        assert (Release.objects.count(), Release.objects.get().release_items.count(), logged("release.create")) == (1, 1, 1)

    def test_a_run_is_queued_once():
        release = make_release()
        data = {
            "release": release.name, "models": ["baseline:refuse"], "judges": ["heuristic"], "languages": ["en"],
            "epochs": "1", "budget": "", "headline": "", "rubrics": [],
        }
        answers = twice(make_account("curator"), "/bench/runs/", data)
        assert statuses(answers) == [302, 302]
        assert answers[0]["Location"] == answers[1]["Location"]
        assert Run.objects.count() == 1
