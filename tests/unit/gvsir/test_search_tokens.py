"""What the search index is fed, and what it is asked."""

from __future__ import annotations

import pytest

from gvsir.search import MOST_QUERY_TOKENS, query_tokens, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hallucinated citations", ["hallucin", "citat"]),
        ("\uff23\uff48\uff41\uff54\uff27\uff30\uff34 Café", ["chatgpt", "cafe"]),
        ("歧视", ["歧", "视", "歧视"]),
        ("GPT-4的幻觉", ["gpt", "4", "的", "幻", "觉", "的幻", "幻觉"]),
        ("😀 — * \"' ()", []),
    ],
)
def test_tokens_of_a_text(text, expected):
    assert tokens(text) == expected


def test_question_uses_pairs_of_characters_only():
    assert tokens("人脸识别", query=True) == ["人脸", "脸识", "识别"]
    assert tokens("人", query=True) == ["人"]


def test_long_question_is_cut():
    assert len(query_tokens(" ".join(f"w{n}" for n in range(10_000)))) == MOST_QUERY_TOKENS
