from __future__ import annotations

import pytest

from annotation.models import Code, Memo
from bench.actions.derive_items import derive_items
from bench.models import Item
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.models import Coder, LogEntry, NumberCounter
from tests.factories.annotation import (
    close,
    make_code,
    make_coding,
    make_document,
    make_memo,
    make_round,
    make_submitted,
)
from tests.factories.gvsir import make_coder, make_incident, make_user

pytestmark = pytest.mark.django_db


def code(assignment, name, category) -> Code:
    """The coder's code of this name, made once."""
    codebook, coder = assignment.round.codebook, assignment.coder
    found = Code.objects.filter(codebook=codebook, name=name, created_by=coder).first()
    return found or make_code(codebook, name=name, name_zh="捏造判例", category=category, created_by=coder)


def coded(of_round, mains=("misinfo", "misinfo"), *, scenario=True, incident=None, stances=("correct", "warn")):
    """An incident that coder-a and coder-b have coded, each with one passage of their main category."""
    document = make_document(incident or make_incident())
    for key, main, stance in zip("ab", mains, stances, strict=False):
        assignment = make_submitted(of_round, document, make_coder(f"coder-{key}"), main, stance=stance)
        make_coding(assignment, "court case", code=code(assignment, f"inventing cases ({key})", main))
        make_coding(assignment, "chatbot", code=code(assignment, f"another matter ({key})", "copyright"))
        if scenario:
            make_memo(
                assignment, f"cite a ruling for {key}", text_zh=f"为{key}引用一个判决", kind=Memo.Kind.SCENARIO
            )
    return document.incident


def test_an_agreed_incident_becomes_one_proposed_item_with_the_codings_of_its_category():
    of_round = make_round()
    incident = coded(of_round)
    close(of_round)
    summary = derive_items(round_id=of_round.pk)
    item = Item.objects.get()
    assert summary.created == (item.public_id,) == ("T-1",)
    assert (item.incident, item.category.key, item.status) == (incident, "misinfo", Item.Status.PROPOSED)
    assert item.stance == "correct"
    assert "cite a ruling for a" in item.prompt_en
    assert "为a引用一个判决" in item.prompt_zh
    assert "inventing cases (a)" in item.focus_en
    assert "another matter" not in item.focus_en
    assert {coding.code.name for coding in item.codings.all()} == {"inventing cases (a)", "inventing cases (b)"}
    assert LogEntry.objects.get(action="item.derive").record_id == str(item.pk)


def test_incidents_the_coders_differ_on_wait_for_adjudication():
    of_round = make_round()
    differ = coded(of_round, ("misinfo", "bias"))
    alone = coded(of_round, ("misinfo",))
    agreed = coded(of_round)
    close(of_round)
    summary = derive_items(round_id=of_round.pk)
    waiting = {each.incident: each for each in summary.waiting}
    assert set(waiting) == {differ.public_id, alone.public_id}
    assert waiting[differ.public_id].categories == {"coder-a": "misinfo", "coder-b": "bias"}
    assert "differ" in waiting[differ.public_id].reason
    assert "one coder only" in waiting[alone.public_id].reason
    assert Item.objects.get().incident == agreed


def test_an_incident_without_a_scenario_is_named_not_dropped():
    of_round = make_round()
    incident = coded(of_round, scenario=False)
    close(of_round)
    summary = derive_items(round_id=of_round.pk)
    assert [each.incident for each in summary.incomplete] == [incident.public_id]
    assert not Item.objects.exists()


def test_deriving_twice_makes_nothing_twice():
    of_round = make_round()
    coded(of_round)
    close(of_round)
    derive_items(round_id=of_round.pk)
    again = derive_items(round_id=of_round.pk)
    assert (again.created, again.existing) == ((), ("T-1",))
    assert Item.objects.count() == 1


def test_a_number_is_never_given_twice():
    of_round = make_round()
    coded(of_round)
    close(of_round)
    derive_items(round_id=of_round.pk)
    item = Item.objects.get()
    item.codings.clear()
    item.delete()
    assert derive_items(round_id=of_round.pk).created == ("T-2",)
    assert NumberCounter.objects.get(series="item:T").value == 2


def test_a_dry_run_writes_nothing():
    of_round = make_round()
    incident = coded(of_round)
    close(of_round)
    assert derive_items(round_id=of_round.pk, dry_run=True).created == (incident.public_id,)
    assert not Item.objects.exists()
    assert not NumberCounter.objects.filter(series="item:T").exists()


def test_an_open_round_gives_no_items():
    of_round = make_round()
    coded(of_round)
    with pytest.raises(InvalidTransitionError, match="open"):
        derive_items(round_id=of_round.pk)


@pytest.mark.parametrize("role", ["annotator", "researcher"])
def test_only_curators_derive(role):
    of_round = close(make_round())
    with pytest.raises(PermissionRefusedError):
        derive_items(round_id=of_round.pk, actor=make_user(role))


def test_items_of_a_model_made_round_have_no_author_and_say_so():
    of_round = make_round(origin="model-made")
    coded(of_round)
    close(of_round)
    curator = make_user("curator")
    derive_items(round_id=of_round.pk, actor=curator)
    item = Item.objects.get()
    assert (item.author, item.is_model_made) == (None, True)


def test_the_author_is_who_wrote_the_scenario_or_else_who_derived():
    of_round = make_round()
    writer, curator = make_user("annotator"), make_user("curator")
    Coder.objects.create(key="coder-a", name="A", kind="person", user=writer)
    coded(of_round)
    other = make_round()
    make_coder("coder-z")
    close(of_round)
    derive_items(round_id=of_round.pk, actor=curator)
    assert Item.objects.get().author == writer
    Coder.objects.filter(key="coder-a").update(user=None)
    coded(other, incident=make_incident())
    close(other)
    derive_items(round_id=other.pk, actor=curator)
    assert Item.objects.order_by("-number").first().author == curator


def test_the_number_of_queries_does_not_grow_with_the_existing_incidents(django_assert_max_num_queries):
    of_round = make_round()
    for _ in range(6):
        coded(of_round)
    close(of_round)
    derive_items(round_id=of_round.pk)
    with django_assert_max_num_queries(15):
        derive_items(round_id=of_round.pk)
