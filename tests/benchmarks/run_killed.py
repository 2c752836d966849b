"""Kill a run without warning at 10, 50 and 90 %, resume it, and count what was paid twice.

    python -m tests.benchmarks.run_killed [--samples 2000] [--connections 100] [--repeats 3]

A call counts as paid when the server handed its answer to a connection that was still open. Paid twice is a prompt
whose answer was handed over more than once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.benchmarks.run_throughput import ROOT

_PREPARE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.benchmarks.big_release import make_big_release
print(make_big_release({samples}).name)
"""


def entries(log: Path) -> list[dict[str, object]]:
    """Return what the server logged."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def once(samples: int, connections: int, share: float, latency: float) -> dict[str, float]:
    """Kill one run at ``share`` of its calls; return the counts."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "calls.jsonl"
        line = len(json.dumps({"prompt": "0" * 16, "try": 1, "fault": "", "judge": False, "delivered": True, "at": time.time()})) + 1
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": f"sqlite:///{folder}/killed.sqlite3",
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.fake_server", "--latency", str(latency), "--log", str(log)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        assert server.stdout is not None
        name = f"fake@{server.stdout.readline().strip()}"
        try:
            subprocess.run([sys.executable, "-c", _PREPARE.format(samples=samples)], cwd=ROOT, env=environment, check=True, capture_output=True)
            command = [sys.executable, "manage.py", "bench_run"]
            first = subprocess.Popen(
                [*command, f"big-{samples}", "--model", name, "--judge", name, "--concurrency", str(connections)],
                cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            while not log.exists() or log.stat().st_size < share * 2 * samples * line:
                time.sleep(0.002)
            first.send_signal(signal.SIGKILL)
            first.wait()
            time.sleep(2 * latency + 0.2)
            before = len(entries(log))
            done = subprocess.run(
                [*command, "--resume", "1", "--json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
            )
            account = json.loads(done.stdout)
            handed_over = Counter(str(entry["prompt"]) for entry in entries(log) if entry["delivered"])
            received = Counter(str(entry["prompt"]) for entry in entries(log))
            return {
                "killed_at": before,
                "paid_twice": sum(number - 1 for number in handed_over.values() if number > 1),
                "sent_twice": sum(number - 1 for number in received.values() if number > 1),
                "scored": account["judgements"]["scored"],
                "counted": account["calls"]["sent"],
            }
        finally:
            server.terminate()


def main() -> None:
    """Print each run and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    for share in (0.1, 0.5, 0.9):
        found = []
        for _ in range(arguments.repeats):
            found.append(once(arguments.samples, arguments.connections, share, arguments.latency))
            print(f"  {share:.0%}", found[-1], flush=True)
        print(f"{share:.0%}: paid twice, median {statistics.median(each['paid_twice'] for each in found):g}")


if __name__ == "__main__":
    main()
