"""How often nominal 95 % intervals hold the true mean: ``python -m tests.benchmarks.coverage_simulation``.

Rows: kind of scores, cluster sizes, number of clusters. Columns: methods of
`bench.metrics.intervals.mean_interval`. The interval that ``auto`` takes is the last but two
(means) or the last (bounded scores and shares).
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.metrics.cluster_bootstrap import cluster_bootstrap
from bench.metrics.small_sample import RobustSpread, mean_spread, score_interval, t_interval

KINDS = {
    "normal 0.0": None,
    "normal 0.5": None,
    "normal 0.9": None,
    "scores": (0.0, 10.0),
    "share 0.5": (0.0, 1.0),
    "share 0.8": (0.0, 1.0),
    "share 0.95": (0.0, 1.0),
}
SIZES = ("equal", "unequal", "heavy")
GROUPS = (6, 10, 20, 50, 150)


def cluster_sizes(rng, sizes, groups):
    """Return one draw of cluster sizes: all 5; mean 5 with a long tail; a tenth twelvefold."""
    if sizes == "equal":
        return np.full(groups, 5)
    if sizes == "unequal":
        return 1 + rng.poisson(rng.exponential(4.0, groups))
    found = 1 + rng.poisson(1.5, groups)
    found[: max(1, groups // 10)] *= 12
    return found


def draw_clusters(rng, *, kind, sizes, groups, replications):
    """Return count, sum and sum of squares [replication, cluster], and the true mean."""
    rows = []
    truth = {"normal": 0.0, "scores": 8.0}.get(kind.split()[0])
    truth = float(kind.split()[1]) if truth is None else truth
    for _ in range(replications):
        size = cluster_sizes(rng, sizes, groups)
        code = np.repeat(np.arange(groups), size)
        if kind.startswith("normal"):
            shared = float(kind.split()[1])
            value = np.sqrt(shared) * rng.standard_normal(groups)[code]
            value += np.sqrt(1 - shared) * rng.standard_normal(len(code))
        elif kind == "scores":
            value = rng.binomial(10, rng.beta(6, 1.5, groups)[code]).astype(float)
        else:
            value = (rng.random(len(code)) < rng.beta(2 * truth, 2 * (1 - truth), groups)[code]).astype(float)
        rows.append([np.bincount(code, w, groups) for w in (np.ones(len(code)), value, value**2)])
    count, total, square = np.array(rows, dtype=float).transpose(1, 0, 2)
    return count, total, square, truth


def intervals(count, total, square, bounds, rng, resamples):
    """Return name -> (low, high) arrays."""
    groups = count.shape[1]
    mean, spread = mean_spread(count, total, square)
    residual = (total - count * mean[:, None]) / count.sum(1, keepdims=True)
    plain = np.sqrt((residual**2).sum(1) * groups / (groups - 1))
    found = {"clustered t": t_interval(mean, RobustSpread(plain, np.full(len(mean), groups - 1.0)), 0.95)}
    for kind in ("percentile", "bca"):
        drawn = [
            cluster_bootstrap(t, c, rng=rng, resamples=resamples, kind=kind)
            for t, c in zip(total, count, strict=True)
        ]
        found[kind] = tuple(np.array([[d.low, d.high] for d in drawn]).T)
    found["cr2_t"] = t_interval(mean, spread, 0.95)
    if bounds is not None:
        found["cr2_score"] = score_interval(mean, spread, np.full(len(mean), float(groups)), bounds, 0.95)[:2]
    return found


def main():
    """Print the table of coverage and mean width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("coverage in % (mean width relative to clustered t)")
    names = ("clustered t", "percentile", "bca", "cr2_t", "cr2_score")
    print(f"{'scores':<11}{'sizes':<9}{'G':>4}  " + "".join(f"{name:>15}" for name in names))
    for kind, bounds in KINDS.items():
        for sizes in SIZES:
            for groups in GROUPS:
                count, total, square, truth = draw_clusters(
                    rng, kind=kind, sizes=sizes, groups=groups, replications=options.replications
                )
                found = intervals(count, total, square, bounds, rng, options.resamples)
                base = np.mean(found["clustered t"][1] - found["clustered t"][0])
                cells = ""
                for name in names:
                    if name not in found:
                        cells += f"{'':>15}"
                        continue
                    low, high = found[name]
                    hit = 100 * np.mean((low <= truth + 1e-12) & (truth - 1e-12 <= high))
                    cells += f"{hit:>8.1f} ({np.mean(high - low) / base:.2f})"
                print(f"{kind:<11}{sizes:<9}{groups:>4}  {cells}", flush=True)


if __name__ == "__main__":
    main()
