"""Any OpenAI-compatible chat endpoint, hosted or local, through the ``openai`` client.

The untyped ``post`` over aiohttp is about 2.5 times as fast as ``chat.completions.create``; what it does not
check (a 200 whose body is no chat completion) is checked here. Retries are the engine's, so that each is counted.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from bench.exceptions import (
    BrokenOffError,
    CallError,
    CallTimeoutError,
    ClientRequestError,
    DroppedConnectionError,
    MalformedReplyError,
    MissingKeyError,
    SchemaRefusedError,
)
from bench.providers.base import Completion
from bench.providers.copied_requests import copying_client
from bench.providers.error_replies import codes_of, error_in, error_of, is_flagged, shortened
from bench.providers.finish_reasons import ERROR, reason_word
from bench.providers.http_client import http_client
from bench.specs import GenerationConfig, Message

DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY"
MAX_TOKENS = "max_tokens"
_SHORTEST_SECRET = 8
#: What the client would tell of this machine with every call; leaving it out saves a tenth of its time.
PLATFORM_HEADERS = tuple(
    f"X-Stainless-{name}" for name in ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
)


class SchemaMemory:
    """Whether an endpoint can be held to a JSON Schema, as far as its answers have shown.

    One refusal that speaks of the schema settles it; others, which may be about the question, do so after three
    in a row without a single answer that was held to one.
    """

    MOST_SILENT_REFUSALS = 3
    _SPEAKS_OF_IT = re.compile(r"response[_ ]?format|json[_ ]?schema|structured|extra (?:fields|inputs)", re.IGNORECASE)
    _STATUSES = frozenset({400, 404, 415, 422})

    def __init__(self) -> None:
        self._works: bool | None = None
        self._silent_refusals = 0

    @property
    def are_worth_trying(self) -> bool:
        """Whether the next request may carry a schema."""
        return self._works is not False

    def accepted(self) -> None:
        """Note an answer to a request that carried a schema."""
        self._works = True

    def refused(self, failure: CallError) -> bool:
        """Note a 4xx to such a request; return whether the same request is worth sending without a schema."""
        if failure.http_status not in self._STATUSES:
            return False
        if self._SPEAKS_OF_IT.search(str(failure)):
            self._works = False
            return True
        if self._works:
            return False
        self._silent_refusals += 1
        if self._silent_refusals >= self.MOST_SILENT_REFUSALS:
            self._works = False
        return True


class OpenAICompatibleClient:
    """One model at one base URL.

    Parameters
    ----------
    base_url, model : str
        Where, and the name the server knows.
    key_variable : str
        The environment variable that holds the key; the key is read here and kept nowhere else.
        Without a value no ``Authorization`` header is sent, as local servers want it.
    connections : int
        Most connections at once.
    timeout : float
        Seconds to wait for an answer.
    token_limit : str
        What the server calls the most tokens of an answer: max_tokens, or max_completion_tokens.

    Raises
    ------
    MissingKeyError
        A variable other than the default one was named, and it is not set.
    """

    is_remote = True

    def __init__(
        self, *, base_url: str, model: str, key_variable: str = "", connections: int = 100, timeout: float = 60.0,
        token_limit: str = MAX_TOKENS,
    ) -> None:
        import openai

        self.model, self._token_limit = model, token_limit
        key = read_key(key_variable, model)
        self._options: Any = {} if key else {"headers": {"Authorization": openai.omit}}
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._settings: tuple[GenerationConfig, dict[str, Any]] | None = None
        self._schemas = SchemaMemory()
        self._client = copying_client(
            base_url=base_url,
            api_key=key or "none",
            max_retries=0,
            timeout=timeout,
            default_headers=dict.fromkeys(PLATFORM_HEADERS, openai.omit),
            http_client=http_client(connections),
        )

    async def complete(
        self, messages: Sequence[Message], generation: GenerationConfig, epoch: int, *,
        response_format: dict[str, Any] | None = None,
    ) -> Completion:
        """Return the answer to ``messages``; ``epoch`` only tells repetitions apart and is not sent.

        A schema that the endpoint answered with 400 before is not sent to it again.
        """
        import httpx2
        import openai

        if self._settings is None or self._settings[0] is not generation:
            self._settings = (generation, sent_settings(generation, self._token_limit))
        body = {"model": self.model, "messages": messages, **self._settings[1]}
        is_held = response_format is not None and self._schemas.are_worth_trying
        if is_held:
            body["response_format"] = response_format
        try:
            response = await self._client.post(self._url, body=body, cast_to=httpx2.Response, options=self._options)
            reply = json.loads(response.content)
        except openai.APIStatusError as error:
            failure = _status_error(error)
            if is_held and isinstance(failure, ClientRequestError) and self._schemas.refused(failure):
                raise SchemaRefusedError(str(failure), http_status=failure.http_status) from error
            raise failure from error
        except openai.APITimeoutError as error:
            raise _timeout_or_drop(error) from error
        except openai.APIConnectionError as error:
            raise DroppedConnectionError(shortened(error.__cause__ or error)) from error
        except (json.JSONDecodeError, UnicodeDecodeError, openai.APIResponseValidationError) as error:
            raise MalformedReplyError("The reply is not JSON.") from error
        if is_held:
            self._schemas.accepted()
        return completion_of(reply)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()


def sent_settings(generation: GenerationConfig, token_limit: str) -> dict[str, Any]:
    """Return the settings as a server reads them that calls the most tokens of an answer ``token_limit``."""
    settings = generation.as_json()
    return {token_limit if name == MAX_TOKENS else name: value for name, value in settings.items()}


def read_key(key_variable: str, model: str) -> str:
    """Return the key for ``model``, "" where the default variable is not set.

    Raises
    ------
    MissingKeyError
        Another variable was named, and it is not set.
    """
    key = os.environ.get(key_variable or DEFAULT_KEY_VARIABLE, "")
    if not key and key_variable and key_variable != DEFAULT_KEY_VARIABLE:
        raise MissingKeyError(f"The environment variable {key_variable}, named for {model}, is not set.")
    return key


def completion_of(reply: Any) -> Completion:
    """Return the first choice of a chat completion as JSON data.

    Raises
    ------
    MalformedReplyError
        It is not the shape of a chat completion.
    BrokenOffError
        The provider says that it broke the answer off.
    CallError
        It holds an error in place of an answer.
    """
    try:
        choice = reply["choices"][0]
        message = choice["message"]
        content, refusal = message.get("content"), message.get("refusal")
        finish_reason = choice.get("finish_reason") or ""
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise error_in(reply) or MalformedReplyError("The reply is JSON, but no chat completion.") from error
    if reason_word(str(finish_reason)) == ERROR:
        said = error_in(choice) or error_in(reply) or f"Its finish_reason is {str(finish_reason)[:40]!r}."
        raise BrokenOffError(f"The provider broke the answer off: {said}")
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    text = content if content else refusal
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise MalformedReplyError("The reply's content is not text.")
    usage = reply.get("usage") or {}
    return Completion(
        text=storable(text),
        finish_reason=str(finish_reason)[:40],
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        refused=bool(refusal) and not content,
    )


def storable(text: str) -> str:
    """Return ``text`` without what a database refuses: NUL characters and halves of surrogate pairs."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text


#: What no call can have: a reply that claims more has not counted.
_MOST_TOKENS = 20_000_000


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else None


def as_call_error(error: BaseException) -> CallError:
    """Return what a failure of the ``openai`` client means for a call."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_error(error)
    if isinstance(error, openai.APITimeoutError):
        return _timeout_or_drop(error)
    return DroppedConnectionError(shortened(error.__cause__ or error))


def _status_error(error: Any) -> CallError:
    status, body = int(error.status_code), error.body
    codes = frozenset(str(getattr(error, name, "") or "").lower() for name in ("code", "type"))
    if isinstance(body, dict):
        codes |= codes_of(body)
    return error_of(
        status, codes, _without_key(shortened(error), error), http_status=status,
        retry_after=retry_after_of(error.response.headers), is_flagged=is_flagged(body),
    )


def _without_key(message: str, error: Any) -> str:
    """Return ``message`` without the key of the request it is about, should the server have repeated it."""
    key = str(error.response.request.headers.get("authorization", "")).rpartition(" ")[2]
    return message.replace(key, "…") if len(key) >= _SHORTEST_SECRET else message


def _timeout_or_drop(error: BaseException) -> CallError:
    """Tell a lost connection from a slow answer: the transport reports "server disconnected" as a timeout."""
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    if isinstance(root, TimeoutError) or root is error:
        return CallTimeoutError("No answer in time.")
    return DroppedConnectionError(shortened(root))


def retry_after_of(headers: Any) -> float | None:
    """Return the seconds a server asks to wait, from ``Retry-After-Ms`` or ``Retry-After``; None if it doesn't.

    ``Retry-After`` is a number of seconds or an HTTP date (RFC 9110, section 10.2.3).

    Examples
    --------
    >>> retry_after_of({"retry-after": "1.5"})
    1.5
    >>> retry_after_of({"retry-after": "soon"}) is None
    True
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        seconds: float | None
        try:
            seconds = float(value) * scale
        except ValueError:
            seconds = _seconds_until(value)
        if seconds is not None and 0 <= seconds < float("inf"):
            return seconds
    return None


def _seconds_until(http_date: str) -> float | None:
    import email.utils
    from datetime import UTC, datetime

    try:
        moment = email.utils.parsedate_to_datetime(http_date)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
