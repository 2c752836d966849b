"""One error shape for the whole API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from gvsir.exceptions import GvsirError, PermissionRefusedError


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception into ``{"error": {"code", "message", "fields"}}``; None lets Django answer 500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied | PermissionRefusedError):
        error = exceptions.PermissionDenied()
    elif isinstance(error, GvsirError):
        set_rollback()
        return Response({"error": {"code": error.code, "message": str(error), "fields": {}}}, status=409)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    fields: dict[str, Any] = {}
    if isinstance(error, exceptions.ValidationError):
        code, message = "invalid", "Some fields are not valid."
        fields = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
    else:
        code, message = error.default_code, str(error.detail)
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait) + 1)
    return Response(
        {"error": {"code": code, "message": message, "fields": fields}}, status=error.status_code, headers=headers
    )
