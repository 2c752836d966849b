"""What every page needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from gvsir.permissions import ACTIONS, roles_of


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the reader's roles and what they may do, for showing or hiding actions.

    Hiding is courtesy only: each action is checked again on the server.
    """
    roles = roles_of(getattr(request, "user", None))
    return {"roles": roles, "may": {name.replace(".", "_"): bool(who & roles) for name, who in ACTIONS.items()}}
