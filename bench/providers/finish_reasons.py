"""Why an answer ended, in one word for each reason, whatever the provider calls it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

LENGTH: Final = "length"
CONTENT_FILTER: Final = "content_filter"
ERROR: Final = "error"

#: OpenAI's word -> what Anthropic, Bedrock, Cohere, DeepSeek, Gemini, Mistral, OpenRouter, vLLM and others say for it.
_SAID: Final = {
    LENGTH: (
        "length", "length_limit", "max_tokens", "max_token", "max_output_tokens", "max_completion_tokens", "max_length",
        "token_limit", "model_length", "context_length", "model_context_window_exceeded", "context_window_exceeded",
    ),
    CONTENT_FILTER: (
        "content_filter", "content_filtered", "content_filtering", "contentfilter", "filtered", "safety",
        "image_safety", "recitation", "blocklist", "blocked", "prohibited_content", "image_prohibited_content", "spii",
        "guardrail_intervened", "guardrails", "moderation", "moderation_blocked", "error_toxic", "refusal", "sensitive",
    ),
    ERROR: (
        "error", "failed", "failure", "abort", "aborted", "cancelled", "canceled", "interrupted", "network_error",
        "server_error", "timeout", "other", "language", "malformed_function_call", "unexpected_tool_call",
        "insufficient_system_resource", "error_limit", "unknown_error",
    ),
}
_WORDS: Final = {said: word for word, all_said in _SAID.items() for said in all_said}


@lru_cache(maxsize=256)
def reason_word(finish_reason: str) -> str:
    """Return ``length``, ``content_filter`` or ``error`` for what means that; anything else as it is.

    Examples
    --------
    >>> [reason_word(said) for said in ("MAX_TOKENS", "FinishReason.SAFETY", "content-filtered", "stop", "")]
    ['length', 'content_filter', 'content_filter', 'stop', '']
    """
    said = finish_reason.rpartition(".")[2].strip().lower().replace("-", "_").replace(" ", "_")
    return _WORDS.get(said, _WORDS.get(said.removeprefix("finish_reason_"), finish_reason))
