"""Give out public numbers: each once, whoever asks at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import transaction

from gvsir.models import Incident, IncidentRedirect, NumberCounter

SERIES: Final = "incident"


def _locked_counter() -> NumberCounter:
    NumberCounter.objects.get_or_create(series=SERIES)
    return NumberCounter.objects.select_for_update().get(series=SERIES)


@transaction.atomic
def note_numbers(numbers: Iterable[int]) -> None:
    """Move the counter past numbers that came from elsewhere, so that they are never given out."""
    counter = _locked_counter()
    highest = max(numbers, default=0)
    if highest > counter.value:
        counter.value = highest
        counter.save(update_fields=["value"])


@transaction.atomic
def take_numbers(wanted: Iterable[int | None]) -> list[int]:
    """Return a new public number for each wish, in order: the wished one if it is free, else the next.

    Free is a number that no incident has, no redirect starts from, and no earlier wish has taken.
    """
    wishes = list(wanted)
    counter = _locked_counter()
    used = set(Incident.objects.values_list("number", flat=True))
    used |= set(IncidentRedirect.objects.values_list("number", flat=True))
    given: list[int | None] = []
    for wish in wishes:
        free = wish is not None and wish not in used
        given.append(wish if free else None)
        if free and wish is not None:
            used.add(wish)
    last = max([counter.value, *used])
    numbers: list[int] = []
    for number in given:
        if number is None:
            last += 1
        numbers.append(last if number is None else number)
    if last > counter.value:
        counter.value = last
        counter.save(update_fields=["value"])
    return numbers
