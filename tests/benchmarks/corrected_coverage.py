"""How often 95 % intervals of means put right by people's labels hold the truth.

``python -m tests.benchmarks.corrected_coverage``. The first column is the leaderboard's interval, had all answers
people's scores. Of 2500 draws (seed 2), in %, all / half / a fifth labelled: release with layers 95.6 / 96.0 / 96.0
(the leaderboard's own 95.5), with a standard deviation of 3.5 in the category of 3 incidents 93.4 / 94.1 / 94.2
(92.7), with 1 to 4 items an incident 95.6 / 97.0 / 96.3; 12 categories of 13 95.2 / 95.4 / 95.4, of 4
94.9 / 96.0 / 96.3; one category of 3 incidents 94.9 / 98.0 / 97.7, of 6 94.6 / 96.6 / 96.6, of 12
93.8 / 95.3 / 94.0, of 40 94.4 / 95.6 / 94.7. With G / (G - 1) and as many degrees as labelled incidents less categories, as it
was, the first two were in 1500 draws (seed 1) 91.3 / 94.5 / 96.6 and 88.2 / 91.3 / 95.0.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from bench.metrics.category_table import weighted_table
from bench.metrics.weighted_correction import corrected_part, corrected_whole

#: Incidents of each category of a release as people draw them up, and its layers' weights.
RELEASE = (6, 12, 11, 10, 14, 23, 22, 15, 10, 14, 3, 14)
LAYERED = (*(1 / 6,) * 6, *(1 / 4,) * 4, *(1 / 2,) * 2)
SHARES = (1.0, 0.5, 0.2)


class Design(NamedTuple):
    """Incidents of each category, their weights, standard deviations of people's scores, items of incidents in turn."""

    sizes: tuple[int, ...]
    weights: tuple[float, ...]
    spread: tuple[float, ...]
    items: tuple[int, ...] = (1,)


def _sd(small, sizes):
    return tuple(small if size == min(sizes) else 2.0 for size in sizes)


DESIGNS = {
    "release, layers": Design(RELEASE, LAYERED, _sd(2.0, RELEASE)),
    "release, layers, small category sd 3.5": Design(RELEASE, LAYERED, _sd(3.5, RELEASE)),
    "release, layers, 1 to 4 items": Design(RELEASE, LAYERED, _sd(2.0, RELEASE), (1, 1, 2, 4)),
    "release, equal weights": Design(RELEASE, (1,) * 12, _sd(2.0, RELEASE)),
    "12 x 13": Design((13,) * 12, (1,) * 12, (2.0,) * 12),
    "12 x 4": Design((4,) * 12, (1,) * 12, (2.0,) * 12),
    "2 x 3": Design((3,) * 2, (1,) * 2, (2.0,) * 2),
    "one of 3": Design((3,), (1,), (2.0,)),
    "one of 6": Design((6,), (1,), (2.0,)),
    "one of 12": Design((12,), (1,), (2.0,)),
    "one of 12, 1 to 4 items": Design((12,), (1,), (2.0,), (1, 1, 2, 4)),
    "one of 40": Design((40,), (1,), (2.0,)),
}


def drawn(rng, design, share):
    """Return rows of (judge, people or NaN, weight, item, incident) of each category; the truth is 0.

    The judge is 0.4 off on average and 1.2 at random. Of the incidents of a category ``share`` are labelled, at
    least two; half of the variance of people's scores lies between incidents.
    """
    found, start = [], 0
    for size, sd in zip(design.sizes, design.spread, strict=True):
        times = np.array(design.items)[np.arange(size) % len(design.items)]
        cluster = np.repeat(np.arange(size), times)
        n = len(cluster)
        people = sd * (rng.standard_normal(size)[cluster] + rng.standard_normal(n)) / np.sqrt(2)
        judge = people + 0.4 + 1.2 * rng.standard_normal(n)
        labelled = np.zeros(n, dtype=bool)
        while len(np.unique(cluster[labelled])) < 2:
            labelled[:] = False
            labelled[rng.choice(n, max(2, round(share * n)), replace=False)] = True
        weight = np.full(n, n / labelled.sum())
        found.append((judge, np.where(labelled, people, np.nan), weight, np.arange(start, start + n), start + cluster))
        start += n
    return found


def intervals(rows, weights):
    """Return the corrected mean of ``rows`` of `drawn`."""
    parts = [
        corrected_part(judge, people, weight, item.tolist(), cluster.tolist())
        for judge, people, weight, item, cluster in rows
    ]
    return corrected_whole(parts, weights)


def covered(rng, design, share, *, replications):
    """Return the share of intervals that hold the truth and their mean half width."""
    hits, half = 0, 0.0
    for _ in range(replications):
        found = intervals(drawn(rng, design, share), design.weights)
        hits += found.low <= 0 <= found.high
        half += (found.high - found.low) / 2
    return hits / replications, half / replications


def on_labels(rng, design, *, replications):
    """Return the share of the leaderboard's own intervals of people's scores that hold the truth, and half widths."""
    scores, category, cluster = [], [], []
    for n in range(replications):
        rows = drawn(rng, design, 1.0)
        scores.append(np.concatenate([row[1] for row in rows]))
        if not n:
            category = np.repeat(np.arange(len(rows)), [len(row[1]) for row in rows])
            cluster = np.concatenate([row[4] for row in rows])
    found = weighted_table(np.array(scores), category, cluster, weights=dict(enumerate(design.weights)))
    return np.mean((found.low <= 0) & (found.high >= 0)), np.mean(found.high - found.low) / 2


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    heads = ("leaderboard's", *(f"{share:.0%} labelled" for share in SHARES))
    print(f"{'design: % held ± half width':<42}" + "".join(f"{head:>16}" for head in heads))
    for name, design in DESIGNS.items():
        rng = np.random.default_rng(options.seed)
        cells = [on_labels(rng, design, replications=options.replications)]
        cells += [covered(rng, design, share, replications=options.replications) for share in SHARES]
        print(f"{name:<42}" + "".join(f"{100 * hit:>9.1f} ± {half:<4.2f}" for hit, half in cells), flush=True)


if __name__ == "__main__":
    main()
