"""Ctrl-C and SIGTERM end a run in good order: what is on its way may still arrive."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Give a function that is true after the first signal; the second one ends the process as usual."""
    asked = threading.Event()
    previous: dict[int, Any] = {}

    def ask(number: int, frame: Any) -> None:
        asked.set()
        sys.stderr.write("\nStopping: waiting for the calls on their way. Press Ctrl-C again to leave them.\n")
        for each, handler in previous.items():
            signal.signal(each, handler)

    if threading.current_thread() is threading.main_thread():
        for watched in (signal.SIGINT, signal.SIGTERM):
            previous[watched] = signal.signal(watched, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
