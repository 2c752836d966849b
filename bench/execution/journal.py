"""What came back and is not in the database yet, on disk within microseconds: a killed process loses no answer.

Each outcome is one line of JSON, written with one call before anything else happens to it. Two files take turns:
one takes what comes in while what the other holds goes into the database, and is then emptied; so both stay small.
The operating system lets go of a dead process's locks, which is how a later one on the same machine knows that a
journal is nobody's any more. What a line says is keyed by content (:mod:`bench.specs`), so that it can be read
into any database and any process without harm.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.execution.calls import Call, Event, FailedCall, Settled
from bench.files.kinds import MediaFile
from bench.providers.base import Completion

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_COMPLETION_FIELDS = frozenset(each.name for each in fields(Completion))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line: the outcome of a call, without the call itself.

    Parameters
    ----------
    key, kind : str
        Of the call.
    attempts : int
        The number of the call.
    data : dict
        The other fields of the event.
    """

    key: str
    kind: str
    attempts: int
    data: dict[str, Any]

    def event(self, call: Call) -> Event:
        """Return the outcome as that of ``call``, which is the one that asks the same."""
        call.attempts = max(call.attempts, self.attempts)
        if "number" in self.data:
            return FailedCall(call=call, **self.data)
        return Settled(call=call, **{**self.data, "completion": _completion(self.data["completion"])})


def _said(completion: Completion) -> dict[str, Any]:
    data = {name: getattr(completion, name) for name in _COMPLETION_FIELDS}
    return data | {"output": asdict(completion.output)} if completion.output else data


def _completion(data: dict[str, Any] | None) -> Completion | None:
    if data is None:
        return None
    output = data.get("output")
    return Completion(**{**data, "output": output and MediaFile(**output)})


class Journal:
    """The two files of one process; see the module.

    Raises
    ------
    OSError
        The folder cannot be written, or this system has no file locks.
    """

    def __init__(self, folder: Path, name: str) -> None:
        if fcntl is None:
            raise OSError("This system has no file locks.")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._paths = [folder / f"{name}.{number}.jsonl" for number in (0, 1)]
        self._files = [os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o600) for path in self._paths]
        for each in self._files:
            fcntl.flock(each, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._now = 0

    def note(self, event: Event) -> None:
        """Write ``event`` down."""
        call = event.call
        if isinstance(event, FailedCall):
            data: dict[str, Any] = {
                "number": event.number, "outcome": event.outcome, "message": event.message, "at": event.at,
                "http_status": event.http_status, "retry_after": event.retry_after,
            }
        else:
            data = {
                "completion": _said(event.completion) if event.completion else None, "outcome": event.outcome,
                "error": event.error, "seconds": event.seconds, "at": event.at,
            }
        line = json.dumps({"key": call.key, "kind": call.kind, "attempts": call.attempts, "data": data}) + "\n"
        written, rest = 0, line.encode()
        while written < len(rest):
            written += os.write(self._files[self._now], rest[written:])

    def turn(self) -> None:
        """Take what comes from here on into the other file: what is in this one goes into the database now."""
        self._now = 1 - self._now

    def forget(self) -> None:
        """Empty the other file: the database has what it held."""
        os.ftruncate(self._files[1 - self._now], 0)

    def close(self, *, is_done: bool) -> None:
        """Let go of the files, and remove them where the database has everything."""
        for path, each in zip(self._paths, self._files, strict=True):
            if is_done:
                path.unlink(missing_ok=True)
            os.close(each)


class LeftJournal:
    """A file that a dead process left: held while it is read, removed once ``done`` is called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self.is_mine = False

    def __enter__(self) -> LeftJournal:
        """Take the file, if nobody alive holds it."""
        with contextlib.suppress(OSError):
            self._file = os.open(self.path, os.O_RDWR)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_mine = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)

    def entries(self) -> Iterator[Entry]:
        """Yield what can be read; the last line of a process that died may be half there."""
        with self.path.open("rb") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                    given = json.loads(line)
                    data = given["data"]
                    if completion := data.get("completion"):
                        data["completion"] = {
                            name: value for name, value in completion.items() if name in _COMPLETION_FIELDS
                        }
                    yield Entry(key=given["key"], kind=given["kind"], attempts=int(given["attempts"]), data=data)

    def done(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def left_journals(folder: Path, prefix: str) -> Iterator[LeftJournal]:
    """Yield the files in ``folder`` whose names begin with ``prefix`` and that nobody alive holds."""
    if fcntl is None or not folder.is_dir():
        return
    for path in sorted(folder.glob(f"{prefix}*.jsonl")):
        with LeftJournal(path) as journal:
            if journal.is_mine:
                yield journal
