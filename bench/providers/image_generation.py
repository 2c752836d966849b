"""Models behind ``/images/generations``."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, ClassVar, Final

from bench.exceptions import ClientRequestError, MalformedReplyError, SchemaRefusedError
from bench.files.kinds import IMAGE, MOST_BYTES, MediaFile
from bench.providers.base import Completion
from bench.providers.media_endpoint import MediaEndpointClient, count_of, refusal_of

_FILTERED: Final = frozenset({"content_filter", "content_filtered", "filtered", "moderation_blocked"})
_SPEAKS_OF_FORMAT: Final = re.compile(r"response_format", re.IGNORECASE)


class ImageClient(MediaEndpointClient):
    """Makes one image for each prompt.

    The bytes are asked for (``response_format: b64_json``); an endpoint that does not know the word and always
    sends them is asked without it from then on.
    """

    kind: ClassVar[str] = IMAGE
    _asks_for_bytes = True

    async def make(self, prompt: str, epoch: int) -> Completion:
        """Return the image."""
        body: dict[str, Any] = {"model": self.model, "prompt": prompt, "n": 1, **self._options}
        asked = self._asks_for_bytes
        if asked:
            body["response_format"] = "b64_json"
        try:
            reply = await self.json_of("POST", "/images/generations", body, most=MOST_BYTES[IMAGE] * 4 // 3 + 200_000)
        except ClientRequestError as error:
            if asked and _SPEAKS_OF_FORMAT.search(str(error)):
                self._asks_for_bytes = False
                raise SchemaRefusedError(str(error), http_status=error.http_status) from error
            raise
        return await self._completion(reply)

    async def _completion(self, reply: Any) -> Completion:
        if not isinstance(reply, dict):
            raise MalformedReplyError("The reply is JSON, but no list of images.")
        if refusal := refusal_of(reply.get("error")):
            raise refusal
        data = reply.get("data")
        first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
        usage = reply.get("usage")
        told, said = count_of(usage, "input_tokens"), count_of(usage, "output_tokens")
        reason = str(first.get("finish_reason") or reply.get("finish_reason") or "").lower()
        if reason in _FILTERED:
            return Completion(text="", finish_reason="content_filter", prompt_tokens=told, completion_tokens=said)
        if isinstance(first.get("b64_json"), str):
            try:
                content = base64.b64decode(first["b64_json"], validate=True)
            except (binascii.Error, ValueError) as error:
                raise MalformedReplyError("The image in the reply is not in base64.") from error
            output = await self.kept(content)
        elif isinstance(first.get("url"), str):
            output = await self.image_at(self.own_address(first["url"]))
        else:
            raise MalformedReplyError("The reply holds no image.")
        return Completion(text="", prompt_tokens=told, completion_tokens=said, output=output)

    async def image_at(self, address: str) -> MediaFile:
        """Return the image at an address of this endpoint, kept."""
        held = bytearray()
        async with self.reply("GET", address) as pieces:
            async for piece in pieces:
                held += piece
                if len(held) > MOST_BYTES[IMAGE]:
                    raise MalformedReplyError(f"The image is longer than the {MOST_BYTES[IMAGE]:,} bytes that are taken.")
        return await self.kept(bytes(held))
