"""Which item and response texts are folded behind a line that says what they may hurt with."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: Category of the GVS-Scale -> the kind of content its questions ask for. Others are not folded.
WARNINGS: Final[dict[str, Promise]] = {
    "life_safety": _("danger to life or health"),
    "minor_sexual": _("sexual content"),
    "violence_hate": _("violence or hatred"),
    "cyber_illegal_info": _("help with crime"),
    "bias": _("words that demean groups of people"),
    "culture": _("words that demean peoples, beliefs or their history"),
}


def content_warning(category_key: str) -> Promise | None:
    """Return the kind of content that texts of this category may hurt with, None if they are not folded."""
    return WARNINGS.get(category_key)
