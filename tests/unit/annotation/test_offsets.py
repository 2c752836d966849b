"""Offsets: code points, UTF-16 units and UTF-8 bytes name the same places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.exceptions import OffsetError
from annotation.offsets import (
    codepoint_to_utf8,
    codepoint_to_utf16,
    utf8_to_codepoint,
    utf16_to_codepoint,
)

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"  # ZWJ family: 3 astral characters, 2 joiners
YOSHI = "\U00020bb7野家"  # U+20BB7, outside the basic plane
COMBINED = "e\u0301a"  # e with a combining acute


@pytest.mark.parametrize(
    ("text", "codepoint", "unit", "byte"),
    [
        ("a😀b", 1, 1, 1),
        ("a😀b", 2, 3, 5),
        (f"{FAMILY}x", 5, 8, 18),
        (YOSHI, 1, 2, 4),
        (YOSHI, 3, 4, 10),
        (COMBINED, 2, 2, 3),
        ("客服机器人 lied", 6, 6, 16),
        ("", 0, 0, 0),
    ],
)
def test_places_agree_in_all_three_units(text, codepoint, unit, byte):
    assert codepoint_to_utf16(text, codepoint) == unit
    assert utf16_to_codepoint(text, unit) == codepoint
    assert codepoint_to_utf8(text, codepoint) == byte
    assert utf8_to_codepoint(text, byte) == codepoint


def test_offset_inside_a_surrogate_pair_is_refused():
    with pytest.raises(OffsetError, match="inside the character at UTF-16 unit 1"):
        utf16_to_codepoint("a😀b", 2)


def test_offset_inside_a_multibyte_character_is_refused():
    with pytest.raises(OffsetError, match="inside the character at UTF-8 byte 0"):
        utf8_to_codepoint("中", 1)


@pytest.mark.parametrize("convert", [codepoint_to_utf16, utf16_to_codepoint, codepoint_to_utf8, utf8_to_codepoint])
@pytest.mark.parametrize("offset", [-1, 99])
def test_offset_outside_the_text_is_refused(convert, offset):
    with pytest.raises(OffsetError, match="outside the text"):
        convert("a😀b", offset)


@given(st.text(), st.data())
def test_round_trip_is_identical(text, data):
    codepoint = data.draw(st.integers(0, len(text)))
    assert text.encode("utf-16-le", "surrogatepass")[: 2 * codepoint_to_utf16(text, codepoint)].decode(
        "utf-16-le", "surrogatepass"
    ) == text[:codepoint]
    assert utf16_to_codepoint(text, codepoint_to_utf16(text, codepoint)) == codepoint
    assert utf8_to_codepoint(text, codepoint_to_utf8(text, codepoint)) == codepoint
