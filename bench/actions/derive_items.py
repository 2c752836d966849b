"""Derive items from the coded incidents of a closed round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Prefetch

from annotation.models import Assignment, Coding, Memo, Round
from bench import derivation
from bench.models import Item
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import Coder, Incident, LogEntry, NumberCounter, ValueDimension
from gvsir.permissions import require


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An incident without an item, and why; ``categories`` holds each coder's main one."""

    incident: str
    reason: str
    categories: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class DerivedItems:
    """What a derivation did. ``waiting`` incidents need adjudication, ``incomplete`` ones a text."""

    round: str
    template: str
    dry_run: bool
    created: tuple[str, ...]
    existing: tuple[str, ...]
    waiting: tuple[LeftOut, ...]
    incomplete: tuple[LeftOut, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@transaction.atomic
def derive_items(*, round_id: int, actor: User | None = None, dry_run: bool = False) -> DerivedItems:
    """Propose one item for each incident on whose main category the coders of a closed round agree.

    Stance and scenario are those of the first coder, by key, who gave both. Calling it again makes nothing
    twice: an item is known by incident, template and category.

    Raises
    ------
    InvalidTransitionError
        The round is still open: codings must not be seen before.
    PermissionRefusedError
        ``actor`` may not derive items.
    """
    if actor is not None:
        require(actor, "item.derive")
    round_ = Round.objects.select_for_update().get(pk=round_id)  # two calls at once derive each item once
    if round_.status != Round.Status.CLOSED:
        raise InvalidTransitionError(f"Round {round_.name} is open; items are derived when it is closed.")
    created: list[str] = []
    existing: list[str] = []
    waiting: list[LeftOut] = []
    incomplete: list[LeftOut] = []
    known = {
        (item.incident_id, item.category_id): item
        for item in Item.objects.filter(template=derivation.TEMPLATE, incident__documents__assignments__round=round_)
    }
    for incident, assignments in _by_incident(round_):
        votes = _main_categories(assignments)
        shown = {key: category.key for key, category in votes.items() if category is not None}
        undecided = _why_undecided(votes)
        if undecided:
            waiting.append(LeftOut(incident=incident.public_id, reason=undecided, categories=shown))
            continue
        category = next(iter(votes.values()))
        assert category is not None  # noqa: S101 - _why_undecided saw to it
        if (incident.pk, category.pk) in known:
            existing.append(known[incident.pk, category.pk].public_id)
            continue
        try:
            item, codings = _proposal(incident, category, assignments, round_, actor)
        except derivation.NoTemplateError as error:
            incomplete.append(LeftOut(incident=incident.public_id, reason=str(error), categories=shown))
            continue
        if not dry_run:
            _save(item, codings, round_, actor)
        created.append(item.public_id if not dry_run else incident.public_id)
    return DerivedItems(
        round=round_.name, template=derivation.TEMPLATE, dry_run=dry_run, created=tuple(created),
        existing=tuple(existing), waiting=tuple(waiting), incomplete=tuple(incomplete),
    )


def _by_incident(round_: Round) -> Iterator[tuple[Incident, list[Assignment]]]:
    assignments = (
        Assignment.objects.filter(round=round_, status=Assignment.Status.SUBMITTED)
        .select_related("document__incident", "coder__user")
        .prefetch_related(
            "categories__category", "memos",
            # Joined, not fetched by key: SQLite takes no condition on more than a thousand passages.
            Prefetch("codings", Coding.objects.select_related("code__category", "segment__document")),
        )
        .order_by("document__incident__number", "coder__key", "pk")
    )
    for incident, group in groupby(assignments, key=lambda each: each.document.incident):
        yield incident, list(group)


def _main_categories(assignments: list[Assignment]) -> dict[str, ValueDimension | None]:
    """Return each coder's main category; None where a coder has none, or several over several documents."""
    votes: dict[str, set[ValueDimension]] = {}
    for assignment in assignments:
        mains = {each.category for each in assignment.categories.all() if each.is_main}
        votes.setdefault(assignment.coder.key, set()).update(mains)
    return {key: next(iter(mains)) if len(mains) == 1 else None for key, mains in votes.items()}


def _why_undecided(votes: dict[str, ValueDimension | None]) -> str:
    if len(votes) < 2:
        return "one coder only; a second one, or adjudication, must confirm it"
    if None in votes.values():
        return "a coder gave no single main category"
    if len({category.pk for category in votes.values() if category is not None}) > 1:
        return "the coders differ on the main category"
    return ""


def _scenario(assignments: list[Assignment]) -> tuple[Assignment, Memo] | None:
    for assignment in assignments:
        for memo in assignment.memos.all():
            if assignment.stance and memo.kind == Memo.Kind.SCENARIO and memo.text and memo.text_zh:
                return assignment, memo
    return None


def _proposal(
    incident: Incident, category: ValueDimension, assignments: list[Assignment], round_: Round, actor: User | None,
) -> tuple[Item, list[Coding]]:
    """Return the unsaved item, without its number, and the codings it rests on."""
    found = _scenario(assignments)
    if found is None:
        raise derivation.NoTemplateError("No coder gave a stance with a scenario in English and Chinese.")
    first, memo = found
    codings = [
        coding for assignment in assignments for coding in assignment.codings.all()
        if coding.code.category_id == category.pk
    ]
    texts = derivation.derive(
        derivation.CodedIncident(
            category=category.key,
            stance=first.stance,
            category_en=category.name,
            category_zh=category.name_zh,
            scenario_en=memo.text,
            scenario_zh=memo.text_zh,
            incident_number=incident.number,
            passages=tuple(
                derivation.Passage(
                    quote=coding.segment.quote, code_en=coding.code.name, code_zh=coding.code.name_zh
                )
                for coding in codings
            ),
        )
    )
    is_model_made = round_.origin == Round.Origin.MODEL_MADE or first.coder.kind == Coder.Kind.MODEL
    item = Item(
        number=0,
        category=category,
        stance=first.stance,
        incident=incident,
        template=derivation.TEMPLATE,
        is_model_made=is_model_made,
        author=None if is_model_made else first.coder.user or actor,
        **texts._asdict(),
    )
    return item, codings


def _save(item: Item, codings: list[Coding], round_: Round, actor: User | None) -> None:
    series = f"item:{item.modality}"
    NumberCounter.objects.get_or_create(series=series)
    counter = NumberCounter.objects.select_for_update().get(series=series)
    counter.value += 1
    counter.save(update_fields=["value"])
    item.number = counter.value
    item.save()
    item.codings.set(codings)
    LogEntry.objects.record(
        item, "item.derive", actor=actor, data={"round": round_.pk, "template": item.template}
    )
