"""Requests per second of a whole run, every record durable, beside a bare aiohttp client in the same script.

    python -m tests.benchmarks.run_throughput [--samples 2000] [--connections 100] [--repeats 3]

The fake server runs in a process of its own and takes 50 ms to answer. A sample is one generation and one verdict
of a judge that is a language model. Client and run alternate; medians are printed. The run's time is that of the
whole ``bench_run --resume`` work: claiming, asking, recording, scoring.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def serve(latency: float) -> tuple[subprocess.Popen[str], str]:
    """Start the server; return it with its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_server", "--latency", str(latency)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


async def bare(base_url: str, calls: int, connections: int) -> float:
    """Return the seconds a bare aiohttp client takes for as many calls."""
    import aiohttp

    numbers = iter(range(calls))
    prompt = "x" * 300
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def work() -> None:
            for number in numbers:
                body = {"model": "fake", "messages": [{"role": "user", "content": f"{number} {prompt}"}]}
                async with session.post(f"{base_url}/chat/completions", json=body) as reply:
                    data = await reply.json()
                    assert data["choices"]

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(connections)))
        return time.perf_counter() - begun


def one_bare(arguments: argparse.Namespace) -> dict[str, float]:
    """Measure the bare client in this process."""
    cpu = time.process_time()
    seconds = asyncio.run(bare(arguments.base_url, 2 * arguments.samples, arguments.connections))
    return _result(2 * arguments.samples, seconds, time.process_time() - cpu)


def one_run(arguments: argparse.Namespace) -> dict[str, float]:
    """Measure a whole run in this process, on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GVSIR_DATABASE_URL"] = f"sqlite:///{folder}/bench.sqlite3"
        os.environ["DJANGO_SETTINGS_MODULE"] = "gvsir.settings"
        import django

        django.setup()
        from django.core.management import call_command

        from bench.actions.create_run import create_run
        from bench.actions.execute_run import execute_run
        from bench.actions.register_language_model import register_judge, register_language_model
        from tests.benchmarks.big_release import make_big_release

        call_command("migrate", verbosity=0)
        name = f"fake@{arguments.base_url}"
        run = create_run(
            release=make_big_release(arguments.samples),
            language_models=[register_language_model(name)], judges=[register_judge(f"judge@{arguments.base_url}")],
            concurrency=arguments.connections, actor=None,
        )
        import openai

        assert openai.AsyncOpenAI  # a second of importing, once a process, is not the run's
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, begun = time.process_time(), time.perf_counter()
        account = execute_run(run.pk)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        assert account.judgements["scored"] == arguments.samples, account.as_json()
        result = _result(account.sent, seconds, cpu)
        result["mib_before"] = before / 1024
        return result


def _result(calls: int, seconds: float, cpu: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"per_second": calls / seconds, "cpu_ms": cpu / calls * 1000, "mib": peak, "seconds": seconds}


def main() -> None:
    """Alternate, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=("bare", "run"), help=argparse.SUPPRESS)
    parser.add_argument("--base-url", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps({"bare": one_bare, "run": one_run}[arguments.one](arguments)))
        return
    server, base_url = serve(arguments.latency)
    results: dict[str, list[dict[str, float]]] = {"bare": [], "run": []}
    try:
        for _ in range(arguments.repeats):
            for name, found in results.items():
                done = subprocess.run(
                    [
                        sys.executable, "-m", "tests.benchmarks.run_throughput", "--one", name, "--base-url", base_url,
                        "--samples", str(arguments.samples), "--connections", str(arguments.connections),
                    ],
                    cwd=ROOT, capture_output=True, text=True, check=False,
                )
                if done.returncode:
                    raise SystemExit(done.stderr)
                found.append(json.loads(done.stdout.splitlines()[-1]))
                print(f"  {name:<5}" + "".join(f"  {key} {value:.3f}" for key, value in found[-1].items()), flush=True)
    finally:
        server.terminate()
    medians = {
        name: {key: statistics.median(each[key] for each in found) for key in found[0]} for name, found in results.items()
    }
    for name, median in medians.items():
        print(f"{name:<5}" + "".join(f"  {key} {value:.2f}" for key, value in median.items()))
    print(f"run / bare: {medians['run']['per_second'] / medians['bare']['per_second']:.2f}")


if __name__ == "__main__":
    main()
