"""Serve the files of items and responses, to those who may read the texts.

A file is called what its content was found to be when it came in, never what somebody said of it; a browser is told
to believe that, and to treat the file as a document of its own that may run and load nothing.
"""

from __future__ import annotations

import re
from typing import IO, Final

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

_RANGE: Final = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")
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
    """Return ``file``, or the part of it that is asked for.

    A browser may keep it, but asks each time whether this person may see it still.
    """
    if file.media_type not in EXTENSIONS:
        raise Http404
    answer: HttpResponseBase
    if request.headers.get("If-None-Match") == f'"{file.sha256}"':
        answer = HttpResponse(status=304)
    else:
        try:
            opened = media_store().open(file.sha256)
        except MissingMediaError as error:
            raise Http404(str(error)) from error
        answer = _whole_or_part(request, file, opened)
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = f'"{file.sha256}"'
    answer["Cache-Control"] = "private, no-cache"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = _POLICY
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    return answer


def _whole_or_part(request: HttpRequest, file: MediaFile, opened: IO[bytes]) -> HttpResponseBase:
    size = opened.seek(0, 2)
    asked = _asked_part(request.headers.get("Range", ""), size)
    if asked is not None and not asked:
        opened.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    part = asked or range(size)
    opened.seek(part.start)
    answer = FileResponse(_Part(opened, len(part)), content_type=file.media_type, status=200 if asked is None else 206)
    if asked is not None:
        answer["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    answer["Content-Length"] = str(len(part))
    answer["Content-Disposition"] = f'inline; filename="{file.sha256[:16]}.{EXTENSIONS[file.media_type]}"'
    return answer


def _asked_part(header: str, size: int) -> range | None:
    """Return the bytes that a ``Range`` header asks for, none of them where there are none; None where it asks for all.

    Examples
    --------
    >>> _asked_part("bytes=90-", 100), _asked_part("bytes=-5", 100), _asked_part("bytes=0-1,5-6", 100)
    (range(90, 100), range(95, 100), None)
    """
    found = _RANGE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)
    return range(int(found[1]), min(int(found[2]) + 1 if found[2] else size, size))


class _Part:
    """The next ``length`` bytes of a file, in pieces: a long video is never in memory."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes."""
        data = self._file.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
