"""What keeps the interpreter from holding up a run."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

from bench.execution.huge_pages import use_huge_pages


@contextlib.contextmanager
def smooth_running() -> Iterator[None]:
    """Keep the interpreter from holding up the run.

    The thread that writes gets its turn soon after it asks, not after the usual 5 ms. What was loaded before the
    run is left out of the search for cyclic garbage, which otherwise takes a quarter of the time and stops
    everything for 0.1 s about once a second. It is kept in huge pages.
    """
    usual, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(min(usual, 0.0005))
    gc.freeze()
    use_huge_pages()
    if thresholds[0]:  # 0 is off
        gc.set_threshold(max(thresholds[0], 10_000), *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
        sys.setswitchinterval(usual)
