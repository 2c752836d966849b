"""What a model may make besides text, and what a file is by its first bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.exceptions import BadMediaError
from bench.files.images import read_image

#: What a language model produces.
TEXT, IMAGE, SPEECH, VIDEO = OUTPUTS = ("text", "image", "speech", "video")
#: What a language model can be shown, in this order.
ACCEPTABLE: Final = ("text", "image", "audio", "video")
#: The most bytes of an attached image, and of what a model made, by kind.
MOST_ATTACHMENT: Final = 10_000_000
MOST_BYTES: Final[Mapping[str, int]] = {IMAGE: 20_000_000, SPEECH: 25_000_000, VIDEO: 64_000_000}
#: The most bytes that are sent inside a request; a request is a third longer.
MOST_INLINE: Final = 32_000_000
#: Media types that are ever stored or served, and the extension of a saved file.
EXTENSIONS: Final[Mapping[str, str]] = {
    "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif",
    "audio/mpeg": "mp3", "audio/wav": "wav", "audio/flac": "flac", "audio/ogg": "ogg", "audio/aac": "aac",
    "video/mp4": "mp4", "video/webm": "webm",
}
SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaFile:
    """A file by its content: what is in the key of an answer or a verdict, never the bytes."""

    sha256: str
    media_type: str
    size: int

    @property
    def kind(self) -> str:
        """``image``, ``audio`` or ``video``."""
        return self.media_type.partition("/")[0]

    def as_part(self) -> dict[str, Any]:
        """Return the part of a message that stands for it until it is sent."""
        return {"type": "media", "sha256": self.sha256, "media_type": self.media_type, "size": self.size}


def media_file_of(data: Mapping[str, Any]) -> MediaFile | None:
    """Return the file that ``data`` (a part of a message, an attachment of a release) names; None if it names none."""
    sha256, media_type = str(data.get("sha256", "")), str(data.get("media_type", ""))
    if not SHA256.fullmatch(sha256) or media_type not in EXTENSIONS:
        return None
    return MediaFile(sha256=sha256, media_type=media_type, size=int(data.get("size") or 0))


def type_of_output(kind: str, data: bytes) -> str:
    """Return the media type of what a model made, by its content.

    Parameters
    ----------
    kind : str
        image, speech or video.
    data : bytes
        All of an image; the first bytes of the others are enough.

    Raises
    ------
    BadMediaError
        It is nothing of this kind.
    """
    if not data:
        raise BadMediaError("The file is empty.")
    if kind == IMAGE:
        return read_image(data).media_type
    found = _audio(data) if kind == SPEECH else _video(data)
    if not found:
        raise BadMediaError(f"By its content it is no {'audio' if kind == SPEECH else 'video'} that is known here.")
    return found


def _audio(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data[:4] == b"fLaC":
        return "audio/flac"
    if data[:4] == b"OggS":
        return "audio/ogg"
    if data[:3] == b"ID3":
        return "audio/mpeg"
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0:
        if data[1] & 0xF6 == 0xF0:  # ADTS: layer 0
            return "audio/aac"
        is_frame = data[1] & 0x18 != 0x08 and data[1] & 0x06 and data[2] & 0xF0 != 0xF0 and data[2] & 0x0C != 0x0C
        return "audio/mpeg" if is_frame else ""
    return ""


def _video(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return "video/mp4"
    if data[:4] == b"\x1aE\xdf\xa3" and b"webm" in data[:64]:
        return "video/webm"
    return ""
