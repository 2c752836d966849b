"""A set of files in a folder (plain or gzip) or in a tar archive, read without unpacking to disk."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Final, cast

from gvsir.exceptions import FormatError

MOST_FILE_BYTES: Final = 256_000_000
MOST_KEPT_BYTES: Final = 256_000_000  # of an archive, all wanted files together: they are held in memory
MOST_ARCHIVE_BYTES: Final = 4_000_000_000
MOST_MEMBERS: Final = 20_000
#: How gzip, bzip2, xz and zstd files begin, and what a tar header holds at ``_TAR_PLACE``.
_COMPRESSED: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_TAR: Final = b"ustar"
_TAR_PLACE: Final = 257
_READ_ERRORS = (OSError, EOFError, zlib.error, tarfile.TarError, ValueError)


class _Limited(io.RawIOBase):
    """A stream that refuses to give more than a number of bytes: a small file can hold a huge one."""

    def __init__(self, stream: IO[bytes], *, source: str) -> None:
        self._stream = stream
        self._left = MOST_FILE_BYTES
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self._stream.read(len(view))
        except _READ_ERRORS as error:
            raise FormatError(f"The file is damaged ({error}).", source=self._source) from error
        self._left -= len(data)
        if self._left < 0:
            raise FormatError(f"The file is over {MOST_FILE_BYTES:,} bytes.", source=self._source)
        view[: len(data)] = data
        return len(data)


class FileSet:
    """The files of a set by name, wherever they come from.

    Parameters
    ----------
    path : Path
        A folder, whose files may be gzipped (``incidents.csv.gz``), or a tar archive in any compression.
    wanted : callable(name) -> bool
        Which files to take. Of an archive, nothing else is kept, from whatever folder inside it.

    Raises
    ------
    FormatError
        There is no such path, or the archive is damaged, too large, or holds a wanted name twice.
    """

    def __init__(self, path: Path, wanted: Callable[[str], bool]) -> None:
        self.path = path
        self._paths: dict[str, Path] = {}
        self._members: dict[str, bytes] = {}
        try:
            if path.is_dir():
                self._read_folder(wanted)
            elif path.is_file():
                self._read_archive(wanted)
            else:
                raise FormatError("There is no such file or folder.", source=str(path))
        except OSError as error:
            raise FormatError(f"It cannot be read ({error.strerror}).", source=str(path)) from error

    @property
    def names(self) -> list[str]:
        """The names of the files, without ``.gz``, in order."""
        return sorted({*self._paths, *self._members})

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one file for reading bytes; at most ``MOST_FILE_BYTES`` come out of it."""
        if name in self._members:
            yield io.BytesIO(self._members[name])
            return
        path = self._paths[name]
        try:
            opener = gzip.open if path.suffix == ".gz" else open
            raw = cast("IO[bytes]", opener(path, "rb"))
        except OSError as error:
            raise FormatError(f"The file cannot be opened ({error.strerror}).", source=name) from error
        with raw:
            yield io.BufferedReader(_Limited(raw, source=name))

    def _read_folder(self, wanted: Callable[[str], bool]) -> None:
        """Note where the wanted files are."""
        for file in sorted(self.path.iterdir()):
            name = file.name.removesuffix(".gz")
            if file.is_file() and wanted(name):
                if name in self._paths:
                    raise FormatError("The folder holds this file twice, plain and gzipped.", source=name)
                self._paths[name] = file

    def _read_archive(self, wanted: Callable[[str], bool]) -> None:
        """Read the wanted members into memory, in one pass."""
        source = self.path.name
        seen_bytes = 0
        try:
            with tarfile.open(self.path, "r|*") as archive:
                for count, member in enumerate(archive, 1):
                    seen_bytes += member.size
                    if count > MOST_MEMBERS or seen_bytes > MOST_ARCHIVE_BYTES:
                        raise FormatError("The archive is too large.", source=source)
                    name = PurePosixPath(member.name).name
                    if member.isreg() and wanted(name):
                        self._members[name] = self._member(archive, member, name)
        except _READ_ERRORS as error:
            if not self._members and not self._begins_like_an_archive():
                raise FormatError("This is no .tar.bz2 archive; give one, or a folder of CSV files.", source=source) from error
            raise FormatError(f"The archive cannot be read ({error}).", source=source) from error

    def _begins_like_an_archive(self) -> bool:
        with self.path.open("rb") as stream:
            start = stream.read(_TAR_PLACE + len(_TAR))
        return start.startswith(_COMPRESSED) or start[_TAR_PLACE:] == _TAR

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
        if name in self._members:
            raise FormatError("The archive holds this file twice.", source=name)
        if member.size > MOST_FILE_BYTES:
            raise FormatError(f"The file is over {MOST_FILE_BYTES:,} bytes.", source=name)
        if member.size + sum(map(len, self._members.values())) > MOST_KEPT_BYTES:
            raise FormatError(f"The files up to this one are over {MOST_KEPT_BYTES:,} bytes.", source=name)
        stream = archive.extractfile(member)
        if stream is None:
            raise FormatError("The file cannot be read from the archive.", source=name)
        return stream.read()
