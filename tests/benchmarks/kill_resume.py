"""Kill a run without warning, resume it, and count at the server what was paid twice.

    python -m tests.benchmarks.kill_resume [--kills 5] [--inspect-python PATH] [--latency 2 --samples 300]

The process is killed when the server has finished 10, 50 and 90 % of the calls. Then the same command goes on.
Three counts, all by prompt, from the server's own log:

paid twice
    calls whose good answer the server handed over twice: what was answered, but not yet durable, when the process was
    killed;
and as it died
    the same, but handed over for the first time after the signal: the system takes a process
    apart before it closes its connections, and what comes in then nobody can read;
sent twice
    calls that reached the server twice, those it was still working on when the process died included: nobody can
    have their answers, and whether they are charged is the provider's custom.

Nothing that was durable at the kill, in the database or in the journal that the process writes beside it, may be
missing, changed or asked again, and the totals must be right: on
these the exit status rests, and on nothing being sent twice beyond what was in flight.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import measuring
from tests.benchmarks.gvsir_run import GvsirRun, environment, execute, start
from tests.benchmarks.measuring import Bar, LocalServer, free_port, load, table
from tests.benchmarks.peers.environments import INSPECT_RUN, inspect_python

SHARES = (0.1, 0.5, 0.9)
MOST_PAID_TWICE = 16
_RECORDS = """
    SELECT 'r' || id, state, text, '' || attempts, answered_at, executor_id FROM bench_response WHERE state <> 'pending'
    UNION ALL
    SELECT 'j' || id, state, raw_text, '' || value, judged_at, executor_id FROM bench_judgement WHERE state <> 'pending'
"""

Records = dict[str, tuple[Any, ...]]


def durable(file: Path) -> Records:
    """Return every settled record in the database, read from a copy so that the dead process's files stay as left."""
    copy = file.with_name(f"read-{file.name}")
    for ending in ("", "-wal"):
        source = file.with_name(file.name + ending)
        if source.exists():
            shutil.copy(source, copy.with_name(copy.name + ending))
    connection = sqlite3.connect(copy)
    try:
        return {row[0]: row[1:] for row in connection.execute(_RECORDS)}
    finally:
        connection.close()
        for ending in ("", "-wal", "-shm"):
            copy.with_name(copy.name + ending).unlink(missing_ok=True)


def journaled(file: Path) -> set[str]:
    """Return the keys of the questions whose answers or verdicts are in the dead process's journal only."""
    folder = Path(environment(file)["GVSIR_MEDIA_ROOT"]) / "journals"
    found = {
        line["key"] for path in folder.glob("*.jsonl") for text in path.read_text(encoding="utf-8").splitlines(keepends=True)
        if text.endswith("\n") and "completion" in (line := json.loads(text))["data"]
    }
    copy = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        settled = {row[0] for row in copy.execute(
            "SELECT key FROM bench_response WHERE state <> 'pending' UNION ALL "
            "SELECT key FROM bench_judgement WHERE state <> 'pending'"
        )}
    finally:
        copy.close()
    return found - settled


def kill_after(process: subprocess.Popen[bytes], server: LocalServer, calls: int, rng: random.Random) -> float:
    """Kill ``process`` a few milliseconds after the server has finished ``calls``; return the moment."""
    assert server.log is not None
    finished = 0
    with server.log.open("rb") as lines:
        while finished < calls:
            finished += lines.read().count(b"\n")
            if process.poll() is not None:
                raise SystemExit(f"the process ended with {process.returncode} before it was killed")
            time.sleep(0.001)
    time.sleep(0.03 * rng.random())
    moment = time.time()
    process.send_signal(signal.SIGKILL)
    process.wait()
    return moment


def settle(server: LocalServer, latency: float) -> None:
    """Wait until the server is done with what nobody waits for any more."""
    before = -1
    while (now := server.finished_calls()) != before:
        before = now
        time.sleep(latency + 0.25)


def counted(server: LocalServer, moment: float) -> dict[str, int]:
    """Return what the server's log says once all is over."""
    heard = server.heard().values()
    handed: dict[str, list[float]] = {}
    for entry in server.entries():
        if entry["delivered"] and entry["fault"] in ("", "slow"):
            handed.setdefault(entry["prompt"], []).append(entry["at"])
    dying = sum(len(each) > 1 and min(each) > moment for each in handed.values())
    return {
        "in_flight": sum(1 for entry in server.entries() if entry["at"] > moment and entry["at"] < moment + 60
                         and not entry["delivered"]),
        "paid_twice": sum(max(0, each.paid - 1) for each in heard) - dying,
        "as_it_died": dying,
        "sent_twice": sum(max(0, each.asked - 1) for each in heard),
        "prompts": len(heard),
    }


def one_kill(made: GvsirRun, arguments: argparse.Namespace, share: float, number: int, port: int) -> dict[str, Any]:
    """Kill and resume one run; return what was counted and whether the records are right."""
    file = made.copy(f"kill-{number}")
    log = file.with_suffix(".log")
    log.touch()
    calls, rng = 2 * arguments.samples, random.Random(f"{share}:{number}")
    with LocalServer(port=port, log=log, latency=arguments.latency, core=arguments.server_core) as server:
        moment = kill_after(start(file), server, round(share * calls), rng)
        settle(server, arguments.latency)
        kept, answered, in_journal = durable(file), server.finished_calls(), len(journaled(file))
        account = execute(file).data["account"]
        after = durable(file)
        count = counted(server, moment)
        asked_again = server.finished_calls() - answered
    result = {
        **count, "share": share, "durable": len(kept), "in_journal": in_journal,
        "kept": all(after.get(key) == record for key, record in kept.items()),
        "not_asked_again": asked_again == calls - len(kept) - in_journal,
        "totals_right": account["responses"]["answered"] == account["judgements"]["scored"] == arguments.samples
        and count["prompts"] == calls == len(after),
    }
    log.unlink()
    file.unlink()
    return result


def inspect_kill(arguments: argparse.Namespace, python: str, folder: Path, port: int) -> dict[str, Any]:
    """Kill and retry inspect_ai at half of the calls."""
    log = folder / "inspect.log"
    log.touch()
    logs = folder / "inspect-logs"
    with LocalServer(port=port, log=log, latency=arguments.latency, core=arguments.server_core) as server:
        command = [
            python, str(INSPECT_RUN), "VERB", "--base-url", server.base_url, "--samples", str(arguments.samples),
            "--connections", str(arguments.connections), "--logs", str(logs),
        ]
        process = subprocess.Popen([word if word != "VERB" else "eval" for word in command], cwd=folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        moment = kill_after(process, server, arguments.samples, random.Random(0))
        settle(server, arguments.latency)
        done = measuring.measure([word if word != "VERB" else "retry" for word in command], cwd=folder)
        return {**counted(server, moment), "share": 0.5, "completed": done.data["completed"]}


def shown(found: list[dict[str, Any]]) -> str:
    """Return the table of kills."""
    return table(
        ["killed at", "durable", "in journal", "in flight", "paid twice", "and as it died", "sent twice", "kept",
         "not asked again", "totals right"],
        [[f"{each['share']:.0%}", each["durable"], each["in_journal"], each["in_flight"], each["paid_twice"], each["as_it_died"],
          each["sent_twice"], each["kept"], each["not_asked_again"], each["totals_right"]] for each in found],
    )


def run(arguments: argparse.Namespace) -> int:
    """Kill, resume, count."""
    found: list[dict[str, Any]] = []
    with measuring.folder() as folder:
        port = free_port()
        made = GvsirRun(folder, samples=arguments.samples, base_url=f"http://127.0.0.1:{port}/v1",
                        connections=arguments.connections)
        for number in range(arguments.kills):
            for share in SHARES:
                found.append(one_kill(made, arguments, share, number, port))
        print(shown(found))
        peer = None
        if python := inspect_python(arguments):
            peer = inspect_kill(arguments, python, folder, port)
            print(f"inspect_ai killed at 50 %, then eval_retry: {peer['paid_twice']} paid twice, "
                  f"{peer['as_it_died']} more as it died, {peer['sent_twice']} sent twice, {peer['in_flight']} in flight   load {load()}")
    kept = []
    for share in SHARES:
        twice = statistics.median(each["paid_twice"] + each["as_it_died"] for each in found if each["share"] == share)
        kept.append(Bar(what=f"paid twice or as it died, killed at {share:.0%}, median of {arguments.kills}",
                        promised=f"<= {MOST_PAID_TWICE}", measured=twice, is_kept=twice <= MOST_PAID_TWICE))
    most = max(each["sent_twice"] for each in found)
    kept.append(Bar(what="most sent twice", promised=f"<= {arguments.connections} in flight", measured=most,
                    is_kept=most <= arguments.connections, is_logic=True))
    for key, what in (("kept", "every durable record kept as it was"), ("not_asked_again", "none of them asked again"),
                      ("totals_right", "totals right")):
        good = sum(each[key] for each in found)
        kept.append(Bar(what=what, promised=f"{len(found)} of {len(found)}", measured=good, is_kept=good == len(found),
                        is_logic=True))
    return measuring.report("kill_resume", {"kills": found, "inspect_ai": peer}, kept, arguments.out)


def main() -> None:
    """Parse and run."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--kills", type=int, default=5, help="at each of 10, 50 and 90 %%")
    measuring.add_peers(parser)
    raise SystemExit(run(parser.parse_args()))


if __name__ == "__main__":
    main()
