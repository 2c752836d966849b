"""Offsets in text: code points (ours), UTF-16 units (JavaScript, UIMA), UTF-8 bytes (Taguette).

The database and every export of this project count Unicode code points, first is 0, end exclusive,
as Python slices do. Other units are converted here, at the border, and nowhere else. An offset that
falls inside a character (between two surrogates, between two bytes) is refused, never rounded.
"""

from __future__ import annotations

from annotation.exceptions import OffsetError

_FIRST_ASTRAL = 0x10000


def codepoint_to_utf16(text: str, codepoint: int) -> int:
    """Return how many UTF-16 units stand before code point ``codepoint`` of ``text``.

    Raises
    ------
    OffsetError
        ``codepoint`` is negative or past the end.

    Examples
    --------
    >>> codepoint_to_utf16("a😀b", 2)
    3
    """
    _check(codepoint, len(text), "code point")
    return codepoint + sum(ord(character) >= _FIRST_ASTRAL for character in text[:codepoint])


def utf16_to_codepoint(text: str, unit: int) -> int:
    """Return how many code points stand before UTF-16 unit ``unit`` of ``text``.

    Raises
    ------
    OffsetError
        ``unit`` is negative, past the end, or between the two halves of one character.

    Examples
    --------
    >>> utf16_to_codepoint("a😀b", 3)
    2
    """
    return _locate(text, unit, [2 if ord(character) >= _FIRST_ASTRAL else 1 for character in text], "UTF-16 unit")


def codepoint_to_utf8(text: str, codepoint: int) -> int:
    """Return how many UTF-8 bytes stand before code point ``codepoint`` of ``text``.

    Raises
    ------
    OffsetError
        ``codepoint`` is negative or past the end.

    Examples
    --------
    >>> codepoint_to_utf8("中a", 1)
    3
    """
    _check(codepoint, len(text), "code point")
    return len(text[:codepoint].encode())


def utf8_to_codepoint(text: str, byte: int) -> int:
    """Return how many code points stand before UTF-8 byte ``byte`` of ``text``.

    Raises
    ------
    OffsetError
        ``byte`` is negative, past the end, or inside a character.

    Examples
    --------
    >>> utf8_to_codepoint("中a", 3)
    1
    """
    return _locate(text, byte, [len(character.encode()) for character in text], "UTF-8 byte")


def _check(offset: int, length: int, unit: str) -> None:
    if not 0 <= offset <= length:
        raise OffsetError(f"The offset {offset} is outside the text of {length} {unit}s.")


def _locate(text: str, offset: int, widths: list[int], unit: str) -> int:
    total = sum(widths)
    _check(offset, total, unit)
    passed = 0
    for position, width in enumerate(widths):
        if passed == offset:
            return position
        passed += width
        if passed > offset:
            raise OffsetError(f"The offset {offset} falls inside the character at {unit} {passed - width}.")
    return len(text)
