"""The server, the processes and the tables that all benchmarks share."""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024.0


def load() -> str:
    """Return the machine's load over 1, 5 and 15 minutes; the work of others is in every number measured."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def machine() -> dict[str, Any]:
    """Return what a reader needs to know of the machine."""
    return {
        "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(), "load": load(),
    }


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What the server's log says of one prompt.

    Parameters
    ----------
    asked : int
        Calls that reached the server.
    paid : int
        Of these, answered with a good answer while somebody was still there to take it.
    """

    asked: int
    paid: int


class LocalServer:
    """``tests.fake_server`` in a process of its own; its log counts every call by prompt."""

    def __init__(self, *, port: int, log: Path | None = None, latency: float = 0.05, core: int | None = None,
                 options: Sequence[str] = ()) -> None:
        self.log = log
        command = [sys.executable, "-m", "tests.fake_server", "--port", str(port), "--latency", str(latency)]
        if log is not None:
            command += ["--log", str(log)]
        self._process = subprocess.Popen(
            [*pinned(core), *command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        assert self.base_url, "the server did not start"

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait()

    def finished_calls(self) -> int:
        """Return how many calls the log has by now."""
        assert self.log is not None
        with self.log.open("rb") as lines:
            return sum(1 for _ in lines)

    def entries(self) -> list[dict[str, Any]]:
        """Return the log: one entry a call."""
        assert self.log is not None
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def heard(self) -> dict[str, Heard]:
        """Return what was asked and paid, by the digest of the prompt."""
        asked: Counter[str] = Counter()
        paid: Counter[str] = Counter()
        for entry in self.entries():
            asked[entry["prompt"]] += 1
            paid[entry["prompt"]] += entry["delivered"] and entry["fault"] in ("", "slow")
        return {prompt: Heard(asked=number, paid=paid[prompt]) for prompt, number in asked.items()}


def free_port() -> int:
    """Return a port that nobody uses now, so that a restarted server can have the same address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned(core: int | None) -> list[str]:
    """Return the words that keep a command on one core."""
    return [] if core is None else ["taskset", "-c", str(core)]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A client's process, from start to end, and the last line it printed.

    Parameters
    ----------
    data : mapping
        That line: ``calls``, and of the work alone ``seconds`` and ``cpu`` seconds.
    process_seconds, process_cpu : float
        Of the whole process with its children, imports and set-up included.
    mib : float
        Peak resident memory.
    """

    data: Mapping[str, Any]
    process_seconds: float
    process_cpu: float
    mib: float

    @property
    def per_second(self) -> float:
        """Calls a second."""
        return float(self.data["calls"] / self.data["seconds"])

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time a call."""
        return float(1000 * self.data["cpu"] / self.data["calls"])

    def as_json(self) -> dict[str, float]:
        """Return the numbers."""
        return {
            "per_second": self.per_second, "cpu_ms": self.cpu_ms, "mib": self.mib,
            "seconds": float(self.data["seconds"]), "process_seconds": self.process_seconds,
            "process_cpu": self.process_cpu,
        }


def measure(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Measured:
    """Run ``command``, whose last line of output is one JSON object, and measure its process."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=dict(env or os.environ), stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        lines = output.read().splitlines()
        if process.returncode or not lines:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read()[-3000:]}")
    return Measured(
        data=json.loads(lines[-1]), process_seconds=seconds, process_cpu=usage.ru_utime + usage.ru_stime,
        mib=usage.ru_maxrss / MIB,
    )


def medians(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each number."""
    return {key: statistics.median(each[key] for each in found) for key in found[0]}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return an aligned table; the first column to the left, the others to the right.

    >>> print(table(["who", "n"], [["a", 1], ["bcd", 22]]))
    who   n
    a     1
    bcd  22
    """
    cells = [[_shown(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in cells
    )


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "NO"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
    return "—" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A promise, and whether it was kept.

    Parameters
    ----------
    is_logic : bool
        It does not depend on how busy the machine is; where it is broken, the benchmark exits with 1.
    """

    what: str
    promised: str
    measured: float | int | str
    is_kept: bool
    is_logic: bool = False


def report(name: str, data: Mapping[str, Any], bars: Sequence[Bar], out: str | None) -> int:
    """Print the bars, write the JSON, and return the exit status."""
    print(table(["bar", "promised", "measured", "kept"], [[b.what, b.promised, b.measured, b.is_kept] for b in bars]))
    print(f"load {load()}", flush=True)
    if out:
        shown = {"benchmark": name, "machine": machine(), **data, "bars": [vars(bar) for bar in bars]}
        Path(out).write_text(json.dumps(shown, indent=1) + "\n")
    return int(any(bar.is_logic and not bar.is_kept for bar in bars))


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every benchmark takes."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--samples", type=int, default=2000)
    made.add_argument("--connections", type=int, default=100)
    made.add_argument("--latency", type=float, default=0.05, help="seconds the server takes to answer")
    made.add_argument("--server-core", type=int, help="keep the server on this core")
    made.add_argument("--out", help="write the numbers to this JSON file")
    return made


def add_peers(made: argparse.ArgumentParser) -> None:
    """Add the arguments that say where the peers are."""
    made.add_argument("--peers", metavar="FOLDER", help="make the environments of the peers here, once (2 GB)")
    made.add_argument("--inspect-python", metavar="PATH", help="an interpreter that has inspect_ai")
    made.add_argument("--promptfoo", metavar="FOLDER", help="a folder where `npm i promptfoo` was run")


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gvsir-benchmark-", ignore_cleanup_errors=True) as name:
        yield Path(name)
