"""Models behind ``/videos``: a job is made, looked at until it is over, and its video fetched.

The name of a job is on the disk as soon as it is known. A process that is killed, or that gave up waiting, looks at
the same job when it asks again, and does not have the video made, and paid, once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote

from bench.exceptions import CallError, ClientRequestError, MalformedReplyError, ServerError
from bench.files.kinds import VIDEO
from bench.files.store import write_durably
from bench.providers.base import Completion
from bench.providers.media_endpoint import MediaEndpointClient, refusal_of
from bench.specs import canonical_json, sha256

_OVER: Final = frozenset({"completed", "succeeded"})
_FAILED: Final = frozenset({"failed", "cancelled", "canceled", "expired", "error"})
#: Providers forget a finished video after an hour to two days.
_OLDEST_JOB: Final = 48 * 3600.0
_NOT_FOUND: Final = 404


class VideoClient(MediaEndpointClient):
    """Makes one video for each prompt.

    Attributes
    ----------
    longest_call : float
        Seconds the engine waits for one call: for the making, not only for a reply.
    poll : float
        Seconds between looks at a job.
    """

    kind: ClassVar[str] = VIDEO
    longest_call = 1200.0
    poll = 5.0

    async def make(self, prompt: str, epoch: int) -> Completion:
        """Return the video."""
        asked = {"model": self.model, "prompt": prompt, **self._options}
        place = self._place(asked, epoch)
        job = _known_job(place)
        if job is None:
            made = await self.json_of("POST", "/videos", asked)
            job = made.get("id") if isinstance(made, dict) else None
            if not isinstance(job, str) or not job:
                raise MalformedReplyError("The reply names no video.")
            await asyncio.to_thread(write_durably, place, json.dumps({"id": job, "at": time.time()}))
        try:
            await self._wait_for(job)
            output = await self.file_of("GET", f"/videos/{quote(job, safe='')}/content")
        except CallError as error:
            if error.is_permanent or isinstance(error, _JobFailedError):
                place.unlink(missing_ok=True)
            raise
        return Completion(text="", output=output)

    async def _wait_for(self, job: str) -> None:
        while True:
            try:
                state = await self.json_of("GET", f"/videos/{quote(job, safe='')}")
            except ClientRequestError as error:
                if error.http_status == _NOT_FOUND:
                    raise _JobFailedError("The endpoint does not know the video any more.", http_status=_NOT_FOUND) from error
                raise
            status = str(state.get("status") or "").lower() if isinstance(state, dict) else ""
            if status in _OVER:
                return
            if status in _FAILED or not status:
                trouble = state.get("error") if isinstance(state, dict) else None
                if refusal := refusal_of(trouble):
                    raise refusal
                told = " ".join(str(trouble.get("message") or "").split())[:200] if isinstance(trouble, dict) else ""
                raise _JobFailedError(f"The video was not made: {told or status or 'no status'}.")
            await asyncio.sleep(self.poll)

    def _place(self, asked: dict[str, Any], epoch: int) -> Path:
        name = sha256(canonical_json({"base_url": self._base_url, "asked": asked, "epoch": epoch}))
        return self._store.folder / "jobs" / f"{name}.json"


class _JobFailedError(ServerError):
    """The job ended without a video; another one may go better."""

    may_be_charged = True


def _known_job(place: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(place.read_text(encoding="utf-8"))
        if time.time() - float(noted["at"]) < _OLDEST_JOB:
            return str(noted["id"])
    return None
