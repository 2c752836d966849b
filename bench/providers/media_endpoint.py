"""What the endpoints for images, speech and videos have in common: the client, limits on what is read, failures.

Replies are read in pieces and cut off at a limit. What they call themselves is not believed. An address in a reply
is followed only where it is the endpoint's own (same scheme, host and port), without redirects: a server must not
be able to make this one fetch from elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urljoin, urlsplit

from bench.exceptions import (
    BadMediaError,
    ClientRequestError,
    MalformedReplyError,
    RefusedByProviderError,
)
from bench.files.kinds import MOST_BYTES, MediaFile, type_of_output
from bench.files.store import MediaStore
from bench.prompts import text_of
from bench.providers.base import Completion
from bench.providers.error_replies import POLICY_CODES
from bench.providers.http_client import http_client
from bench.providers.openai_compatible import PLATFORM_HEADERS, as_call_error, read_key
from bench.specs import GenerationConfig, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MOST_JSON: Final = 200_000
_RAW: Final = {"X-Stainless-Raw-Response": "stream"}


class MediaEndpointClient:
    """One model at one base URL that makes files of one kind, kept in ``store``.

    Parameters
    ----------
    base_url, model, key_variable, connections, timeout
        As for :class:`bench.providers.openai_compatible.OpenAICompatibleClient`.
    options : mapping
        What goes into each request besides the prompt: size, voice, seconds …
    store : MediaStore
        Where the files go; a file is on the disk before the answer is reported.
    """

    is_remote = True
    kind: ClassVar[str]

    def __init__(
        self, *, base_url: str, model: str, store: MediaStore, options: Mapping[str, str] | None = None,
        key_variable: str = "", connections: int = 20, timeout: float = 60.0,
    ) -> None:
        import openai

        key = read_key(key_variable, model)
        self.model, self._options, self._store = model, dict(options or {}), store
        self._base_url = base_url.rstrip("/")
        self._headers: dict[str, Any] = dict(_RAW) if key else {**_RAW, "Authorization": openai.omit}
        unsaid: Any = dict.fromkeys(PLATFORM_HEADERS, openai.omit)
        self._client = openai.AsyncOpenAI(
            base_url=self._base_url, api_key=key or "none", max_retries=0, timeout=timeout, default_headers=unsaid,
            http_client=http_client(connections),
        )

    async def complete(
        self, messages: Sequence[Message], generation: GenerationConfig, epoch: int, *,
        response_format: dict[str, Any] | None = None,
    ) -> Completion:
        """Return the answer that holds the file; the settings of texts are not sent."""
        return await self.make(text_of(messages[-1]), epoch)

    async def make(self, prompt: str, epoch: int) -> Completion:
        """Have it made."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    # ------------------------------------------------------------------------------------ for the kinds

    async def json_of(self, method: str, path: str, body: dict[str, Any] | None = None, *, most: int = _MOST_JSON) -> Any:
        """Return the JSON that ``path`` answers with."""
        held = bytearray()
        async with self.reply(method, path, body) as pieces:
            async for piece in pieces:
                held += piece
                if len(held) > most:
                    raise MalformedReplyError(f"The reply is longer than the {most:,} bytes that are read.")
        try:
            return json.loads(held)
        except ValueError as error:
            raise MalformedReplyError("The reply is not JSON.") from error

    async def file_of(self, method: str, path: str, body: dict[str, Any] | None = None) -> MediaFile:
        """Keep what ``path`` answers with."""
        with self._store.incoming(MOST_BYTES[self.kind]) as incoming:
            try:
                async with self.reply(method, path, body) as pieces:
                    async for piece in pieces:
                        incoming.write(piece)
                return await asyncio.to_thread(incoming.keep, lambda head: type_of_output(self.kind, head))
            except BadMediaError as error:
                raise MalformedReplyError(str(error)) from error

    async def kept(self, data: bytes) -> MediaFile:
        """Keep ``data``, if it is what it should be."""
        if len(data) > MOST_BYTES[self.kind]:
            raise MalformedReplyError(f"The file is longer than the {MOST_BYTES[self.kind]:,} bytes that are taken.")
        try:
            media_type = await asyncio.to_thread(type_of_output, self.kind, data)
        except BadMediaError as error:
            raise MalformedReplyError(str(error)) from error
        return await asyncio.to_thread(self._store.keep, data, media_type)

    def own_address(self, address: str) -> str:
        """Return ``address`` where it is this endpoint's own.

        Raises
        ------
        ClientRequestError
            It is somebody else's.
        """
        found = urljoin(f"{self._base_url}/", address)
        if _origin(found) != _origin(self._base_url):
            raise ClientRequestError(
                "The reply names an address on another host instead of holding the file; it is not fetched from there."
            )
        return found

    @asynccontextmanager
    async def reply(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the pieces of the reply; a failure becomes a :class:`bench.exceptions.CallError`."""
        import httpx2
        import openai

        url = path if path.startswith(("http:", "https:")) else f"{self._base_url}{path}"
        options: Any = {"headers": self._headers, "follow_redirects": False}
        ask: Callable[..., Any] = self._client.get if method == "GET" else self._client.post
        sent = {} if method == "GET" else {"body": body}
        try:
            answer = await ask(url, cast_to=object, options=options, **sent)
            try:
                yield answer.iter_bytes(65_536)
            finally:
                await answer.close()
        except (openai.APIError, httpx2.HTTPError) as error:
            raise as_call_error(error) from error


def _origin(address: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ("", None, None)
    return parts.scheme, parts.hostname, port or {"http": 80, "https": 443}.get(parts.scheme)


def refusal_of(error: Any) -> RefusedByProviderError | None:
    """Return the refusal that the ``error`` object of a reply tells of; None where it tells of something else."""
    if not isinstance(error, Mapping):
        return None
    code, message = str(error.get("code") or ""), " ".join(str(error.get("message") or "").split())[:300]
    return RefusedByProviderError(message or code) if code.lower() in POLICY_CODES else None


def count_of(usage: Any, name: str) -> int | None:
    """Return a number of tokens as the provider counts them; None where it does not."""
    value = usage.get(name) if isinstance(usage, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
