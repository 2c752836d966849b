"""Read the kind and size of an image from its bytes, all of them: no name and no content type is believed.

PNG, JPEG, WebP and GIF are walked from the first byte to the last, so that a file that is also something else, is
cut off, or unpacks to far more than it says, is refused. Nothing is decoded; memory stays flat.

References
----------
PNG: ISO/IEC 15948; JPEG: ITU-T T.81, annex B; GIF89a; WebP container: RFC 9649.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.exceptions import BadMediaError

#: Longest side, and most pixels: what a reader must set aside to show it (4 bytes each).
MOST_SIDE: Final = 10_000
MOST_PIXELS: Final = 40_000_000
MOST_FRAMES: Final = 300
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_STEP: Final = 65_536
_MOST_ANCILLARY: Final = 4_000_000
_CUT_OFF: Final = {
    "image/png": "The PNG image is cut off.", "image/jpeg": "The JPEG image is cut off.",
    "image/gif": "The GIF image is cut off.", "image/webp": "The WebP image is cut off.",
}


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image is by its content."""

    media_type: str
    width: int
    height: int


def read_image(data: bytes) -> ImageFacts:
    r"""Return kind, width and height of the image ``data``.

    Raises
    ------
    BadMediaError
        It is none of the four kinds, cut off, followed by something else, or too large when unpacked.

    Examples
    --------
    >>> read_image(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    Traceback (most recent call last):
    bench.exceptions.BadMediaError: By its content it is no PNG, JPEG, WebP or GIF image.
    """
    if not data:
        raise BadMediaError("The file is empty.")
    for is_it, kind, walk in _KINDS:
        if is_it(data):
            try:
                width, height = walk(data)
            except (IndexError, struct.error) as error:
                raise BadMediaError(_CUT_OFF[kind]) from error
            _check_size(width, height)
            return ImageFacts(kind, width, height)
    raise BadMediaError("By its content it is no PNG, JPEG, WebP or GIF image.")


def _check_size(width: int, height: int) -> None:
    if not 0 < width <= MOST_SIDE or not 0 < height <= MOST_SIDE or width * height > MOST_PIXELS:
        raise BadMediaError(
            f"The image is {width} × {height} pixels; at most {MOST_SIDE} a side and {MOST_PIXELS // 1_000_000} million "
            "in all are taken."
        )


def _require(is_so: bool, problem: str) -> None:
    if not is_so:
        raise BadMediaError(problem)


# ------------------------------------------------------------------------------------------------ PNG


def _png(data: bytes) -> tuple[int, int]:
    width, height, depth, colour, _compression, _filter, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    _require(data[12:16] == b"IHDR" and data[8:12] == b"\0\0\0\r", "The PNG image has no header.")
    _require(depth in _DEPTHS.get(colour, ()) and interlace in (0, 1), "The header of the PNG image is wrong.")
    _check_size(width, height)
    raw = height * (1 + (width * _CHANNELS[colour] * depth + 7) // 8)
    inflating, unpacked = zlib.decompressobj(), 0
    position = len(_PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        _require(end <= len(data), "The PNG image is cut off.")
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        _require(zlib.crc32(data[position + 4 : end - 4]) == checksum, "A part of the PNG image is damaged.")
        if kind == b"IDAT":
            # Interlaced, each of up to seven passes has rows of its own, at most doubling their bytes.
            unpacked += _inflated(inflating, data[position + 8 : end - 4], 2 * raw + 64 if interlace else raw, unpacked)
        elif kind == b"IEND":
            break
        else:
            _require(length <= _MOST_ANCILLARY, "The PNG image holds more than an image.")
        position = end
    _require(unpacked >= raw, "The PNG image is cut off.")
    _require(end == len(data), "Something follows the end of the PNG image.")
    return width, height


def _inflated(inflating: zlib._Decompress, packed: bytes, most: int, before: int) -> int:
    """Return how many bytes ``packed`` unpacks to, without ever holding more than a step of them."""
    found = 0
    try:
        while packed and not inflating.eof:
            found += len(inflating.decompress(packed, _STEP))
            _require(before + found <= most, "The PNG image unpacks to more than its size; it may be a bomb.")
            packed = inflating.unconsumed_tail
    except zlib.error as error:
        raise BadMediaError("The pixels of the PNG image are damaged.") from error
    return found


# ----------------------------------------------------------------------------------------------- JPEG


def _jpeg(data: bytes) -> tuple[int, int]:
    position, size, has_scan = 2, (0, 0), False
    while True:
        _require(data[position] == 0xFF, "The JPEG image is damaged.")
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        position += 1
        if marker == 0xD9:
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        _require(length >= 2 and position + length <= len(data), "The JPEG image is cut off.")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = (width, height)
            _check_size(*size)
        position += length
        if marker == 0xDA:
            _require(size != (0, 0), "The JPEG image has no size.")
            has_scan, position = True, _after_scan(data, position)
    _require(has_scan, "The JPEG image holds no picture.")
    _require(position == len(data), "Something follows the end of the JPEG image.")
    return size


def _after_scan(data: bytes, position: int) -> int:
    """Return where the entropy-coded data ends: at the next marker that is neither stuffing nor a restart."""
    while True:
        position = data.find(b"\xff", position)
        _require(0 <= position < len(data) - 1, "The JPEG image is cut off.")
        following = data[position + 1]
        if following != 0 and not 0xD0 <= following <= 0xD7 and following != 0xFF:
            return position
        position += 1 if following == 0xFF else 2


# ------------------------------------------------------------------------------------------------ GIF


def _gif(data: bytes) -> tuple[int, int]:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    _check_size(width, height)
    position, frames = 13 + _table(flags), 0
    while True:
        block = data[position]
        if block == 0x3B:
            break
        if block == 0x21:
            position = _after_blocks(data, position + 2)
        elif block == 0x2C:
            left, top, across, down, local = struct.unpack_from("<HHHHB", data, position + 1)
            _require(left + across <= width and top + down <= height, "A frame of the GIF image lies outside it.")
            frames += 1
            _require(frames <= MOST_FRAMES, f"The GIF image has more than {MOST_FRAMES} frames.")
            position = _after_blocks(data, position + 11 + _table(local))
        else:
            raise BadMediaError("The GIF image is damaged.")
    _require(frames > 0, "The GIF image holds no picture.")
    _require(position + 1 == len(data), "Something follows the end of the GIF image.")
    return width, height


def _table(flags: int) -> int:
    """Return the bytes of a colour table."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while size := data[position]:
        position += size + 1
    return position + 1


# ----------------------------------------------------------------------------------------------- WebP


def _webp(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 4)
    _require(length + 8 == len(data), "The WebP image is cut off, or something follows it.")
    position, canvas, picture, frames = 12, None, None, 0
    while position < len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        start = position + 8
        _require(start + size <= len(data), "The WebP image is cut off.")
        if kind == b"VP8X":
            canvas = (_three(data, start + 4) + 1, _three(data, start + 7) + 1)
        elif kind in (b"VP8 ", b"VP8L"):
            picture = picture or _webp_picture(kind, data, start)
        elif kind == b"ANMF":
            frames += 1
            _require(frames <= MOST_FRAMES, f"The WebP image has more than {MOST_FRAMES} frames.")
            picture = picture or (_three(data, start + 6) + 1, _three(data, start + 9) + 1)
        position = start + size + size % 2
    _require(picture is not None, "The WebP image holds no picture.")
    _check_size(*(picture or (0, 0)))
    return canvas or picture or (0, 0)


def _three(data: bytes, position: int) -> int:
    return data[position] | data[position + 1] << 8 | data[position + 2] << 16


def _webp_picture(kind: bytes, data: bytes, start: int) -> tuple[int, int]:
    if kind == b"VP8 ":
        _require(data[start + 3 : start + 6] == b"\x9d\x01\x2a", "The WebP image is damaged.")
        width, height = struct.unpack_from("<HH", data, start + 6)
        return width & 0x3FFF, height & 0x3FFF
    _require(data[start] == 0x2F, "The WebP image is damaged.")
    (bits,) = struct.unpack_from("<I", data, start + 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


_KINDS: Final[tuple[tuple[Callable[[bytes], bool], str, Callable[[bytes], tuple[int, int]]], ...]] = (
    (lambda data: data.startswith(_PNG), "image/png", _png),
    (lambda data: data.startswith(b"\xff\xd8\xff"), "image/jpeg", _jpeg),
    (lambda data: data[:6] in (b"GIF87a", b"GIF89a"), "image/gif", _gif),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", "image/webp", _webp),
)
