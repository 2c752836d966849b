"""How often 95 % intervals of layers, wholes and paired differences hold the truth, and how often tiers err.

``python -m tests.benchmarks.weighted_coverage``; the coverage of single means is in `coverage_simulation`.
Columns: t interval of the weighted mean, the same kept on the scale from 0 to 10, interval of a paired difference,
and models that do not differ told apart at 5 %.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import stdtrit

from bench.metrics.category_table import weighted_table
from bench.metrics.weighted_pairs import weighted_pairs

#: Incidents of each category in the demonstration release.
DEMO = (14, 15, 3, 10, 23, 14, 6, 12, 22, 14, 10, 11)
#: name -> incidents of each category, items of one incident (in turn).
DESIGNS = {
    "whole, 12 x 13": ((13,) * 12, (1,)),
    "whole, 12 x 4": ((4,) * 12, (1,)),
    "whole, 12 x 3": ((3,) * 12, (1,)),
    "whole, 12 x 2": ((2,) * 12, (1,)),
    "whole, 12 x 3, 3 items each": ((3,) * 12, (3,)),
    "whole, 12 x 8, 1 to 5 items": ((8,) * 12, (1, 1, 2, 5)),
    "whole, demonstration": (DEMO, (1,)),
    "whole, demonstration, 1 to 4 items": (DEMO, (1, 1, 2, 4)),
    "layer, demonstration's first four": (DEMO[:4], (1,)),
    "layer, 3 + 14 + 14": ((3, 14, 14), (1,)),
    "layer, 5 + 60": ((5, 60), (2,)),
}
SPANNING = {"whole, 40 incidents over 4 of 12 each": (40, 12, 4), "layer, 20 incidents over 2 of 4 each": (20, 4, 2)}


def design_of(name):
    """Return the incident and the category of every item of a design."""
    if name in SPANNING:
        groups, categories, each = SPANNING[name]
        rows = [(g, (g * each + k) % categories) for g in range(groups) for k in range(each) for _ in range(1 + g % 2)]
        return np.array(rows).T
    sizes, items = DESIGNS[name]
    category = np.repeat(np.arange(len(sizes)), sizes)
    times = np.array(items)[np.arange(len(category)) % len(items)]
    return np.repeat(np.arange(len(category)), times), np.repeat(category, times)


def draw_scores(rng, cluster, category, *, replications, shared=0.5, spread=1.0):
    """Return normal scores [replication, item] about 0; ``shared`` of the variance lies between incidents."""
    sd = np.broadcast_to(np.asarray(spread, dtype=float), (category.max() + 1,))[category]
    between = rng.standard_normal((replications, cluster.max() + 1))[:, cluster]
    return sd * (np.sqrt(shared) * between + np.sqrt(1 - shared) * rng.standard_normal((replications, len(cluster))))


def covered(rng, name, *, replications, bounds=None, **how):
    """Return the share of intervals of the weighted mean that hold the truth."""
    cluster, category = design_of(name)
    scores = draw_scores(rng, cluster, category, replications=replications, **how)
    truth = 0.0
    if bounds is not None:
        truth = 6.0
        scores = np.clip(truth + scores, *bounds)
    found = weighted_table(scores, category, cluster, bounds=bounds)
    return np.mean((found.low <= truth) & (truth <= found.high))


def paired(rng, name, *, replications, **how):
    """Return the share of intervals of a paired difference that hold 0, and of p-values up to 0.05."""
    cluster, category = design_of(name)
    hits, errors, left, models = 0, 0, replications, 20
    while left > 0:
        hard = draw_scores(rng, cluster, category, replications=1)
        scores = hard + draw_scores(rng, cluster, category, replications=models, **how)
        found = weighted_pairs(scores, category, cluster)
        own = np.arange(models * (models - 1) // 2)[(found.second == found.first + 1) & (found.first % 2 == 0)]
        hits += np.sum(np.abs(found.difference[own]) <= stdtrit(found.df[own], 0.975) * found.se[own])
        errors += np.sum(found.p_value[own] <= 0.05)
        left -= len(own)
    return hits / (replications - left), errors / (replications - left)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print(f"{'design, in %':<46}{'t':>8}{'0 to 10':>9}{'paired':>8}{'told apart':>12}")
    wide = {"uneven variances": np.linspace(0.6, 1.6, 12)}
    for name in [*DESIGNS, *SPANNING]:
        for label, spread in ({"": 1.0, **wide} if "demonstration" in name and "layer" not in name else {"": 1.0}).items():
            how = {"replications": options.replications, "spread": spread}
            plain = covered(rng, name, **how)
            scaled = covered(rng, name, bounds=(0, 10), **how)
            pairs, wrong = paired(rng, name, **how)
            full = f"{name}, {label}" if label else name
            print(f"{full:<46}{100 * plain:>8.1f}{100 * scaled:>9.1f}{100 * pairs:>8.1f}{100 * wrong:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
