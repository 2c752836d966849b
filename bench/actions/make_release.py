"""Freeze items into an immutable, hashed release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from bench.incident_facts import facts_of
from bench.models import Item, Release, ReleaseItem
from bench.querysets import items_to_release
from bench.release_content import canary, digest, document
from bench.scoring.case import Facts
from gvsir.exceptions import ImmutableRecordError, InvalidTransitionError
from gvsir.models import LogEntry
from gvsir.permissions import require

_LONGEST_NAME: Final = Release._meta.get_field("name").max_length


def item_content(item: Item, facts: Mapping[int, Facts] | None = None) -> dict[str, Any]:
    """Return what a release keeps of ``item``; the keys are part of the release's format.

    ``facts`` of incidents by number are frozen with it: judges that read what happened read it there. Releases made
    before that have none.

    Images are named by the SHA-256 of their content, so that the release's own hash holds them too; an item that
    shows none is written as before there were any, and so is one that is nobody's benign twin.
    """
    shown = [attachment.as_json() for attachment in item.attachments.all()]
    content: dict[str, Any] = {
        "id": item.public_id,
        "category": item.category.key,
        "modality": item.modality,
        "stance": item.stance,
        "prompt": item.prompt,
        "focus": item.focus,
        "incident": item.incident.number if item.incident else None,
        "codings": [coding.pk for coding in item.codings.all()],
        "template": item.template,
        "model_made": item.is_model_made,
    }
    if facts is not None:
        found = facts.get(item.incident.number) if item.incident else None
        content["facts"] = found.as_json() if found else None
    if item.twin_of is not None:
        content["twin_of"] = item.twin_of.public_id
    return {**content, "attachments": shown} if shown else content


@transaction.atomic
def make_release(
    *, name: str, items: Iterable[Item], actor: User | None, is_demonstration: bool = False, note: str = "",
) -> Release:
    """Freeze ``items`` as release ``name``; the same call again returns the same release.

    Only accepted items enter, unless ``is_demonstration``: such a release is marked, everywhere,
    "demonstration, not reviewed by people". A rejected item never enters.

    Raises
    ------
    InvalidTransitionError
        There is no item, one has not been accepted, or the name is not a slug.
    ImmutableRecordError
        A release of this name exists and holds something else.
    PermissionRefusedError
        ``actor`` may not make releases.
    """
    if actor is not None:
        require(actor, "release.create")
    try:
        Release._meta.get_field("name").clean(name, None)
    except ValidationError as error:
        raise InvalidTransitionError(
            gettext("{name!r} is no name for a release: letters, digits, - and _ only, {most} at most.").format(
                name=name[:_LONGEST_NAME], most=_LONGEST_NAME
            )
        ) from error
    chosen = list(items_to_release().filter(pk__in=[item.pk for item in items]))
    _check(chosen, is_demonstration)
    facts = facts_of([item.incident_id for item in chosen if item.incident_id])
    contents = [item_content(item, facts) for item in chosen]
    sha256 = digest(document(name=name, contents=contents, is_demonstration=is_demonstration))
    release, is_new = Release.objects.get_or_create(
        name=name,
        defaults={
            "sha256": sha256, "canary": canary(name, contents), "is_demonstration": is_demonstration, "note": note,
            "created_by": actor,
        },
    )
    if not is_new:
        without_facts = [item_content(item) for item in chosen]  # as releases were once made
        earlier = digest(document(name=name, contents=without_facts, is_demonstration=is_demonstration))
        if release.sha256 not in (sha256, earlier):
            raise ImmutableRecordError(
                gettext("Release {name} exists and holds other items; choose another name.").format(name=name)
            )
        return release
    ReleaseItem.objects.bulk_create(
        ReleaseItem(release=release, item=item, position=position, content=content, sha256=digest(content))
        for position, (item, content) in enumerate(zip(chosen, contents, strict=True), start=1)
    )
    LogEntry.objects.record(
        release, "release.create", actor=actor,
        data={"sha256": sha256, "items": len(chosen), "demonstration": is_demonstration},
    )
    return release


def _check(chosen: list[Item], is_demonstration: bool) -> None:
    if not chosen:
        raise InvalidTransitionError(gettext("A release needs at least one item."))
    wanted = {Item.Status.ACCEPTED, Item.Status.PROPOSED} if is_demonstration else {Item.Status.ACCEPTED}
    wrong = [item for item in chosen if item.status not in wanted]
    if wrong:
        named = ", ".join(f"{item.public_id} ({item.status})" for item in wrong[:5])
        raise InvalidTransitionError(
            gettext("{n} of {n_chosen} items are not accepted: {named}.").format(
                n=len(wrong), n_chosen=len(chosen), named=named
            )
        )


def release_document(release: Release) -> dict[str, Any]:
    """Return the whole release as plain data, rebuilt from its frozen items; its digest must be its SHA-256."""
    contents = [each.content for each in release.release_items.order_by("position")]
    return document(name=release.name, contents=contents, is_demonstration=release.is_demonstration)
