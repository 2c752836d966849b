"""A release of any size, written in bulk."""

from __future__ import annotations

from bench.models import Item, Release, ReleaseItem
from tests.factories.annotation import category_of, make_scale

_CHUNK = 1000


def make_big_release(size: int) -> Release:
    """Return a release of ``size`` items with prompts of about 300 characters."""
    make_scale()
    category = category_of("misinfo")
    release = Release.objects.create(name=f"big-{size}", sha256=f"{size:064x}", canary="benchmark")
    for start in range(1, size + 1, _CHUNK):
        numbers = range(start, min(size, start + _CHUNK - 1) + 1)
        items = Item.objects.bulk_create(
            Item(
                number=number, category=category, stance="correct", status="accepted",
                prompt_en=f"Question {number}: " + "what is known of this claim? " * 10, prompt_zh="",
                focus_en="The answer must say that the claim is not supported.", focus_zh="",
            )
            for number in numbers
        )
        ReleaseItem.objects.bulk_create(
            ReleaseItem(
                release=release, item=item, position=item.number, sha256=f"{item.number:064x}",
                content={
                    "id": item.public_id, "category": "misinfo", "modality": "T", "stance": item.stance,
                    "prompt": {"en": item.prompt_en, "zh": ""}, "focus": {"en": item.focus_en, "zh": ""},
                },
            )
            for item in items
        )
    return release
