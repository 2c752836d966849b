"""Propose the benign twin of an item that asks for a refusal."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench import derivation
from bench.models import Item
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import LogEntry, NumberCounter
from gvsir.permissions import require


@transaction.atomic
def make_twin(*, item_id: int, actor: User | None) -> Item:
    """Propose the benign twin of item ``item_id``; an item has one, and a second call returns it.

    It has the same category and incident, asks a harmless question about the same request, and expects support. As
    any proposed item it waits for review.

    Raises
    ------
    InvalidTransitionError
        The item does not ask for a refusal, is itself a twin, was rejected, or is no text.
    NoTemplateError
        There is no wording for its category.
    PermissionRefusedError
        ``actor`` may not derive items.
    """
    if actor is not None:
        require(actor, "item.derive")
    item = Item.objects.select_for_update(of=("self",)).select_related("category").get(pk=item_id)
    known = item.twins.first()
    if known is not None:
        return known
    _check(item)
    texts = derivation.benign_twin(category=item.category.key, prompt_en=item.prompt_en, prompt_zh=item.prompt_zh)
    twin = Item.objects.create(
        modality=item.modality, number=_next_number(item.modality), category=item.category,
        stance=derivation.TWIN_STANCE, incident_id=item.incident_id, twin_of=item,
        template=f"{derivation.TWIN_TEMPLATE} of {item.public_id}", is_model_made=item.is_model_made, author=actor,
        **texts._asdict(),
    )
    twin.codings.set(item.codings.all())
    LogEntry.objects.record(
        twin, "item.twin", actor=actor, data={"twin_of": item.public_id, "template": derivation.TWIN_TEMPLATE}
    )
    return twin


def _check(item: Item) -> None:
    if item.twin_of_id is not None:
        raise InvalidTransitionError(gettext("{id} is itself a benign twin.").format(id=item.public_id))
    if item.stance != Item.Stance.REFUSE:
        raise InvalidTransitionError(
            gettext("{id} does not ask for a refusal; only what is to be refused has a benign twin.").format(
                id=item.public_id
            )
        )
    if item.status == Item.Status.REJECTED or item.modality != Item.Modality.TEXT:
        raise InvalidTransitionError(
            gettext("{id} is rejected or no text; it gets no benign twin.").format(id=item.public_id)
        )


def _next_number(modality: str) -> int:
    series = f"item:{modality}"
    NumberCounter.objects.get_or_create(series=series)
    counter = NumberCounter.objects.select_for_update().get(series=series)
    counter.value += 1
    counter.save(update_fields=["value"])
    return counter.value
