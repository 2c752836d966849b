"""An image is what its bytes say from the first to the last, or it is refused."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from bench.exceptions import BadMediaError
from bench.files.images import ImageFacts, read_image
from tests.fake_media import png

# Made with Pillow from a picture of 37 × 21 and 5 × 7 pixels.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgy"
    "PC4zNDL/wAALCAAHAAUBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEG"
    "E1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJ"
    "ipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APn+v//Z"
)
GIF = b"GIF89a\x05\0\x07\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x05\0\x07\0\0\x02\x06\x84\x8f\xa9\xcb\xed\x5d\0;"


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height, packed, *, extra=b"", colour=2, depth=8, interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def webp(kind, body):
    body += b"\0" * (len(body) % 2)
    inside = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


VP8L = webp(b"VP8L", b"\x2f" + struct.pack("<I", 36 | 20 << 14) + b"\0" * 5)
VP8 = webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 37, 21 | 1 << 14))


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (png("x", width=37, height=21), ImageFacts("image/png", 37, 21)),
        (JPEG, ImageFacts("image/jpeg", 5, 7)),
        (GIF, ImageFacts("image/gif", 5, 7)),
        (VP8L, ImageFacts("image/webp", 37, 21)),
        (VP8, ImageFacts("image/webp", 37, 21)),
    ],
    ids=["png", "jpeg", "gif", "webp lossless", "webp"],
)
def test_kind_and_size_are_read_from_the_content(data, facts):
    assert read_image(data) == facts


@pytest.mark.parametrize("data", [png("x"), JPEG, GIF, VP8L], ids=["png", "jpeg", "gif", "webp"])
def test_what_is_cut_off_or_followed_by_something_else_is_refused_at_every_length(data):
    for end in range(len(data)):
        with pytest.raises(BadMediaError):
            read_image(data[:end])
    for tail in (b"<html><script>alert(1)</script>", b"PK\x03\x04", b"\0"):
        with pytest.raises(BadMediaError):
            read_image(data + tail)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><img src=x onerror=alert(1)>", b"GIF89a<script>alert(1)</script>", b"BM" + b"\0" * 60,
        b"%PDF-1.7", b"\x89PNG\r\n\x1a\n<script>", b"RIFF\x08\0\0\0WEBP<script>", b"\xff\xd8\xff<script>alert(1)",
        b"II*\0" + b"\0" * 20,
    ],
)
def test_what_is_no_image_by_its_content_is_refused(data):
    with pytest.raises(BadMediaError):
        read_image(data)


def test_an_image_that_unpacks_to_more_than_its_size_is_a_bomb():
    packed = zlib.compress(b"\0" * 50_000_000)
    assert len(packed) < 100_000
    with pytest.raises(BadMediaError, match="bomb"):
        read_image(png_of(10, 10, packed))


@pytest.mark.parametrize(("width", "height"), [(10_001, 1), (1, 10_001), (9_000, 9_000), (0, 5), (2**31 - 1, 2**31 - 1)])
def test_sides_and_pixels_have_limits_before_anything_is_unpacked(width, height):
    with pytest.raises(BadMediaError, match="pixels"):
        read_image(png_of(width, height, zlib.compress(b"\0")))


def test_fewer_pixels_than_promised_and_broken_sums_are_refused():
    with pytest.raises(BadMediaError, match="cut off"):
        read_image(png_of(10, 10, zlib.compress(b"\0" * 20)))
    good = bytearray(png("x"))
    good[40] ^= 1
    with pytest.raises(BadMediaError, match="damaged"):
        read_image(bytes(good))


def test_a_png_stuffed_with_something_else_is_refused():
    raw = zlib.compress(b"\0" * (1 + 3) * 1)
    assert read_image(png_of(1, 1, raw, extra=chunk(b"tEXt", b"a\0" + b"x" * 100))).width == 1
    with pytest.raises(BadMediaError, match="more than an image"):
        read_image(png_of(1, 1, raw, extra=chunk(b"teXt", b"x" * 4_000_001)))


def test_a_gif_of_endless_frames_is_refused():
    frame = GIF[GIF.index(b","):-1]
    with pytest.raises(BadMediaError, match="frames"):
        read_image(GIF[:-1] + frame * 300 + b";")
