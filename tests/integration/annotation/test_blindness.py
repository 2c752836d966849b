"""While a round is open nobody sees the work of another coder; when it closes everybody does."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from annotation.querysets import (
    visible_assignments,
    visible_codes,
    visible_codings,
    visible_memos,
    visible_segments,
)
from tests.factories.annotation import (
    close,
    make_account,
    make_assignment,
    make_coded_incident,
    make_coding,
    make_document,
    make_memo,
    make_round,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def two_coders():
    of_round, document = make_round(), make_document()
    users = [make_account("annotator"), make_account("annotator")]
    assignments = [make_assignment(user=user, round=of_round, document=document) for user in users]
    codings = [make_coding(assignments[0], "something".capitalize()[:4]), make_coding(assignments[1], "happened")]
    memos = [make_memo(assignment) for assignment in assignments]
    return of_round, users, assignments, codings, memos


def seen(user):
    return {
        "assignments": set(visible_assignments(user)), "codings": set(visible_codings(user)),
        "codes": set(visible_codes(user)), "memos": set(visible_memos(user)), "segments": set(visible_segments(user)),
    }


def of(assignment, coding, memo):
    return {
        "assignments": {assignment}, "codings": {coding}, "codes": {coding.code}, "memos": {memo},
        "segments": {coding.segment},
    }


@pytest.mark.parametrize("place", [0, 1])
def test_a_coder_sees_their_own_work_alone(two_coders, place):
    _, users, assignments, codings, memos = two_coders
    assert seen(users[place]) == of(assignments[place], codings[place], memos[place])


@pytest.mark.parametrize("role", ["curator", "researcher", "annotator", None])
def test_others_see_nothing_of_an_open_round(two_coders, role):
    user = make_account(role) if role else AnonymousUser()
    assert not any(seen(user).values())


@pytest.mark.parametrize("role", ["curator", "researcher", "annotator", None])
def test_everybody_sees_all_of_a_closed_round(two_coders, role):
    of_round, _, assignments, codings, memos = two_coders
    close(of_round)
    user = make_account(role) if role else AnonymousUser()
    assert seen(user) == {
        "assignments": set(assignments), "codings": set(codings), "codes": {each.code for each in codings},
        "memos": set(memos), "segments": {each.segment for each in codings},
    }


def test_codings_of_an_unpublished_incident_stay_with_curators():
    draft = make_document(make_coded_incident(status="draft"))
    coding = make_coding(make_assignment(document=draft, round=close(make_round())), "happened")
    assert not visible_codings(AnonymousUser()).exists()
    assert not visible_codings(make_account("researcher")).exists()
    assert list(visible_codings(make_account("curator"))) == [coding]
