"""Serve the files of items and responses, to those who may read the texts.

A file is called what its content was found to be when it came in, never what somebody said of it; a browser is told
to believe that, and to treat the file as a document of its own that may run and load nothing.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from bench.exceptions import MissingMediaError
from bench.files.kinds import EXTENSIONS, MediaFile
from bench.media_store import media_store
from bench.models import Attachment, LabelTask, Response
from bench.prompts import files_of
from bench.querysets import item_by_public_id
from gvsir.permissions import action_required

_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")
_POLICY: Final = "default-src 'none'; sandbox"


@require_safe
@action_required("item.view_text")
def item_attachment(request: HttpRequest, public_id: str, sha256: str) -> HttpResponseBase:
    """Serve an image that an item shows."""
    item = item_by_public_id(public_id)
    attachment = Attachment.objects.filter(item=item, sha256=sha256).first() if item else None
    if attachment is None:
        raise Http404
    return served(request, MediaFile(sha256=sha256, media_type=attachment.media_type, size=attachment.size))


@require_safe
@action_required("response.view_text")
def response_file(request: HttpRequest, pk: int, sha256: str) -> HttpResponseBase:
    """Serve what a response is, or what its question showed."""
    response = get_object_or_404(Response, pk=pk)
    files = [*files_of(response.messages), *([response.output] if response.output else [])]
    for file in files:
        if file.sha256 == sha256:
            return served(request, file)
    raise Http404


@require_safe
@action_required("label.write")
def label_file(request: HttpRequest, pk: int, sha256: str) -> HttpResponseBase:
    """Serve the response that is labelled, at an address that tells nothing of who made it."""
    response = get_object_or_404(LabelTask.objects.select_related("trial__response"), pk=pk).trial.response
    if response.output is None or response.output.sha256 != sha256:
        raise Http404
    return served(request, response.output)


def served(request: HttpRequest, file: MediaFile) -> HttpResponseBase:
    """Return ``file``, or the part of it that is asked for."""
    if file.media_type not in EXTENSIONS:
        raise Http404
    try:
        opened: Any = media_store().open(file.sha256)
    except MissingMediaError as error:
        raise Http404(str(error)) from error
    size = opened.seek(0, 2)
    opened.seek(0)
    part = _RANGE.fullmatch(request.headers.get("Range", ""))
    answer: Any
    if part is None:
        answer = FileResponse(opened, content_type=file.media_type)
    else:
        first = int(part[1])
        last = min(int(part[2]) if part[2] else size - 1, size - 1)
        if first > last:
            opened.close()
            answer = HttpResponse(status=416)
            answer["Content-Range"] = f"bytes */{size}"
            return answer  # type: ignore[no-any-return]
        with opened:
            opened.seek(first)
            answer = HttpResponse(opened.read(last - first + 1), status=206, content_type=file.media_type)
        answer["Content-Range"] = f"bytes {first}-{last}/{size}"
    answer["Accept-Ranges"] = "bytes"
    answer["Content-Disposition"] = f'inline; filename="{file.sha256[:16]}.{EXTENSIONS[file.media_type]}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = _POLICY
    answer["Cache-Control"] = "private, max-age=3600"
    return answer  # type: ignore[no-any-return]
