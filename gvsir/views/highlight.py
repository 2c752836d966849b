"""Mark what a search found, in text that is escaped first and last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gvsir.search import query_tokens, tokens

_WORD: Final = re.compile(r"\w+")
_BEFORE: Final = 60


def hits(text: str, asked: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) code points of ``text`` that answer a token asked for, in order, apart.

    A word answers with its stem; in a run without spaces (Chinese) the asked characters do.
    """
    reached = 0
    for match in _WORD.finditer(text):
        if asked.isdisjoint(tokens(match[0])):
            continue
        pieces = [match.span()]
        if not match[0].isascii():
            inner = [
                found.span() for token in asked if not token.isascii() for found in re.finditer(re.escape(token), match[0])
            ]
            pieces = sorted((match.start() + start, match.start() + end) for start, end in inner) or pieces
        for start, end in pieces:
            if end > reached:
                yield max(start, reached), end
                reached = end


def marked(text: str, asked: frozenset[str]) -> SafeString:
    """Return ``text`` escaped, with ``<mark>`` around what was asked for."""
    parts: list[tuple[str, SafeString]] = []
    reached = 0
    for start, end in hits(text, asked):
        parts.append((text[reached:start], format_html("<mark>{}</mark>", text[start:end])))
        reached = end
    return format_html("{}{}", format_html_join("", "{}{}", parts), text[reached:])


def snippet(text: str, asked: frozenset[str], *, most: int = 280) -> SafeString:
    """Return about ``most`` characters of ``text``, where the first hit is, escaped and marked."""
    first = next(hits(text, asked), (0, 0))[0]
    start = 0
    if first > most * 3 // 4:
        start = text.find(" ", first - _BEFORE) + 1 or first - _BEFORE
    end = len(text)
    if end - start > most:
        end = max(text.rfind(" ", start, start + most), start + most // 2)
    return format_html(
        "{}{}{}", "… " if start else "", marked(text[start:end], asked), " …" if end < len(text) else ""
    )


def asked_for(query: str) -> frozenset[str]:
    """Return the tokens of a search, as :func:`marked` and :func:`snippet` take them."""
    return frozenset(query_tokens(query))
