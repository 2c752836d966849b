"""Sentences as they were stored, in the language of who reads them: whole ones, and ones with changing parts."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import get_language, gettext

#: Longer texts are somebody's words, not sentences of the software.
_LONGEST: Final = 2_000
_FIELD: Final = re.compile(r"\{(\w+)\}")
_patterns: dict[str, re.Pattern[str]] = {}


def register_sentences(*sentences: str) -> None:
    """Have ``sentences``, whose changing parts stand as ``{names}``, found again in stored texts."""
    for sentence in sentences:
        pieces = _FIELD.split(sentence)  # words and names by turns
        _patterns[sentence] = re.compile(
            "".join(f"(?P<{piece}>.+?)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces)), re.DOTALL
        )


def in_readers_language(text: str) -> str:
    """Return a sentence of the software in the language of who reads it; other texts as they are.

    Parts of a sentence are looked up as well, and so are the members of a list ("a; b") and what stands behind a
    name ("name: a").
    """
    if not text or (get_language() or "en").startswith("en"):
        return text
    whole = gettext(text)
    if whole != text or len(text) > _LONGEST:
        return whole
    for sentence, pattern in _patterns.items():
        found = pattern.fullmatch(text)
        if found is not None:
            return gettext(sentence).format(**{name: in_readers_language(part) for name, part in found.groupdict().items()})
    if "; " in text:
        members = text.split("; ")
        shown = [in_readers_language(member) for member in members]
        return "；".join(shown) if shown != members else text
    name, colon, rest = text.partition(": ")
    shown_rest = in_readers_language(rest) if colon else rest
    return f"{name}：{shown_rest}" if shown_rest != rest else text
