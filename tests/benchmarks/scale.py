"""Memory and rate from 2,000 to 20,000 samples: both should stay as they are.

    python -m tests.benchmarks.scale [--sizes 2000 6000 20000] [--repeats 3]

Sizes take turns; medians are printed.
"""

from __future__ import annotations

import argparse
from typing import Any

from tests.benchmarks import measuring
from tests.benchmarks.gvsir_run import GvsirRun, execute
from tests.benchmarks.measuring import Bar, LocalServer, free_port, load, medians, table

MOST_MIB, LEAST_RATE, MOST_GROWTH = 150, 0.9, 1.1


def run(arguments: argparse.Namespace) -> int:
    """Measure each size."""
    found: dict[int, list[dict[str, float]]] = {size: [] for size in arguments.sizes}
    with measuring.folder() as folder, LocalServer(
        port=free_port(), latency=arguments.latency, core=arguments.server_core
    ) as server:
        made = {
            size: GvsirRun(folder, samples=size, base_url=server.base_url, connections=arguments.connections)
            for size in arguments.sizes
        }
        for _ in range(arguments.repeats):
            for size, run_of_size in made.items():
                measured = execute(run_of_size.copy("scale"))
                assert measured.data["account"]["judgements"]["scored"] == size, measured.data
                found[size].append(measured.as_json())
                print(f"  {size:>6} samples: {measured.per_second:.0f}/s, {measured.cpu_ms:.2f} ms CPU, "
                      f"{measured.mib:.0f} MiB   load {load()}", flush=True)
    result = {size: medians(each) for size, each in found.items()}
    print(table(["samples", "calls/s", "CPU ms/call", "peak MiB"],
                [[size, each["per_second"], each["cpu_ms"], each["mib"]] for size, each in result.items()]))
    small, big = result[min(result)], result[max(result)]
    rate, growth = big["per_second"] / small["per_second"], big["mib"] / small["mib"]
    bars = [
        Bar(what="peak MiB of the largest", promised=f"< {MOST_MIB}", measured=big["mib"], is_kept=big["mib"] < MOST_MIB),
        Bar(what="memory, largest to smallest", promised=f"<= {MOST_GROWTH}", measured=growth,
            is_kept=growth <= MOST_GROWTH),
        Bar(what="rate, largest to smallest", promised=f">= {LEAST_RATE}", measured=rate, is_kept=rate >= LEAST_RATE),
    ]
    data: dict[str, Any] = {"medians": {str(size): each for size, each in result.items()}}
    return measuring.report("scale", data, bars, arguments.out)


def main() -> None:
    """Parse and run."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 6000, 20000])
    parser.add_argument("--repeats", type=int, default=3)
    raise SystemExit(run(parser.parse_args()))


if __name__ == "__main__":
    main()
