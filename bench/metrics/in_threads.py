"""Array work in several threads: numpy lets go of the interpreter's lock while it computes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_Result = TypeVar("_Result")

_NAME: Final = "metrics"
_THREADS: Final = min(4, os.cpu_count() or 1)


def in_threads(work: Callable[..., _Result], jobs: Iterable[tuple[object, ...]]) -> list[_Result]:
    """Return ``work(*job)`` of each job, in their order; what one raises is raised here.

    Jobs must not write to the same place. Called from a job of its own, it works in that job's thread.
    """
    given = list(jobs)
    is_inside = threading.current_thread().name.startswith(_NAME)
    if len(given) < 2 or _THREADS < 2 or is_inside:
        return [work(*job) for job in given]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix=_NAME) as pool:
        return list(pool.map(lambda job: work(*job), given))
