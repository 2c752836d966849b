"""Middleware: an id for each request, echoed in ``X-Request-ID``; no NUL character in any form or query."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class NullCharacterMiddleware:
    """Let no NUL character reach a page: PostgreSQL takes none, and nobody types one.

    A form that holds one is refused. In the query of a page it becomes U+FFFD, which finds nothing; the API
    names the parameter itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 400 to such a form, and pass on everything else, its query without NUL characters."""
        if request.method == "POST" and any(
            "\x00" in value for key, values in request.POST.lists() for value in (key, *values)
        ):
            raise SuspiciousOperation("The form holds a NUL character.")
        if "%00" in request.META.get("QUERY_STRING", "") and not request.path.startswith("/api/"):
            request.GET = QueryDict(request.META["QUERY_STRING"].replace("%00", "%EF%BF%BD"))
        return self.get_response(request)


class RequestIdMiddleware:
    """Give each request an id, the caller's own when it is well formed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with ``X-Request-ID`` set."""
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex
        request.META["gvsir.request_id"] = request_id
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response
