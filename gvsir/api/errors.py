"""One error shape for the whole API: ``{"error": {"code", "message", "fields"}}``."""

from __future__ import annotations

import logging
from typing import Any, Final
from urllib.parse import quote

from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponsePermanentRedirect,
    JsonResponse,
)
from django.urls import resolve
from django.views import defaults
from rest_framework import exceptions, serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from gvsir.exceptions import GvsirError, PermissionRefusedError

logger = logging.getLogger(__name__)

#: Name of the address that catches what no other takes.
UNKNOWN: Final = "api-unknown"


class GoneError(exceptions.APIException):
    """The record was withdrawn; the detail says why."""

    status_code = status.HTTP_410_GONE
    default_detail = "This record was withdrawn."
    default_code = "withdrawn"


class ErrorSerializer(serializers.Serializer[Any]):
    """What went wrong; ``fields`` names each wrong parameter or field with its messages."""

    code = serializers.CharField()
    message = serializers.CharField()
    fields = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))  # type: ignore[assignment]


class ErrorResponseSerializer(serializers.Serializer[Any]):
    """The answer to a request that was refused or failed."""

    error = ErrorSerializer()


def error_body(code: str, message: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the error shape."""
    return {"error": {"code": code, "message": message, "fields": fields or {}}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Turn any exception into the error shape; an unforeseen one is logged and answers 500."""
    set_rollback()
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied | PermissionRefusedError):
        error = exceptions.PermissionDenied()
    elif isinstance(error, GvsirError):
        return Response(error_body(error.code, str(error)), status=status.HTTP_409_CONFLICT)
    if not isinstance(error, exceptions.APIException):
        request = context.get("request")
        request_id = request.META.get("gvsir.request_id", "") if request is not None else ""
        logger.error(
            "The API failed on request %s", request_id, exc_info=error, extra={"action": "api.error"}
        )
        return Response(_server_error(), status=status.HTTP_500_INTERNAL_SERVER_ERROR)
    return Response(_body_of(error), status=error.status_code, headers=_headers_of(error))


def _body_of(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        detail = error.detail
        fields = detail if isinstance(detail, dict) else {"non_field_errors": detail}
        return error_body("invalid", "Some fields are not valid.", fields)
    return error_body(error.default_code, str(error.detail))


def _headers_of(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _server_error() -> dict[str, Any]:
    return error_body("error", "Something failed on our side; the X-Request-ID of this answer names it in the log.")


class UnknownPathView(APIView):
    """Answer every address of the API that is none; one that lacks its final slash is led to it."""

    permission_classes = [AllowAny]
    schema = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead on where the final slash is all that lacks; else refuse with 404, whatever the method."""
        slashed = f"{request.path}/"
        safe = request.method in ("GET", "HEAD")
        if safe and not request.path.endswith("/") and resolve(slashed).url_name != UNKNOWN:
            query = request.META.get("QUERY_STRING", "")
            return HttpResponsePermanentRedirect(f"{quote(slashed)}?{query}" if query else quote(slashed))
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse with 404."""
        raise exceptions.NotFound


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 as page, below /api/ in the error shape."""
    if _is_api(request):
        return JsonResponse(error_body("not_found", "Not found."), status=404)
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 as page, below /api/ in the error shape."""
    if _is_api(request):
        return JsonResponse(error_body("bad_request", "The request is malformed."), status=400)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 as page, below /api/ in the error shape."""
    if _is_api(request):
        return JsonResponse(error_body("permission_denied", "You may not do this."), status=403)
    return defaults.permission_denied(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 as page, below /api/ in the error shape."""
    if _is_api(request):
        return JsonResponse(_server_error(), status=500)
    return defaults.server_error(request)
