"""Progress of a run on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.execution.engine import Progress


@contextmanager
def shown(total: int, done: int) -> Iterator[Callable[[Progress], None] | None]:
    """Show a bar with rate and time left on standard error; nothing where that is no terminal.

    ``total`` counts answers and verdicts that come from calls, ``done`` those there from the start.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[facts]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("asking", total=max(total, 1), completed=done, facts="")

        def tell(progress: Progress) -> None:
            flying = sum(lane.in_flight for lane in progress.lanes)
            failed = sum(lane.failed_calls for lane in progress.lanes)
            rate = progress.settled / progress.seconds if progress.seconds else 0.0
            bar.update(
                task, completed=done + progress.settled,
                facts=f"{rate:.0f}/s, {flying} in flight, {failed} calls failed",
            )

        yield tell
