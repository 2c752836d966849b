"""Public numbers: never reused, redirected for ever, never in a circle."""

from __future__ import annotations

import pytest

from gvsir.actions.number_incidents import note_numbers, take_numbers
from gvsir.actions.redirect_incident import redirect_incident
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.models import IncidentRedirect, LogEntry, NumberCounter
from gvsir.redirects import resolve_number
from tests.factories.gvsir import make_incident, make_user

pytestmark = pytest.mark.django_db


def redirect(number: int, target: int, actor=None) -> bool:
    return redirect_incident(number=number, target_number=target, reason="merged", actor=actor)[1]


def test_chain_is_followed_to_its_end():
    last = make_incident(number=9)
    redirect(3, 5)
    redirect(5, 9)
    resolution = resolve_number(3)
    assert (resolution.incident, resolution.number, resolution.chain) == (last, 9, (3, 5, 9))


@pytest.mark.parametrize("target", [3, 5])
def test_circle_is_refused_and_nothing_written(target):
    redirect(3, 5)
    redirect(5, 9)
    with pytest.raises(InvalidTransitionError, match="circle"):
        redirect(9, target)
    assert IncidentRedirect.objects.count() == 2


def test_redirect_to_itself_is_refused():
    with pytest.raises(InvalidTransitionError, match="circle"):
        redirect(4, 4)


def test_circle_that_came_from_outside_does_not_hang():
    IncidentRedirect.objects.create(number=1, target_number=2, reason="x")
    IncidentRedirect.objects.create(number=2, target_number=1, reason="x")
    assert resolve_number(1).chain == (1, 2)
    assert resolve_number(1).incident is None


def test_same_redirect_twice_is_one_and_logged_once():
    assert redirect(3, 5) is True
    assert redirect(3, 5) is False
    assert redirect(3, 6) is True
    assert IncidentRedirect.objects.get().target_number == 6
    assert LogEntry.objects.filter(action="incident.redirect").count() == 2


def test_annotator_may_not_redirect():
    with pytest.raises(PermissionRefusedError):
        redirect(3, 5, actor=make_user("annotator"))


def test_wished_number_is_given_if_free_else_the_next_one():
    make_incident(number=2)
    redirect(7, 2)
    assert take_numbers([2, 3, 7, None, 3]) == [8, 3, 9, 10, 11]
    assert NumberCounter.objects.get(series="incident").value == 11


def test_number_is_not_given_out_again_after_its_incident_is_gone():
    number = take_numbers([None])[0]
    make_incident(number=number).delete()
    assert take_numbers([None]) == [number + 1]
    note_numbers([50, 20])
    assert take_numbers([None]) == [51]
