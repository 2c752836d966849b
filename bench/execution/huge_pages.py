"""Keep what a process has loaded in huge pages: when it is killed, its connections close sooner.

The kernel takes a killed process's memory apart before it closes its connections, page by page. What a provider hands
over meanwhile is paid for, and nobody can read it. With what the interpreter has loaded in pages of 2 MiB, not 4 KiB,
it is done sooner. How much is lost: ``tests.benchmarks.kill_resume``.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

#: Bytes of a huge page on x86-64 and on 64-bit ARM with small pages; elsewhere the kernel says no, and nothing changes.
HUGE: Final = 2 << 20
_MAPS: Final = Path("/proc/self/maps")
#: From Linux 6.1 on; Python has no name for it yet.
_MADV_COLLAPSE: Final = 25


@cache
def use_huge_pages() -> int:
    """Gather the memory that this process has into huge pages, the first time; return how many there are.

    It is a hint: where the system has no such pages, or no such call, it returns 0 and all stays as it is.
    """
    try:
        libc, maps = ctypes.CDLL(None), _MAPS.read_text(encoding="utf-8")
        madvise, later = libc.madvise, mmap.MADV_HUGEPAGE
    except (OSError, AttributeError, TypeError):  # not Linux
        return 0
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    gathered = 0
    for begin, end in own_memory(maps.splitlines()):
        madvise(begin, end - begin, later)  # what it grows by is huge from the beginning
        gathered += sum(madvise(page, HUGE, _MADV_COLLAPSE) == 0 for page in whole_pages(begin, end))
    return gathered


def own_memory(lines: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield first address and end of each stretch of memory of the process's own, from ``/proc/self/maps``.

    >>> list(own_memory(["1000-3000 rw-p 00000000 00:00 0", "3000-4000 r-xp 00000000 08:01 7 /lib/x.so"]))
    [(4096, 12288)]
    """
    for line in lines:
        addresses, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        if rights.startswith("rw") and inode == "0" and (not name or name[0] == "[heap]"):
            begin, end = addresses.split("-")
            yield int(begin, 16), int(end, 16)


def whole_pages(begin: int, end: int) -> range:
    """Return where the huge pages begin that lie wholly between two addresses.

    >>> [page // HUGE for page in whole_pages(HUGE - 1, 3 * HUGE + 1)]
    [1, 2]
    """
    return range(-(-begin // HUGE) * HUGE, end // HUGE * HUGE, HUGE)
