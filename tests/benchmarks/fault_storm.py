"""A fifth of all calls goes wrong; every outcome must still be there, once.

    python -m tests.benchmarks.fault_storm [--share 0.2] [--repeats 3]

Calls get, in equal parts, 429 with ``Retry-After``, 500, a dropped connection, a slow answer, or a 200 with broken
JSON; which ones is drawn anew each time. Runs without and with faults take turns. The server's log must agree with the
run's own account call by call; on that the exit status rests.

The time may be 1.5 times that without faults, plus the server's own ``Retry-After``: what it asked the sample that
ended last to wait, at its answer and its verdict. One that is sent away twice in a row cannot be done sooner by
anybody. The same with a single ``Retry-After``, however often the server said it, is printed beside it, and so are both
numbers of a bare aiohttp client that keeps nothing and asks again what fails, on the same draws of faults.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks import measuring
from tests.benchmarks.gvsir_run import GvsirRun, execute
from tests.benchmarks.measuring import Bar, LocalServer, free_port, load

FAULTS = ("rate_limited", "server_error", "dropped", "slow", "malformed")
MOST_TIMES = 1.5
GVSIR, BARE = "gvsir", "aiohttp with retries"
_SETTLED = """
    SELECT (SELECT COUNT(*) FROM bench_response WHERE state = 'answered'),
           (SELECT COUNT(*) FROM bench_judgement WHERE state = 'scored'),
           (SELECT COUNT(*) FROM bench_response) + (SELECT COUNT(*) FROM bench_judgement),
           (SELECT COUNT(*) FROM bench_score WHERE value IS NOT NULL)
"""


@contextmanager
def server(arguments: argparse.Namespace, port: int, log: Path, *, share: float, seed: int) -> Iterator[LocalServer]:
    """Give a server that fails this share of calls and writes its ``log`` anew."""
    log.write_text("")
    options = ["--retry-after", str(arguments.retry_after), "--slow-seconds", str(arguments.slow_seconds),
               "--seed", str(seed)]
    for name in FAULTS if share else ():
        options += ["--fault", f"{name}={share / len(FAULTS)}"]
    with LocalServer(port=port, log=log, latency=arguments.latency, core=arguments.server_core, options=options) as made:
        yield made


def told_to_wait(entries: Sequence[Mapping[str, Any]], retry_after: float) -> float:
    """Return the seconds that the server asked the sample that ended last to wait."""
    last = max(entries, key=lambda entry: entry["at"])["of"]
    return retry_after * sum(entry["of"] == last and entry["fault"] == "rate_limited" for entry in entries)


def storm(made: GvsirRun, arguments: argparse.Namespace, port: int, *, share: float, seed: int) -> dict[str, Any]:
    """Execute one run; hold its records against the server's log."""
    file = made.copy("storm")
    with server(arguments, port, file.with_suffix(".log"), share=share, seed=seed) as served:
        measured = execute(file)
        entries, heard = served.entries(), served.heard()
    faults = Counter(entry["fault"] for entry in entries if entry["fault"])
    with closing(sqlite3.connect(file)) as connection:
        answered, scored, records, scores = connection.execute(_SETTLED).fetchone()
    calls = measured.data["account"]["calls"]
    noted = Counter({name: number for name, number in calls["failed"].items() if number})
    expected = Counter({name: number for name, number in faults.items() if name != "slow"})
    return {
        "client": GVSIR, "share": share, "seconds": measured.data["seconds"],
        "retry_after": told_to_wait(entries, arguments.retry_after), "sent": calls["sent"], "received": len(entries),
        "faults": dict(faults), "noted": dict(noted),
        "accounted": answered == scored == scores == arguments.samples and records == 2 * arguments.samples,
        "no_duplicate": all(each.paid == 1 for each in heard.values()) and len(heard) == 2 * arguments.samples,
        "calls_agree": calls["sent"] == len(entries) and noted == expected,
    }


def bare(folder: Path, arguments: argparse.Namespace, port: int, *, share: float, seed: int) -> dict[str, Any]:
    """Do the same calls with a client that keeps nothing."""
    with server(arguments, port, folder / "bare.log", share=share, seed=seed) as served:
        measured = measuring.measure([
            sys.executable, "-m", "tests.benchmarks.peers.clients", "aiohttp-retries", "--base-url", served.base_url,
            "--samples", str(arguments.samples), "--connections", str(arguments.connections),
        ])
        entries = served.entries()
    return {"client": BARE, "share": share, "seconds": measured.data["seconds"], "received": len(entries),
            "retry_after": told_to_wait(entries, arguments.retry_after)}


def times(found: Sequence[Mapping[str, Any]], client: str) -> tuple[float, float, float]:
    """Return the median seconds of ``client`` without faults, with them, and with them less the last ``Retry-After``s."""
    ours = [each for each in found if each["client"] == client]
    stormy = [each for each in ours if each["share"]]
    return (
        statistics.median(each["seconds"] for each in ours if not each["share"]),
        statistics.median(each["seconds"] for each in stormy),
        statistics.median(each["seconds"] - each["retry_after"] for each in stormy),
    )


def run(arguments: argparse.Namespace) -> int:
    """Take turns and compare."""
    found: list[dict[str, Any]] = []
    with measuring.folder() as folder:
        port = free_port()
        made = GvsirRun(folder, samples=arguments.samples, base_url=f"http://127.0.0.1:{port}/v1",
                        connections=arguments.connections)
        for seed in range(arguments.repeats):
            for share in (0.0, arguments.share):
                found.append(storm(made, arguments, port, share=share, seed=seed))
                found.append(bare(folder, arguments, port, share=share, seed=seed))
                for each in found[-2:]:
                    print(f"  {each['client']:<22}{share:>4.0%} faults: {each['seconds']:.2f} s, {each['retry_after']:g} s of "
                          f"them Retry-After at the end, {each['received']:,} calls   load {load()}", flush=True)
    read = {client: times(found, client) for client in (GVSIR, BARE)}
    wait = arguments.retry_after
    print(measuring.table(
        ["median seconds", "no faults", "faults", "without last Retry-After", f"{MOST_TIMES} x", f"{MOST_TIMES} x + {wait:g}"],
        [[client, plain, stormy, own, MOST_TIMES * plain, MOST_TIMES * plain + wait]
         for client, (plain, stormy, own) in read.items()],
    ))
    plain, stormy, own = read[GVSIR]
    allowed = MOST_TIMES * plain
    bars = [
        Bar(what="seconds with faults, the server's Retry-After at the end left out", measured=own, is_kept=own < allowed,
            promised=f"< {MOST_TIMES} x {plain:.2f} = {allowed:.2f}"),
        Bar(what="seconds with faults, one Retry-After allowed", measured=stormy, is_kept=stormy < allowed + wait,
            promised=f"< {MOST_TIMES} x {plain:.2f} + {wait:g} = {allowed + wait:.2f}"),
    ]
    ours = [each for each in found if each["client"] == GVSIR]
    for key, what in (("accounted", "all outcomes accounted for"), ("no_duplicate", "none paid twice"),
                      ("calls_agree", "calls and failures as the server counts them")):
        good = sum(each[key] for each in ours)
        bars.append(Bar(what=what, promised=f"{len(ours)} of {len(ours)}", measured=good, is_kept=good == len(ours),
                        is_logic=True))
    return measuring.report("fault_storm", {"runs": found}, bars, arguments.out)


def main() -> None:
    """Parse and run."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--retry-after", type=float, default=1.0)
    parser.add_argument("--slow-seconds", type=float, default=0.5, help="how much later a slow answer comes")
    parser.add_argument("--repeats", type=int, default=5)
    raise SystemExit(run(parser.parse_args()))


if __name__ == "__main__":
    main()
