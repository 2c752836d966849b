"""Keep an endpoint's limits over all processes that ask it, of whatever run, on whatever machine.

Each process holds places at the endpoint; all places together never exceed the limit. A process that has to give
some up first stops filling them, and frees them when the calls that are out have come back. When a server asks to
wait, everybody waits.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from bench.execution.sharing import fair_shares
from bench.models import Endpoint, Executor, Seat


class Claim(NamedTuple):
    """What a process has and wants at an endpoint: its limit, calls it could make at once, its ceiling, calls out."""

    most: int
    wanted: int
    ceiling: int
    in_flight: int
    paused_until: datetime | None


class Place(NamedTuple):
    """How many calls at once it may have out from now on; ``is_settled`` where that is all it could ask for."""

    ceiling: int
    is_settled: bool
    paused_until: datetime | None


def endpoint_named(name: str) -> int:
    """Return the primary key of the endpoint's row."""
    return Endpoint.objects.get_or_create(name=name)[0].pk


@transaction.atomic
def take_places(executor: Executor, endpoint_id: int, claim: Claim) -> Place:
    """Return the places of ``executor``.

    ``claim.ceiling`` has been in force since the last call, so no more than it, or than are out, can be in use.
    """
    endpoint = Endpoint.objects.select_for_update().get(pk=endpoint_id)
    now = timezone.now()
    others = list(
        Seat.objects.filter(endpoint=endpoint, executor__ended_at__isnull=True, executor__lease_until__gt=now)
        .exclude(executor=executor).select_related("executor")
    )
    held = max(claim.ceiling, claim.in_flight)
    ceiling, is_settled = _ceiling(executor, claim, held, others)
    Seat.objects.update_or_create(
        executor=executor, endpoint=endpoint,
        defaults={"number": max(ceiling, held), "wanted": claim.wanted, "most": claim.most},
    )
    until = _later(endpoint.paused_until, claim.paused_until)
    if until != endpoint.paused_until:
        endpoint.paused_until = until
        endpoint.save(update_fields=["paused_until"])
    return Place(ceiling, is_settled, until if until and until > now else None)


def _ceiling(executor: Executor, claim: Claim, held: int, others: list[Seat]) -> tuple[int, bool]:
    pool = max([claim.most, *(other.most for other in others)])
    wanted = {executor.pk: claim.wanted} | {other.executor_id: other.wanted for other in others}
    shares = fair_shares(pool, wanted)
    target = min(claim.most, shares[executor.pk] + pool - sum(shares.values()))
    same_run = sum(other.number for other in others if other.executor.run_id == executor.run_id)
    room = min(pool - sum(other.number for other in others), claim.most - same_run)
    ceiling = max(0, min(target, room))
    return ceiling, ceiling == held and ceiling >= min(target, claim.most)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)
