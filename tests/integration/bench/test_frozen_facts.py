"""What an anchored judge reads is frozen with the release, and its verdicts are matched by what it read."""

from __future__ import annotations

import json

import pytest

from bench.accounting import account
from bench.actions.make_release import item_content, release_document
from bench.models import Judgement, Release, ReleaseItem, Score
from bench.release_content import digest, document
from bench.scoring.case import Facts
from bench.scoring.frameworks import dimension_keys, reply_key
from gvsir.actions.load_reference import load_reference
from gvsir.exceptions import ImmutableRecordError
from gvsir.models import EntityRole, Incident
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_entity, make_incident
from tests.fake_server import running
from tests.integration.bench.test_judging import GOOD, is_judge, judged_by, run_of

pytestmark = pytest.mark.django_db


def test_a_verdict_on_the_same_item_counts_in_a_later_release_without_being_paid_again():
    first = make_item(prompt_en="One?", prompt_zh="一？")
    with running(judged_by(lambda body: json.dumps(GOOD))) as server:
        run_of(make_release([first]), server, "anchored:judge")
        sent = server.received
        later = make_release([first, make_item(prompt_en="Two?", prompt_zh="二？")])
        run = run_of(later, server, "anchored:judge").run
        assert server.received - sent == 2
    assert list(Score.objects.filter(run=run).values_list("value", "missing_reason")) == [(8.0, ""), (8.0, "")]
    copy = Judgement.objects.filter(release_item__release=later, release_item__item=first).get()
    assert (copy.attempts, copy.executor, copy.cost_usd, copy.refusal) == (0, None, None, "partial")
    line = next(line for line in account(run).judges)
    assert (line.sent, line.reused, line.states) == (1, 1, {"scored": 2})


def test_what_a_framework_judge_said_of_each_dimension_counts_in_a_later_release_too():
    load_reference()
    entry = {"evidence": "Care for the weak", "direction": 1, "strength": 3}
    names = [reply_key(key) for key in dimension_keys("mft")]
    reply = json.dumps(dict.fromkeys(names, None) | {names[0]: entry})
    item = make_item()
    with running(judged_by(lambda body: reply)) as server:
        run_of(make_release([item]), server, "mft:judge")
        sent = server.received
        run = run_of(make_release([item]), server, "mft:judge").run
        assert server.received == sent
    values = Score.objects.filter(run=run).exclude(value=None).values_list("value", flat=True)
    assert list(values) == [100.0]


def incident_of(text="Cases were invented."):
    incident = make_incident(title="A filing", description=text)
    EntityRole.objects.create(incident=incident, entity=make_entity(name="A client"), role=EntityRole.Role.HARMED)
    return incident


def asked(server):
    return [body["messages"][0]["content"] for body in server.server.bodies if is_judge(body)]


def test_an_anchored_judge_reads_what_was_known_when_the_release_was_made():
    release = make_release([make_item(incident=incident_of())])
    content = release.release_items.get().content
    assert content["facts"] == {"title": "A filing", "happened": "Cases were invented.", "harmed": ["A client"]}
    assert digest(release_document(release)) == release.sha256
    Incident.objects.update(description="Something else happened.")
    with running(judged_by(lambda body: json.dumps(GOOD)), keep_bodies=True) as server:
        run_of(release, server, "anchored:judge")
        assert "Cases were invented." in asked(server)[0]
        sent = server.received
        run_of(release, server, "anchored:judge")
        assert server.received == sent
    assert "Something else" not in asked(server)[0]


def test_facts_are_in_the_hash_of_a_release():
    item = make_item(incident=incident_of())
    before = make_release([item], name="a")
    Incident.objects.update(description="Something else happened.")
    contents = [item_content(item, {item.incident.number: Facts(title="A filing", happened="x")})]
    assert digest(contents[0]) != before.release_items.get().sha256
    with pytest.raises(ImmutableRecordError):
        make_release([item], name="a")


def made_before_facts_were_frozen(item, name="old"):
    contents = [item_content(item)]
    assert "facts" not in contents[0]
    release = Release.objects.create(
        name=name, sha256=digest(document(name=name, contents=contents, is_demonstration=False)), canary="c"
    )
    ReleaseItem.objects.create(release=release, item=item, position=1, content=contents[0], sha256=digest(contents[0]))
    return release


def test_a_release_made_before_facts_were_frozen_is_found_by_the_same_call_and_judged_on_live_facts():
    item = make_item(incident=incident_of())
    release = made_before_facts_were_frozen(item)
    assert make_release([item], name="old") == release
    with running(judged_by(lambda body: json.dumps(GOOD)), keep_bodies=True) as server:
        run_of(release, server, "anchored:judge")
        assert "Cases were invented." in asked(server)[0]


def test_a_verdict_on_facts_that_have_changed_since_is_given_anew_and_counts():
    release = made_before_facts_were_frozen(make_item(incident=incident_of()))
    scores = iter([8, 3])
    with running(judged_by(lambda body: json.dumps(GOOD | {"score": next(scores)})), keep_bodies=True) as server:
        run_of(release, server, "anchored:judge")
        sent = server.received
        run_of(release, server, "anchored:judge")
        assert server.received == sent
        Incident.objects.update(description="Something else happened.")
        run = run_of(release, server, "anchored:judge").run
        assert server.received == sent + 1
        assert "Something else happened." in asked(server)[-1]
    assert Score.objects.get(run=run).value == 3.0
