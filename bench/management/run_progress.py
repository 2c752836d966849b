"""Progress of a run on a terminal, redrawn in place; in a log, one line now and then."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO

from django.db import DatabaseError

from bench.accounting import Line, RunAccount, account
from bench.execution.engine import Progress
from bench.execution.tallies import AskedStatus
from bench.live_run import line_texts
from bench.models import Run
from bench.pace import Pace, duration, seconds_left

if TYPE_CHECKING:
    from rich.table import Table

#: Seconds between two lines of a log, between two pictures, and at least between two looks at the account.
LOG_SECONDS: Final = 30.0
_DRAW_SECONDS: Final = 0.25
_LOOK_SECONDS: Final = 0.8  # looks are offered once a second, or a little later
#: Looking at the account of a large run takes a while; it may take this share of the time.
_LOOK_SHARE: Final = 0.05
_HEADS: Final = ("", "done", "of", "in flight", "retried", "failed", "rate", "cost", "left")


class Row(NamedTuple):
    """What is said of one model, as subject or as judge."""

    name: str
    done: int
    total: int
    in_flight: int
    retried: int
    failed: int
    rate: float
    cost: str
    left: float | None

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        return (
            self.name, f"{self.done:,}", f"{self.total:,}", f"{self.in_flight:,}", f"{self.retried:,}", f"{self.failed:,}",
            f"{self.rate:.1f}/s", self.cost, "" if self.left is None else duration(self.left),
        )

    def sentence(self) -> str:
        """Return the row as words of a log."""
        left = "" if self.left is None else f", about {duration(self.left)} left"
        return (
            f"{self.name}: {self.done:,} of {self.total:,} done, {self.in_flight:,} in flight, {self.retried:,} retried, "
            f"{self.failed:,} failed, {self.rate:.1f}/s, cost {self.cost}{left}"
        )


@dataclass
class Watch:
    """What is known of a run that this process executes: the account, and what is under way.

    ``look`` reads the account, in the thread of the database; ``tell`` takes a moment of the engine, in another.
    """

    run: Run
    stream: TextIO
    log_seconds: float = LOG_SECONDS
    _account: RunAccount | None = None
    _last: Progress | None = None
    _due: float = 0.0
    _log_due: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self._log_due = time.monotonic() + self.log_seconds

    def look(self) -> None:
        """Say a line where one is due."""
        if self._last is not None and time.monotonic() >= self._log_due:
            self.read()
            self._log_due = time.monotonic() + self.log_seconds
            with contextlib.suppress(OSError, ValueError):  # nobody listens any more: no reason to end the run
                print(self.line(), file=self.stream, flush=True)

    def tell(self, progress: Progress) -> None:
        """Take note of a moment."""
        self._last = progress

    def read(self) -> None:
        """Read the account."""
        self.run.refresh_from_db(fields=["status"])
        self._account = account(self.run)

    def rows(self) -> list[Row]:
        """Return a row for each subject and judge, those first that wait for something."""
        if self._account is None:
            return []
        asked = self._last.asked if self._last is not None else {}
        rows = [_row(line, "", asked.get(f"subject-{line.key}")) for line in self._account.subjects]
        rows += [_row(line, "judge ", asked.get(f"judge-{line.key}")) for line in self._account.judges]
        return sorted(rows, key=lambda row: row.done >= row.total)

    def line(self) -> str:
        """Return the whole progress as one line of a log; what is complete is only counted."""
        rows = self.rows()
        open_rows = [row for row in rows if row.done < row.total]
        done, total = sum(row.done for row in rows), sum(row.total for row in rows)
        said = [f"run {self.run.pk}: {done:,} of {total:,} done", *(row.sentence() for row in open_rows)]
        if len(open_rows) < len(rows):
            said.append(f"{len(rows) - len(open_rows)} complete")
        return " | ".join(said)


@dataclass
class Screen(Watch):
    """The same as a table that is redrawn in place."""

    _live: Any = None
    _drawn_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> None:
        """Read the account where it is time to."""
        now = time.monotonic()
        if now >= self._due:
            self.read()
            took = time.monotonic() - now
            self._due = time.monotonic() + max(_LOOK_SECONDS, took / _LOOK_SHARE)

    def tell(self, progress: Progress) -> None:
        """Draw what is known now."""
        super().tell(progress)
        if time.monotonic() - self._drawn_at >= _DRAW_SECONDS:
            self.draw()

    def draw(self) -> None:
        """Put the table in the place of the last one."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._drawn_at = time.monotonic()
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(*_HEADS, box=None, pad_edge=False, header_style="dim")
        for place, column in enumerate(table.columns):
            column.justify, column.no_wrap, column.overflow = "right" if place else "left", True, "ellipsis"
        for row in self.rows():
            table.add_row(*(Text(cell) for cell in row.cells()))  # as text: a name holds no markup
        return table


@contextmanager
def shown(run: Run, *, stream: TextIO | None = None, log_seconds: float = LOG_SECONDS) -> Iterator[Watch]:
    """Show on standard error what becomes of ``run`` while this process executes it.

    A terminal gets a table, redrawn in place, that stays as it was at the end; anything else a line every
    ``log_seconds``.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield Watch(run, stream, log_seconds)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=stream), auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        screen = Screen(run, stream, log_seconds, _live=live)
        screen.read()
        screen.draw()
        try:
            yield screen
        finally:
            with contextlib.suppress(DatabaseError):  # what ended the run is said elsewhere
                screen.read()
            screen.draw()


def _printable(name: str) -> str:
    """Return ``name`` without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _row(line: Line, prefix: str, now: AskedStatus | None) -> Row:
    pace = Pace(now.in_flight, now.rate) if now is not None else Pace(0, 0.0)
    return Row(
        name=prefix + _printable(line.name), done=line.done, total=line.total, in_flight=pace.in_flight,
        retried=line.retried, failed=line.states.get("failed", 0), rate=pace.rate, cost=line_texts(line)["cost"],
        left=seconds_left(line.total, line.done, pace),
    )
