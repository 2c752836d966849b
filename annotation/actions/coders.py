"""The coder that stands for an account."""

from __future__ import annotations

from typing import Any

from gvsir.models import Coder


def coder_of(user: Any) -> Coder:
    """Return the coder of ``user``, made on first use; its key never shows the account's name."""
    coder, _ = Coder.objects.get_or_create(
        user=user, defaults={"key": f"person-{user.pk}", "name": user.get_username(), "kind": Coder.Kind.PERSON}
    )
    return coder
