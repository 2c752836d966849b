"""What an endpoint's error says: by its status, or, in a reply that calls itself good, by its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bench.exceptions import (
    CallError,
    ClientRequestError,
    KeyRefusedError,
    QuotaSpentError,
    RateLimitedError,
    RefusedByProviderError,
    ServerError,
)

POLICY_CODES: Final = frozenset(
    {"content_policy_violation", "content_filter", "moderation_blocked", "responsibleaipolicyviolation"}
)
_QUOTA_CODES: Final = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance", "insufficient_credits"}
)
_STATUS_OF_CODE: Final = {
    "rate_limit_exceeded": 429, "rate_limit_error": 429, "rate_limited": 429, "too_many_requests": 429,
    "resource_exhausted": 429, "invalid_api_key": 401, "authentication_error": 401, "unauthenticated": 401,
    "permission_denied": 403, "permission_error": 403, "invalid_request_error": 400, "invalid_argument": 400,
    "model_not_found": 404, "not_found_error": 404, "context_length_exceeded": 400,
}
_UNAUTHORIZED, _NO_MONEY, _FORBIDDEN, _REQUEST_TIMEOUT, _CONFLICT, _TOO_MANY, _INTERNAL = 401, 402, 403, 408, 409, 429, 500
_LONGEST_MESSAGE: Final = 300


def error_of(
    status: int, codes: frozenset[str], message: str, *, http_status: int, retry_after: float | None = None,
    is_flagged: bool = False,
) -> CallError:
    """Return what an error means.

    Parameters
    ----------
    status : int
        What the error is by HTTP's numbers; ``http_status`` is what the reply said.
    codes : frozenset of str
        The error's own ``code`` and ``type``, in lower case.
    is_flagged : bool
        The error names input that a moderation flagged.
    """
    if codes & POLICY_CODES or (is_flagged and status == _FORBIDDEN):
        return RefusedByProviderError(message, http_status=http_status)
    if status == _NO_MONEY or codes & _QUOTA_CODES:
        return QuotaSpentError(message, http_status=http_status)
    if status == _TOO_MANY:
        return RateLimitedError(message, http_status=http_status, retry_after=retry_after)
    if status >= _INTERNAL or status in (_REQUEST_TIMEOUT, _CONFLICT):
        return ServerError(message, http_status=http_status, retry_after=retry_after)
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        return KeyRefusedError(message, http_status=status)
    return ClientRequestError(message, http_status=http_status)


def error_in(reply: Any) -> CallError | None:
    """Return the error that a reply with status 200 holds in place of an answer; None where it holds none."""
    if not isinstance(reply, Mapping):
        return None
    error = reply if reply.get("object") == "error" else reply.get("error")
    if not error:
        return None
    if not isinstance(error, Mapping):
        error = {"message": str(error)}
    codes = codes_of(error)
    status = next((_STATUS_OF_CODE[code] for code in sorted(codes) if code in _STATUS_OF_CODE), 0) or next(
        (int(code) for code in sorted(codes) if code.isascii() and code.isdecimal() and 400 <= int(code[:6]) < 600),
        _INTERNAL,
    )
    said = shortened(error.get("message") or error.get("code") or error)
    return error_of(status, codes, f"{said} (in a reply with status 200)", http_status=200, is_flagged=is_flagged(error))


def codes_of(error: Mapping[str, Any]) -> frozenset[str]:
    """Return the ``code``, ``type`` and ``status`` that an error object gives, in lower case."""
    return frozenset(str(error.get(name) or "").lower() for name in ("code", "type", "status")) - {""}


def is_flagged(error: Any) -> bool:
    """Return whether an error object names input that a moderation flagged, as OpenRouter's 403 does."""
    metadata = error.get("metadata") if isinstance(error, Mapping) else None
    return isinstance(metadata, Mapping) and bool(metadata.get("flagged_input") or metadata.get("reasons"))


def shortened(said: object) -> str:
    """Return ``said`` in one line that is not too long."""
    text = " ".join(str(said).split()) or type(said).__name__
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
