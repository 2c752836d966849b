"""Add an image to a proposed item, or take it off again."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.exceptions import BadMediaError
from bench.files.images import read_image
from bench.files.kinds import MOST_ATTACHMENT
from bench.media_store import media_store
from bench.models import Attachment, Item
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import LogEntry
from gvsir.permissions import require

MOST_ATTACHMENTS = 8
_LONGEST_ALT = 1000


def attach_image(*, item_id: int, data: bytes, alt: str, actor: User | None) -> Attachment:
    """Show the image ``data`` with the item; the same image again changes its words only.

    The file is on the disk before the row says so; what it is, its content says.

    Raises
    ------
    BadMediaError
        It is no image that is taken, too large, or has no words for who cannot see it.
    InvalidTransitionError
        The item is not proposed any more, or shows enough.
    PermissionRefusedError
        ``actor`` may not review items.
    """
    if actor is not None:
        require(actor, "item.review")
    alt = " ".join(alt.split())
    if not alt:
        raise BadMediaError(gettext("Say in words what the image shows, for people who cannot see it."))
    if len(alt) > _LONGEST_ALT:
        raise BadMediaError(gettext("At most {n} characters describe an image.").format(n=_LONGEST_ALT))
    if len(data) > MOST_ATTACHMENT:
        raise BadMediaError(
            gettext("The image is {size} MB; at most {most} MB are taken.").format(
                size=round(len(data) / 1e6, 1), most=MOST_ATTACHMENT // 1_000_000
            )
        )
    facts = read_image(data)
    with transaction.atomic():
        item = _proposed(item_id)
        kept = media_store().keep(data, facts.media_type)
        if item.attachments.exclude(sha256=kept.sha256).count() >= MOST_ATTACHMENTS:
            raise InvalidTransitionError(gettext("An item shows at most {n} images.").format(n=MOST_ATTACHMENTS))
        attachment, is_new = Attachment.objects.update_or_create(
            item=item, sha256=kept.sha256, defaults={"alt": alt},
            create_defaults={
                "alt": alt, "media_type": kept.media_type, "size": kept.size, "width": facts.width,
                "height": facts.height, "added_by": actor,
            },
        )
        LogEntry.objects.record(
            item, "item.attach" if is_new else "item.describe_image", actor=actor,
            data={"sha256": kept.sha256, "media_type": kept.media_type, "size": kept.size, "alt": alt},
        )
    return attachment


@transaction.atomic
def detach_image(*, item_id: int, sha256: str, actor: User | None) -> None:
    """Take an image off the item; its file stays, for releases that hold it.

    Raises
    ------
    InvalidTransitionError
        The item is not proposed any more, or does not show it.
    PermissionRefusedError
        ``actor`` may not review items.
    """
    if actor is not None:
        require(actor, "item.review")
    item = _proposed(item_id)
    if not item.attachments.filter(sha256=sha256).delete()[0]:
        raise InvalidTransitionError(gettext("{id} does not show this image.").format(id=item.public_id))
    LogEntry.objects.record(item, "item.detach", actor=actor, data={"sha256": sha256})


def _proposed(item_id: int) -> Item:
    item = Item.objects.select_for_update().get(pk=item_id)
    if item.status != Item.Status.PROPOSED:
        raise InvalidTransitionError(
            gettext("{id} is {status}; images are added to proposed items and taken off them only.").format(
                id=item.public_id, status=item.get_status_display().lower()
            )
        )
    return item
