"""The files of a folder, each under the SHA-256 of its content.

A file is written under another name, brought to the disk, and only then given its own: whoever finds a name finds
the whole file, whatever was cut off when.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from bench.exceptions import BadMediaError, MissingMediaError
from bench.files.kinds import SHA256, MediaFile

_HEAD: Final = 64


class MediaStore:
    """The files below ``folder``; it is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the file of this hash lies, whether it is there or not."""
        if not SHA256.fullmatch(sha256):
            raise MissingMediaError("That is no SHA-256.")
        return self.folder / sha256[:2] / sha256

    def open(self, sha256: str) -> IO[bytes]:
        """Return the file, open for reading.

        Raises
        ------
        MissingMediaError
            It is not there.
        """
        try:
            return self.path(sha256).open("rb")
        except OSError as error:
            raise MissingMediaError(f"The file {sha256[:12]}… is not in this site's media folder.") from error

    def read(self, sha256: str) -> bytes:
        """Return the file's content.

        Raises
        ------
        MissingMediaError
            It is not there, or its content is another.
        """
        with self.open(sha256) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise MissingMediaError(f"The file {sha256[:12]}… in this site's media folder is damaged.")
        return data

    def keep(self, data: bytes, media_type: str) -> MediaFile:
        """Bring ``data`` to the disk; what lies there already stays."""
        with self.incoming(len(data)) as incoming:
            incoming.write(data)
            return incoming.keep(lambda _head: media_type)

    @contextlib.contextmanager
    def incoming(self, most: int) -> Iterator[Incoming]:
        """Give a place to write a file of at most ``most`` bytes to; what is not kept is removed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix="incoming-", dir=self.folder)
        with os.fdopen(descriptor, "w+b") as file:
            incoming = Incoming(self, file, Path(name), most)
            try:
                yield incoming
            finally:
                Path(name).unlink(missing_ok=True)


class Incoming:
    """A file that is being written."""

    def __init__(self, store: MediaStore, file: IO[bytes], place: Path, most: int) -> None:
        self._store, self._file, self._place, self._most = store, file, place, most
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add ``data``.

        Raises
        ------
        BadMediaError
            It has grown too long.
        """
        self.size += len(data)
        if self.size > self._most:
            raise BadMediaError(f"The file is longer than the {self._most:,} bytes that are taken.")
        self._digest.update(data)
        self._file.write(data)

    def keep(self, type_of: Callable[[bytes], str]) -> MediaFile:
        """Give the file its name, once it is on the disk; ``type_of`` is given its first bytes."""
        self._file.seek(0)
        media_type = type_of(self._file.read(_HEAD))
        kept = MediaFile(sha256=self._digest.hexdigest(), media_type=media_type, size=self.size)
        place = self._store.path(kept.sha256)
        if place.exists() and place.stat().st_size == kept.size:
            return kept
        self._file.flush()
        os.fsync(self._file.fileno())
        place.parent.mkdir(exist_ok=True)
        self._place.replace(place)
        _bring_names_to_disk(place.parent)
        return kept


def write_durably(place: Path, text: str) -> None:
    """Replace the file at ``place`` by ``text``, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="incoming-", dir=place.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(place)
    _bring_names_to_disk(place.parent)


def _bring_names_to_disk(folder: Path) -> None:
    for each in (folder, folder.parent):
        with contextlib.suppress(OSError):  # not every system lets a folder be opened
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
