"""All benchmarks, one after the other: ``python -m tests.benchmarks.run_all``; see README.md beside this file.

    python -m tests.benchmarks.run_all --peers ../peers --out results
    python -m tests.benchmarks.run_all throughput scale

Exits with 1 where a promise that does not depend on the machine is broken: a call paid twice beyond what was in
flight, an outcome lost or counted twice, a total that is wrong.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measuring import ROOT, add_peers, load

#: Benchmarks of runs: they take turns on one local server and write JSON.
RUNS = ("throughput", "kill_resume", "fault_storm", "scale")
#: Benchmarks of statistics: they need no server.
STATISTICS = ("statistics_speed", "leaderboard_speed", "coverage_simulation", "weighted_coverage", "corrected_coverage")
_WITH_PEERS = ("throughput", "kill_resume")


def command(part: str, arguments: argparse.Namespace) -> list[str]:
    """Return the command of one part."""
    words = [sys.executable, "-m", f"tests.benchmarks.{part}"]
    if part in _WITH_PEERS:
        for name in ("peers", "inspect_python", "promptfoo"):
            if value := getattr(arguments, name):
                words += [f"--{name.replace('_', '-')}", value]
    if part in RUNS and arguments.out:
        words += ["--out", str(Path(arguments.out).resolve() / f"{part}.json")]
    return words


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: all of {', '.join(RUNS + STATISTICS)}")
    parser.add_argument("--out", metavar="FOLDER", help="write one JSON file for each benchmark of runs")
    add_peers(parser)
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - {*RUNS, *STATISTICS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.out:
        Path(arguments.out).mkdir(parents=True, exist_ok=True)
    broken = []
    for part in arguments.parts or RUNS + STATISTICS:
        print(f"== {part}   load {load()}", flush=True)
        if subprocess.run(command(part, arguments), cwd=ROOT, check=False).returncode:
            broken.append(part)
    if broken:
        raise SystemExit(f"broken: {', '.join(broken)}")


if __name__ == "__main__":
    main()
