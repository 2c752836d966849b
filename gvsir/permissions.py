"""Who may do what: one table of actions and roles, asked by pages, API and commands alike.

Deny by default: an action that the table does not name is refused to everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext

from gvsir.exceptions import PermissionRefusedError

ANNOTATOR: Final = "annotator"
CURATOR: Final = "curator"
RESEARCHER: Final = "researcher"
ANYONE: Final = "anyone"
ROLES: Final = (ANNOTATOR, CURATOR, RESEARCHER)

_EVERY_ROLE = frozenset(ROLES)
_PUBLIC = frozenset({ANYONE, *ROLES})
_CURATOR = frozenset({CURATOR})
_STAFF = frozenset({CURATOR, RESEARCHER})

#: action -> the roles that may do it.
ACTIONS: Final[dict[str, frozenset[str]]] = {
    "incident.view": _PUBLIC,
    "incident.view_unpublished": _CURATOR,
    "incident.view_folded": _EVERY_ROLE,
    "incident.import": _CURATOR,
    "taxonomy.view": _PUBLIC,
    "classification.view": _PUBLIC,
    "classification.view_unpublished": _STAFF,
    "value_system.view": _PUBLIC,
    "codebook.view": _PUBLIC,
    "codebook.edit": _CURATOR,
    "code.create": frozenset({ANNOTATOR, CURATOR}),
    "assignment.code": frozenset({ANNOTATOR, CURATOR}),
    "round.view": _PUBLIC,
    "round.manage": _CURATOR,
    "round.view_open_codings": frozenset(),
    "coding.view_closed": _PUBLIC,
    "document.view": _PUBLIC,
    "item.view": _PUBLIC,
    "item.view_text": _EVERY_ROLE,
    "item.derive": _CURATOR,
    "item.review": _CURATOR,
    "release.view": _PUBLIC,
    "release.create": _CURATOR,
    "language_model.view": _PUBLIC,
    "language_model.edit": _CURATOR,
    "run.view": _PUBLIC,
    "run.execute": _STAFF,
    "response.view": _PUBLIC,
    "response.view_text": _EVERY_ROLE,
    "score.view": _PUBLIC,
    "label.write": _EVERY_ROLE,
    "label.view": _STAFF,
    "label.manage": _STAFF,
    "leaderboard.view": _PUBLIC,
    "statistics.view": _PUBLIC,
    "provenance.view": _PUBLIC,
    "log.view": _STAFF,
}


def roles_of(user: AbstractBaseUser | AnonymousUser | None) -> frozenset[str]:
    """Return the roles of ``user``; a superuser has all, a person without a group none."""
    if user is None or not user.is_authenticated or not user.is_active:
        return frozenset({ANYONE})
    if getattr(user, "is_superuser", False):
        return _PUBLIC
    cached: frozenset[str] | None = getattr(user, "_gvsir_roles", None)
    if cached is None:
        names = set(user.groups.values_list("name", flat=True))  # type: ignore[attr-defined]
        cached = frozenset({ANYONE, *(names & _EVERY_ROLE)})
        user._gvsir_roles = cached  # type: ignore[attr-defined]
    return cached


def allowed(user: AbstractBaseUser | AnonymousUser | None, action: str) -> bool:
    """Return whether ``user`` may do ``action``; False for an action nobody defined."""
    return bool(ACTIONS.get(action, frozenset()) & roles_of(user))


def require(user: AbstractBaseUser | AnonymousUser | None, action: str) -> None:
    """Raise :class:`PermissionRefusedError` unless ``user`` may do ``action``."""
    if not allowed(user, action):
        raise PermissionRefusedError(gettext("Your role does not allow {action}.").format(action=action))


def action_required(action: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Guard a page: anonymous people are asked to sign in, others get 403."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not allowed(request.user, action):
                if not request.user.is_authenticated:
                    return redirect_to_login(request.get_full_path())
                raise PermissionDenied(action)
            return view(request, *args, **kwargs)

        guarded.gvsir_action = action  # type: ignore[attr-defined]
        return guarded

    return decorate
