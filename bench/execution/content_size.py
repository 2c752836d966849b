"""How many tokens the content of a message can come to, its files included."""

from __future__ import annotations

from typing import Any, Final

#: The most tokens an image counts as with the providers known here (48,169 with gpt-4o-mini at eight tiles, 16,384
#: with Qwen's models, 4,784 with Claude's, 258 a tile with Gemini's); what is set aside under a budget.
MOST_IMAGE_TOKENS: Final = 50_000
#: Speech counts as 10 to 32 tokens a second and videos as up to 300; a second is rarely under 4,000 or 10,000 bytes.
_BYTES_PER_TOKEN: Final = {"audio": 100, "video": 30}


def most_tokens(content: Any) -> int:
    """Return an upper bound of the tokens of a message's content: no token of a text is shorter than a byte.

    Examples
    --------
    >>> most_tokens("ab"), most_tokens([{"type": "text", "text": "ab"}])
    (2, 2)
    """
    if isinstance(content, str):
        return len(content.encode())
    total = 0
    for part in content:
        if part.get("type") != "media":
            total += len(str(part.get("text", "")).encode())
            continue
        kind = str(part.get("media_type", "")).partition("/")[0]
        each = _BYTES_PER_TOKEN.get(kind)
        total += MOST_IMAGE_TOKENS if each is None else int(part.get("size") or 0) // each + 1000
    return total
