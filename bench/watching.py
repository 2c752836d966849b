"""How a watching process tells the ones it started that they are to end: a flag that needs no lock.

A process that is killed while it holds a lock keeps it for ever; a byte of shared memory it cannot keep.
"""

from __future__ import annotations

import mmap
import os

_asked = mmap.mmap(-1, 1)
_watching_pid = os.getpid()


def watch_from_here() -> None:
    """Make this process the one that watches those it will start."""
    global _watching_pid
    _watching_pid = os.getpid()
    _asked[0] = 0


def ask_to_end() -> None:
    """Ask every process started from here to end in good order."""
    _asked[0] = 1


def is_asked_to_end() -> bool:
    """Return whether this process was asked to, or whoever started it is gone."""
    return _asked[0] == 1 or _watching_pid not in (os.getpid(), os.getppid())
