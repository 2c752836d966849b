"""Labels as CSV: a sheet for one rater, out and back. It names neither judge nor model.

Cells that a spreadsheet would run are written with an apostrophe in front, which reading takes away again.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, TextIO

from gvsir.exceptions import FormatError
from gvsir.formats.csv_rows import Row, read_rows
from gvsir.formats.spreadsheet import is_formula, neutralise

COLUMNS: Final = (
    "task", "item", "language", "prompt", "focus", "expected", "response", "value", "cannot_tell", "refusal", "note",
)
LABEL_COLUMNS: Final = ("value", "cannot_tell", "refusal", "note")
REFUSALS: Final = ("refused", "partial", "complied")
CANNOT_TELL: Final = ("language", "knowledge", "unclear", "broken", "other")
#: What was put to the rater: cells that must still be those of the task, where the sheet has them.
SHOWN_COLUMNS: Final = ("item", "prompt", "response")
#: A spreadsheet cuts a cell at 32,767 characters; line ends it has changed may make it shorter.
_MAY_BE_CUT: Final = 32_000
LONGEST_NOTE: Final = 5000
BOM: Final = "\ufeff"


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """One task of the sheet, with the rater's own label where there is one."""

    task: int
    item: str
    language: str
    prompt: str
    focus: str
    expected: str
    response: str
    value: int | None = None
    cannot_tell: str = ""
    refusal: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """A label read from a sheet; ``line`` is where it stands, ``shown`` what stands there of `SHOWN_COLUMNS`."""

    line: int
    task: int
    value: int | None
    cannot_tell: str
    refusal: str
    note: str
    shown: Mapping[str, str] = field(default_factory=dict, compare=False)


def write_labels(rows: Iterable[SheetRow], stream: TextIO) -> None:
    """Write a sheet: UTF-8 with a byte order mark, so that spreadsheets read Chinese."""
    stream.write(BOM)
    out = csv.writer(stream, lineterminator="\r\n")
    out.writerow(COLUMNS)
    for row in rows:
        cells = ["" if (cell := getattr(row, name)) is None else str(cell) for name in COLUMNS]
        out.writerow([_shielded(cell) for cell in cells])


def read_labels(
    stream: BinaryIO, *, source: str, tasks: Collection[int], on_error: Callable[[FormatError], None]
) -> list[LabelRow]:
    """Return the labels of a sheet; rows whose label columns are all blank are not labelled and left out.

    Parameters
    ----------
    stream : binary file
    source : str
        The file's name, for messages.
    tasks : collection of int
        The tasks of the sample.
    on_error : callable
        Called with each error; reading goes on so that one pass names all of them.

    Raises
    ------
    FormatError
        The file as a whole cannot be read.
    """
    labels: dict[int, LabelRow] = {}
    for row in read_rows(stream, source=source, required=("task", "value"), once=COLUMNS, on_error=on_error):
        if not any(row.cells.get(name, "").strip() for name in LABEL_COLUMNS):
            continue
        try:
            label = _label(row, source=source, tasks=tasks)
        except FormatError as error:
            on_error(error)
            continue
        if label.task in labels:
            message = f"Task {label.task} stands on line {labels[label.task].line} already."
            on_error(FormatError(message, source=source, line=row.line, field="task"))
        else:
            labels[label.task] = label
    return list(labels.values())


def _label(row: Row, *, source: str, tasks: Collection[int]) -> LabelRow:
    def bad(field: str, message: str) -> FormatError:
        return FormatError(message, source=source, line=row.line, field=field)

    task, value, cannot_tell, refusal = (
        row.cells.get(name, "").strip() for name in ("task", "value", "cannot_tell", "refusal")
    )
    note = _unshielded(row.cells.get("note", "")).strip()
    if not (task.isascii() and task.isdecimal()) or len(task) > 18 or int(task) not in tasks:
        raise bad("task", f"{_short(task)} is no task of this sample.")
    if value and (not (value.isascii() and value.isdecimal()) or len(value) > 2 or int(value) > 10):
        raise bad("value", f"{_short(value)} is no whole number from 0 to 10.")
    if cannot_tell and cannot_tell not in CANNOT_TELL:
        raise bad("cannot_tell", f"{_short(cannot_tell)} is no reason; {', '.join(CANNOT_TELL)} are.")
    if value and cannot_tell:
        raise bad("cannot_tell", "There is a value and a reason why there is none; keep one of them.")
    if not value and not cannot_tell:
        raise bad("value", "There is neither a value nor, in cannot_tell, a reason why there is none.")
    if cannot_tell == "other" and not note:
        raise bad("note", "Another reason needs a note that says which.")
    if refusal and refusal not in REFUSALS:
        raise bad("refusal", f"{_short(refusal)} is not known; {', '.join(REFUSALS)} are, or nothing.")
    if len(note) > LONGEST_NOTE:
        raise bad("note", f"The note has {len(note)} characters; the limit is {LONGEST_NOTE}.")
    return LabelRow(
        line=row.line, task=int(task), value=int(value) if value else None, cannot_tell=cannot_tell, refusal=refusal,
        note=note,
        shown={name: cell for name in SHOWN_COLUMNS if (cell := row.cells.get(name, "")).strip()},
    )


def is_same_cell(cell: str, text: str) -> bool:
    r"""Return whether ``cell`` is ``text`` as a spreadsheet may give it back.

    White space, apostrophes in front, the case of letters and the spelling of a number may have changed, and a cell
    that is as long as a spreadsheet takes may have been cut.

    Examples
    --------
    >>> is_same_cell("'=1+1\r\n", "=1+1"), is_same_cell("0.5", "0.50"), is_same_cell("Yes.", "No.")
    (True, True, False)
    """
    found, meant = _plain(cell), _plain(text)
    if found == meant:
        return True
    if len(cell.encode("utf-16-le", "replace")) // 2 >= _MAY_BE_CUT and len(found) < len(meant):
        return meant.startswith(found[:-2])  # a character may have been cut in two
    try:
        return float(found) == float(meant)
    except ValueError:
        return False


def _plain(text: str) -> str:
    text = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return " ".join(unicodedata.normalize("NFC", text).split()).lstrip("'").casefold().strip()


def _shielded(cell: str) -> str:
    """Neutralise; a cell that only looks neutralised gets one apostrophe more, so that reading is exact."""
    cell = cell.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return f"'{cell}" if cell.startswith("'") and is_formula(cell.lstrip("'")) else neutralise(cell)


def _unshielded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and is_formula(cell.lstrip("'")) else cell


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
