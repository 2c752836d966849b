"""OpenAI batch files: one request a line, one reply a line, in any order.

The ``custom_id`` says which record of which run a line settles, and which call for it this is, so that a file can
be read in twice without harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.exceptions import (
    CallError,
    ClientRequestError,
    RateLimitedError,
    RefusedByProviderError,
    ServerError,
)
from bench.execution.calls import Call
from bench.providers.base import Completion
from bench.providers.error_replies import POLICY_CODES
from bench.providers.openai_compatible import MAX_TOKENS, completion_of, sent_settings
from bench.specs import Message
from gvsir.exceptions import FormatError

#: What OpenAI takes in one file.
MOST_LINES: Final = 50_000
MOST_BYTES: Final = 200_000_000
ENDPOINT: Final = "/v1/chat/completions"
_CUSTOM_ID = re.compile(r"run-([0-9]{1,18})/(response|judgement)/([0-9a-f]{64})/([0-9]{1,9})")
_TOO_MANY, _INTERNAL, _OK = 429, 500, 200


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One line that came back: an answer, or why there is none.

    Parameters
    ----------
    line : int
        Its number in the file, from 1.
    number : int
        Which call for the record this was, from 1.
    """

    line: int
    run: int
    kind: str
    key: str
    number: int
    completion: Completion | None = None
    error: CallError | None = None


def request_line(
    run: int, call: Call, model: str, token_limit: str = MAX_TOKENS, *, messages: Sequence[Message] | None = None
) -> str:
    """Return the line that asks ``call``; its number is one more than the calls sent before.

    ``messages`` are the call's with the files they show in them; without, they stand as they are.
    """
    body: dict[str, Any] = {"model": model, "messages": list(call.messages if messages is None else messages)}
    body |= sent_settings(call.generation, token_limit)
    if call.response_format is not None:
        body["response_format"] = call.response_format
    custom_id = f"run-{run}/{call.kind}/{call.key}/{call.attempts + 1}"
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}, ensure_ascii=False)


def in_files(lines: Iterable[str], *, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES) -> Iterator[list[str]]:
    """Yield ``lines`` in parts that one file may hold."""
    part: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode()) + 1
        if part and (len(part) >= most_lines or size + length > most_bytes):
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


def read_replies(lines: Iterable[str], source: str) -> Iterator[Reply | FormatError]:
    """Yield each line's reply, or what is wrong with the line; blank lines are passed over."""
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            yield FormatError("It is not JSON.", source=source, line=number)
            continue
        found = _checked(data, source, number)
        if isinstance(found, FormatError):
            yield found
            continue
        try:
            yield _reply(data, found, number)
        except (ValueError, TypeError, AttributeError, KeyError):
            yield FormatError("It is no chat completion.", source=source, line=number, field="response.body")


def _checked(data: Any, source: str, line: int) -> re.Match[str] | FormatError:
    """Return the parts of the custom_id of ``data``, or why it is no line of a reply file, and in which key."""

    def bad(field: str | None, message: str) -> FormatError:
        return FormatError(message, source=source, line=line, field=field)

    if not isinstance(data, dict):
        return bad(None, "It is no reply: a JSON object is expected.")
    if "custom_id" not in data:
        return bad("custom_id", "It is missing; it names the record that the reply is for.")
    found = _CUSTOM_ID.fullmatch(str(data["custom_id"]))
    if found is None:
        return bad("custom_id", f"{str(data['custom_id'])[:80]!r} was not made here.")
    response = data.get("response")
    if response is None:
        return found
    if not isinstance(response, dict):
        return bad("response", "A JSON object is expected, or null.")
    status = response.get("status_code")
    if status is None and not data.get("error"):
        return bad("response.status_code", "It is missing, and there is no error either.")
    if status is not None and type(status) is not int:
        return bad("response.status_code", "A whole number is expected.")
    return found


def _reply(data: dict[str, Any], found: re.Match[str], line: int) -> Reply:
    place: dict[str, Any] = {
        "line": line, "run": int(found[1]), "kind": found[2], "key": found[3], "number": int(found[4]),
    }
    response = data.get("response")
    if response is not None and response.get("status_code") == _OK:
        try:
            return Reply(**place, completion=completion_of(response.get("body")))
        except CallError as error:
            return Reply(**place, error=error)
    return Reply(**place, error=_error(data.get("error"), response))


def _error(error: Any, response: Any) -> CallError:
    body = (response or {}).get("body") or {}
    said = error or (body.get("error") if isinstance(body, dict) else body) or {}
    said = said if isinstance(said, dict) else {"message": str(said)}
    status = (response or {}).get("status_code")
    codes = {str(said.get(name) or "").lower() for name in ("code", "type")}
    message = str(said.get("message") or said.get("code") or "no reply")[:300]
    if codes & POLICY_CODES:
        return RefusedByProviderError(message, http_status=status)
    if status == _TOO_MANY:
        return RateLimitedError(message, http_status=status)
    if status is None or status >= _INTERNAL:  # the batch ended before the line's turn, or the server failed
        return ServerError(message, http_status=status)
    return ClientRequestError(message, http_status=status)
