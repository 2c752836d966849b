"""Requests a second of a whole run with every record durable, beside its peers on the same local server.

    python -m tests.benchmarks.throughput [--repeats 3] [--inspect-python PATH] [--promptfoo FOLDER]

Work: 2,000 samples, each one generation and one verdict of a judge that is a language model, at most 100
connections, a server that takes 50 ms. The clients take turns, each in a process of its own; medians are printed.
``--peers FOLDER`` makes the peers' environments there; without any of the three, those not given are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import measuring
from tests.benchmarks.gvsir_run import GvsirRun, execute
from tests.benchmarks.measuring import (
    Bar,
    LocalServer,
    Measured,
    free_port,
    load,
    measure,
    medians,
    pinned,
    table,
)
from tests.benchmarks.peers.environments import INSPECT_RUN, inspect_python, promptfoo_folder

LEAST_PER_SECOND, LEAST_OF_BARE, LEAST_OF_INSPECT = 900, 0.5, 14
MOST_CPU_MS, MOST_MIB = 1.5, 150

Client = Callable[[int], Measured]


def clients(arguments: argparse.Namespace, base_url: str, folder: Path) -> dict[str, Client]:
    """Return what is to be measured, by name; each is a function of the number of the repeat."""
    core = pinned(arguments.client_core)
    size = ["--base-url", base_url, "--samples", str(arguments.samples), "--connections", str(arguments.connections)]
    made = GvsirRun(folder, samples=arguments.samples, base_url=base_url, connections=arguments.connections)

    def gvsir(number: int) -> Measured:
        measured = execute(made.copy(f"throughput-{number}"), core=arguments.client_core)
        assert measured.data["account"]["judgements"]["scored"] == arguments.samples, measured.data
        return measured

    def module(name: str, *words: str) -> Client:
        return lambda number: measure([*core, sys.executable, "-m", f"tests.benchmarks.peers.{name}", *words, *size])

    found: dict[str, Client] = {
        "gvsir": gvsir, "aiohttp, bare": module("clients", "aiohttp"), "openai, as it comes": module("clients", "openai"),
    }
    if python := inspect_python(arguments):
        found["inspect_ai"] = lambda number: measure(
            [*core, python, str(INSPECT_RUN), "eval", *size, "--logs", str(folder / f"inspect-{number}")], cwd=folder
        )
    if where := promptfoo_folder(arguments):
        found["promptfoo"] = module("promptfoo_run", "--folder", where)
    return found


def bars(result: dict[str, dict[str, float]]) -> list[Bar]:
    """Hold the medians against the promises."""
    ours = result["gvsir"]
    of_bare = ours["per_second"] / result["aiohttp, bare"]["per_second"]
    kept = [
        Bar(what="calls a second", promised=f">= {LEAST_PER_SECOND}", measured=ours["per_second"],
            is_kept=ours["per_second"] >= LEAST_PER_SECOND),
        Bar(what="of bare aiohttp", promised=f">= {LEAST_OF_BARE}", measured=of_bare, is_kept=of_bare >= LEAST_OF_BARE),
        Bar(what="CPU ms a call", promised=f"<= {MOST_CPU_MS}", measured=ours["cpu_ms"],
            is_kept=ours["cpu_ms"] <= MOST_CPU_MS),
        Bar(what="peak MiB", promised=f"< {MOST_MIB}", measured=ours["mib"], is_kept=ours["mib"] < MOST_MIB),
    ]
    if "inspect_ai" in result:
        times = ours["per_second"] / result["inspect_ai"]["per_second"]
        kept.insert(2, Bar(what="times inspect_ai", promised=f">= {LEAST_OF_INSPECT}", measured=times,
                           is_kept=times >= LEAST_OF_INSPECT))
    return kept


def run(arguments: argparse.Namespace) -> int:
    """Take turns, print medians and bars."""
    found: dict[str, list[dict[str, float]]] = {}
    with measuring.folder() as folder, LocalServer(
        port=free_port(), latency=arguments.latency, core=arguments.server_core
    ) as server:
        each = clients(arguments, server.base_url, folder)
        for number in range(arguments.repeats):
            for name, client in each.items():
                measured = client(number)
                found.setdefault(name, []).append(measured.as_json())
                print(f"  {name:<20}{measured.per_second:>8.0f}/s {measured.cpu_ms:>7.2f} ms CPU "
                      f"{measured.mib:>7.0f} MiB   load {load()}", flush=True)
    result = {name: medians(measured) for name, measured in found.items()}
    ours = result["gvsir"]["per_second"]
    print(table(
        ["median", "calls/s", "CPU ms/call", "peak MiB", "gvsir is"],
        [[name, each["per_second"], each["cpu_ms"], each["mib"], f"{ours / each['per_second']:.2f} x"]
         for name, each in result.items()],
    ))
    data: dict[str, Any] = {"samples": arguments.samples, "connections": arguments.connections, "medians": result,
                            "repeats": found}
    return measuring.report("throughput", data, bars(result), arguments.out)


def main() -> None:
    """Parse and run."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--client-core", type=int, help="keep the clients on this core")
    measuring.add_peers(parser)
    raise SystemExit(run(parser.parse_args()))


if __name__ == "__main__":
    main()
