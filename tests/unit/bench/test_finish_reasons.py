"""One word for each reason an answer ended, whatever the provider calls it."""

from __future__ import annotations

import pytest

from bench.providers.finish_reasons import reason_word


@pytest.mark.parametrize(
    ("said", "word"),
    [
        *[(said, "length") for said in ("length", "max_tokens", "MAX_TOKENS", "model_length", "FINISH_REASON_MAX_TOKENS")],
        *[
            (said, "content_filter")
            for said in ("content_filter", "content_filtered", "SAFETY", "FinishReason.SAFETY", "content-filter",
                         "RECITATION", "PROHIBITED_CONTENT", "guardrail_intervened", "refusal")
        ],
        *[(said, "error") for said in ("error", "Error", "OTHER", "insufficient_system_resource", "cancelled")],
        *[(said, said) for said in ("stop", "STOP", "end_turn", "", "eos", "tool_calls", "something new")],
    ],
)
def test_what_providers_call_it_becomes_one_word(said, word):
    assert reason_word(said) == word
