"""Rows of a CSV file that may be broken anywhere: each bad row is named, the others are read.

Memory stays bounded by the limits below, whatever the file holds.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from gvsir.exceptions import FormatError

MOST_CELL_CHARACTERS: Final = 1_000_000
MOST_LINE_BYTES: Final = 4_000_000
MOST_LINES: Final = 5_000_000
_PIECE: Final = 1 << 16
_NO_BREAK: Final = (
    "The file ends in this row, without a line break: its last cell may be cut off. Add a line break if it is whole."
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One record: the physical line it starts on, and its cells by column key."""

    line: int
    cells: dict[str, str]


def column_keys(heading: list[str]) -> list[str]:
    """Return a unique key for each column: a heading seen before gets its number behind it, a blank one is "".

    Examples
    --------
    >>> column_keys(["AI System", "Notes", "AI System", " "])
    ['AI System', 'Notes', 'AI System (2)', '']
    """
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for name in heading:
        key = name if name.strip() else ""
        while key and key in keys:
            seen[name] += 1
            key = f"{name} ({seen[name] + 1})"
        keys.append(key)
    return keys


class _OversizeError(Exception):
    """A line or a cell is over the limit; what is left of its record has been skipped."""


class _Lines:
    """The lines of a file, counted; keeps those of the record being read, and skips what is too long."""

    def __init__(self, stream: BinaryIO, *, source: str) -> None:
        self.stream = stream
        self.source = source
        self.number = 0
        self.record: list[str] = []
        self.ends_with_a_break = True

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self.stream.readline(MOST_LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        if self.number > MOST_LINES:
            raise FormatError(f"The file has over {MOST_LINES:,} lines.", source=self.source)
        self.ends_with_a_break = raw.endswith(b"\n")
        if self.number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        line = raw.decode("utf-8", "surrogateescape")
        if len(raw) > MOST_LINE_BYTES:
            self.record.append(line)
            self._skip(quotes=self._quotes(), whole_line=raw.endswith(b"\n"))
            raise _OversizeError
        self.record.append(line)
        return line

    def _quotes(self) -> int:
        return sum(line.count('"') for line in self.record)

    def skip_record(self) -> None:
        """Skip the rest of a record of which whole lines have been read."""
        self._skip(quotes=self._quotes(), whole_line=True)

    def _skip(self, *, quotes: int, whole_line: bool) -> None:
        """Read on until a line ends outside quotes, keeping nothing."""
        while quotes % 2 or not whole_line:
            piece = self.stream.readline(_PIECE)
            if not piece:
                return
            quotes += piece.count(b'"')
            if whole_line:
                self.number += 1
            whole_line = piece.endswith(b"\n")


def _last_field(record: list[str], keys: list[str]) -> str | None:
    """Return the column in which a broken record breaks off."""
    limit = csv.field_size_limit(MOST_LINE_BYTES * 2)
    try:
        cells = next(csv.reader(record), [])
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)
    return keys[min(len(cells), len(keys)) - 1] if cells and keys else None


def _cell_problem(cell: str) -> str | None:
    if len(cell) > MOST_CELL_CHARACTERS:
        return f"The cell has {len(cell):,} characters; the limit is {MOST_CELL_CHARACTERS:,}."
    if "\x00" in cell:
        return "The cell holds a NUL character."
    try:
        cell.encode()
    except UnicodeEncodeError as error:
        byte = ord(cell[error.start]) - 0xDC00
        return f"The cell is not UTF-8 text (byte 0x{byte:02X}); save the file as UTF-8."
    return None


def read_rows(
    stream: BinaryIO,
    *,
    source: str,
    required: tuple[str, ...] = (),
    once: tuple[str, ...] = (),
    on_error: Callable[[FormatError], None],
) -> Iterator[Row]:
    """Yield the good rows of a CSV file with a heading line; report the bad ones.

    A row is bad when its quotes do not close, its number of cells differs from the heading's, or a cell
    is too long, holds a NUL, is not UTF-8, or stands under a blank heading; and so is a last row that no line break
    follows: the file may be cut off there, even behind a quote, which may be the first half of a doubled one.
    Wholly blank rows are passed over.

    Parameters
    ----------
    stream : binary file
        Read line by line.
    source : str
        The file's name, for messages.
    required : tuple of str
        Columns that must be there.
    once : tuple of str
        Columns that stand once at most, whatever the case of their letters.
    on_error : callable
        Called with the :class:`FormatError` of each bad row; reading goes on.

    Raises
    ------
    FormatError
        The file as a whole cannot be read: empty, not UTF-8 from the first line, a column missing or doubled.
    """
    lines = _Lines(stream, source=source)
    reader = csv.reader(lines, strict=True)
    keys = _heading(reader, lines, source=source, required=required, once=once)
    while True:
        lines.record = []
        first = lines.number + 1
        limit = csv.field_size_limit(MOST_CELL_CHARACTERS)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _OversizeError) as error:
            on_error(_broken(error, lines, keys, source=source, line=first))
            continue
        finally:
            csv.field_size_limit(limit)
        if not any(cells):
            continue
        problem = _row_problem(cells, keys, source=source, line=first)
        if problem is None and not lines.ends_with_a_break:
            problem = FormatError(_NO_BREAK, source=source, line=first, field=keys[-1])
        if problem:
            on_error(problem)
        else:
            yield Row(line=first, cells={key: cell for key, cell in zip(keys, cells, strict=True) if key})


def _heading(
    reader: Iterator[list[str]], lines: _Lines, *, source: str, required: tuple[str, ...], once: tuple[str, ...]
) -> list[str]:
    try:
        heading = next(reader)
    except StopIteration:
        raise FormatError("The file is empty.", source=source) from None
    except (csv.Error, _OversizeError) as error:
        reason = str(error) or "it is too long"
        if "new-line character" in reason:
            reason = "a line ends with CR alone; save the file with LF or CRLF line ends"
        raise FormatError(f"The heading cannot be read: {reason}.", source=source, line=1) from error
    if any(_cell_problem(name) for name in heading):
        raise FormatError("The heading is not UTF-8 text; save the file as UTF-8.", source=source, line=1)
    for name in required:
        if name not in heading:
            raise FormatError("The column is missing.", source=source, line=1, field=name)
    places = Counter(name.strip().casefold() for name in heading)
    for name in once:
        if places[name.casefold()] > 1:
            raise FormatError("The column stands there more than once; keep one of them.", source=source, line=1, field=name)
    return column_keys(heading)


def _broken(error: Exception, lines: _Lines, keys: list[str], *, source: str, line: int) -> FormatError:
    """Return what is wrong with a record that could not be split into cells."""
    field = _last_field(lines.record, keys)
    text = str(error)
    if isinstance(error, _OversizeError) or "field larger than field limit" in text:
        if not isinstance(error, _OversizeError):
            lines.skip_record()
        message = f"A cell is over the limit of {MOST_CELL_CHARACTERS:,} characters."
    elif "unexpected end of data" in text:
        message = "The file ends inside a quoted cell: it is cut off, or a quote is not closed."
    else:
        message = f"The quotes of this row are broken ({text})."
    return FormatError(message, source=source, line=line, field=field)


def _row_problem(cells: list[str], keys: list[str], *, source: str, line: int) -> FormatError | None:
    if len(cells) < len(keys):
        return FormatError(
            f"The row has {len(cells)} cells, the heading {len(keys)}; from here on they are missing.",
            source=source, line=line, field=keys[len(cells)],
        )
    if len(cells) > len(keys):
        return FormatError(
            f"The row has {len(cells)} cells, the heading {len(keys)}; those behind this one have no column.",
            source=source, line=line, field=keys[-1],
        )
    for place, (key, cell) in enumerate(zip(keys, cells, strict=True), 1):
        message = _cell_problem(cell)
        if not message and not key and cell.strip():
            message = "The cell stands under a blank heading."
        if message:
            return FormatError(message, source=source, line=line, field=key or f"column {place}")
    return None
