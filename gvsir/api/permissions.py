"""The API asks the same table of actions as the pages."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from gvsir.permissions import allowed


class ActionPermission(BasePermission):
    """Allow what ``view.actions_required[view.action]`` (or ``view.action_required``) names; else refuse."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the caller's role allows this view's action."""
        required = getattr(view, "action_required", None)
        by_action = getattr(view, "actions_required", None)
        if by_action is not None:
            required = by_action.get(getattr(view, "action", None))
        return required is not None and allowed(request.user, required)
