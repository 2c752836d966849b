from __future__ import annotations

import hashlib

import pytest

from bench.actions.make_release import make_release, release_document
from bench.actions.review_item import review_item
from bench.models import Item, Release, ReleaseItem
from bench.specs import canonical_json
from gvsir.exceptions import ImmutableRecordError, InvalidTransitionError, PermissionRefusedError
from gvsir.models import LogEntry
from tests.factories.bench import make_item
from tests.factories.gvsir import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ["annotator", "researcher", None])
def test_only_curators_review(role):
    item = make_item(status="proposed")
    with pytest.raises(PermissionRefusedError):
        review_item(item_id=item.pk, verdict="accept", actor=make_user(*([role] if role else [])))
    item.refresh_from_db()
    assert item.status == "proposed"


def test_nobody_reviews_their_own_item():
    curator = make_user("curator")
    item = make_item(status="proposed", author=curator)
    with pytest.raises(PermissionRefusedError, match="your own"):
        review_item(item_id=item.pk, verdict="accept", actor=curator)
    assert review_item(item_id=item.pk, verdict="accept", actor=make_user("curator")).status == "accepted"


def test_a_rejected_item_can_be_reopened_and_accepted_by_another():
    curator = make_user("curator")
    item = make_item(status="proposed")
    with pytest.raises(InvalidTransitionError, match="note"):
        review_item(item_id=item.pk, verdict="reject", actor=curator)
    assert review_item(item_id=item.pk, verdict="reject", actor=curator, note="Two questions in one.").status == "rejected"
    with pytest.raises(InvalidTransitionError):
        review_item(item_id=item.pk, verdict="accept", actor=curator)
    reopened = review_item(item_id=item.pk, verdict="reopen", actor=curator, note="Split it.")
    assert (reopened.status, reopened.reviewer) == ("proposed", None)
    accepted = review_item(item_id=item.pk, verdict="accept", actor=curator)
    assert (accepted.status, accepted.reviewer) == ("accepted", curator)
    logged = LogEntry.objects.filter(record_id=str(item.pk)).order_by("pk").values_list("action", "reason")
    assert list(logged) == [
        ("item.reject", "Two questions in one."), ("item.reopen", "Split it."), ("item.accept", ""),
    ]
    assert item.history.count() == 4


def test_only_accepted_items_enter_a_release():
    items = [make_item(), make_item(status="proposed")]
    with pytest.raises(InvalidTransitionError, match=r"T-2 \(proposed\)"):
        make_release(name="first", items=items, actor=make_user("curator"))
    with pytest.raises(InvalidTransitionError, match="at least one"):
        make_release(name="first", items=[], actor=make_user("curator"))
    assert make_release(name="first", items=items[:1], actor=make_user("curator")).is_demonstration is False


def test_a_demonstration_release_takes_unreviewed_items_but_never_rejected_ones():
    proposed, rejected = make_item(status="proposed"), make_item(status="rejected")
    release = make_release(name="demo", items=[proposed], actor=None, is_demonstration=True)
    assert release.is_demonstration
    with pytest.raises(InvalidTransitionError, match="rejected"):
        make_release(name="demo-2", items=[proposed, rejected], actor=None, is_demonstration=True)


@pytest.mark.parametrize("role", ["annotator", "researcher"])
def test_only_curators_release(role):
    with pytest.raises(PermissionRefusedError):
        make_release(name="first", items=[make_item()], actor=make_user(role))


def test_the_hash_is_over_the_canonical_json_of_the_frozen_items():
    items = [make_item(), make_item(prompt_zh="你好 👋")]
    release = make_release(name="first", items=reversed(items), actor=None)
    contents = list(release.release_items.values_list("content", flat=True))
    assert [each["id"] for each in contents] == ["T-1", "T-2"]
    assert set(contents[0]) == {
        "id", "category", "modality", "stance", "prompt", "focus", "incident", "codings", "template", "model_made", "facts",
    }
    text = canonical_json(release_document(release))
    assert '"你好 👋"' in text
    assert release.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert release.canary in text


def test_a_changed_item_does_not_change_a_release():
    item = make_item()
    release = make_release(name="first", items=[item], actor=None)
    before = release_document(release)
    item.prompt_en = "Something else."
    item.save()
    assert release_document(release) == before
    with pytest.raises(ImmutableRecordError, match="other items"):
        make_release(name="first", items=[item], actor=None)
    assert make_release(name="second", items=[item], actor=None).sha256 != release.sha256


def test_the_same_release_made_again_is_the_same():
    item = make_item()
    first = make_release(name="first", items=[item], actor=None)
    assert make_release(name="first", items=[item], actor=None) == first
    assert ReleaseItem.objects.count() == 1
    assert make_release(name="other-name", items=[item], actor=None).canary != first.canary


def test_a_release_and_its_items_are_frozen():
    release = make_release(name="first", items=[make_item()], actor=None)
    release.note = "changed"
    with pytest.raises(ImmutableRecordError):
        release.save()
    with pytest.raises(ImmutableRecordError):
        release.delete()
    frozen = release.release_items.get()
    frozen.content = {}
    with pytest.raises(ImmutableRecordError):
        frozen.save()
    with pytest.raises(ImmutableRecordError):
        frozen.delete()


def test_a_name_must_fit_into_an_address():
    with pytest.raises(InvalidTransitionError, match="no name"):
        make_release(name="my release/1", items=[make_item()], actor=None)
    assert Item.objects.count() == 1


@pytest.mark.parametrize("name", ["", "x" * 81, "two words", "ü"])
def test_a_name_that_no_address_can_hold_is_refused(name):
    item = make_item(status=Item.Status.ACCEPTED)
    with pytest.raises(InvalidTransitionError, match="no name for a release"):
        make_release(name=name, items=[item], actor=None)
    assert not Release.objects.exists()
