"""The frame of every resource: reading only, by permission, with known parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, serializers, viewsets
from rest_framework.request import Request
from rest_framework.views import APIView

from gvsir.api.errors import ErrorResponseSerializer
from gvsir.api.filters import refuse_unknown
from gvsir.models import Incident
from gvsir.permissions import allowed

M = TypeVar("M", bound=Model)
F = TypeVar("F", bound=Callable[..., Any])

#: Answers that any address may give, for the schema.
REFUSALS: dict[int, Any] = {
    400: OpenApiResponse(ErrorResponseSerializer, "A parameter is unknown or its value is not valid."),
    404: OpenApiResponse(ErrorResponseSerializer, "There is no such record, or you may not see it."),
    429: OpenApiResponse(ErrorResponseSerializer, "Too many requests; Retry-After says how long to wait."),
}


def viewer_of(serializer: serializers.BaseSerializer[Any]) -> Any:
    """Return who asks; None where the schema is being written."""
    return getattr(serializer.context.get("request"), "user", None)


class ViewerSerializer(serializers.ModelSerializer[M]):
    """A serializer that knows who asks."""

    def may(self, action: str) -> bool:
        """Return whether the caller's role allows ``action``."""
        return allowed(viewer_of(self), action)


def folded_reason(incident: Incident, user: Any) -> str:
    """Return why this reader does not get the incident's text; "" if nothing is withheld."""
    if not incident.harm or allowed(user, "incident.view_folded"):
        return ""
    return gettext("Folded: {kind}. Sign in to read it.").format(kind=incident.get_harm_display())


def refuse_null_ids(ids: dict[str, Any]) -> None:
    """Answer 404 to an id with a null character, which PostgreSQL would not even look up."""
    if any("\x00" in str(value) for value in ids.values()):
        raise exceptions.NotFound


class ReadOnlyResource(viewsets.ReadOnlyModelViewSet[M]):
    """List and detail of what the caller may see; ``action_required`` names the action asked for."""

    action_required: ClassVar[str]
    extra_parameters: ClassVar[tuple[str, ...]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check permission, and that a detail is asked without parameters."""
        super().initial(request, *args, **kwargs)
        refuse_null_ids(kwargs)
        if self.action != "list":
            refuse_unknown(request, ())


class ReadOnlyView(APIView):
    """One address that is not a list of records; ``parameters`` are the ones it takes."""

    action_required: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check permission and parameters."""
        super().initial(request, *args, **kwargs)
        refuse_null_ids(kwargs)
        refuse_unknown(request, self.parameters)


def described(summary: str, **kwargs: Any) -> Callable[[F], F]:
    """Describe a ``get`` for the schema, with the refusals every address can give and what ``more`` it may answer."""
    answers = {200: kwargs.pop("responses"), **kwargs.pop("more", {}), **REFUSALS}
    decorate: Callable[[F], F] = extend_schema(summary=summary, responses=answers, **kwargs)
    return decorate


def read_only(plural: str, one: str, serializer: Any, detail: Any = None) -> Any:
    """Describe list and detail of a resource for the schema; ``detail`` is its serializer if it has its own."""
    return extend_schema_view(
        list=extend_schema(summary=plural, responses={200: serializer, **REFUSALS}),
        retrieve=extend_schema(summary=one, responses={200: detail or serializer, **REFUSALS}),
    )
