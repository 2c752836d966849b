from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import linalg

from bench.metrics.category_table import weighted_table
from bench.metrics.correction_degrees import Weighed, degrees_of, working_model
from bench.metrics.intervals import clustered_mean
from bench.metrics.weighted_correction import (
    corrected_part,
    corrected_whole,
    effective_count,
    weighted_prediction_powered_mean,
)
from gvsir.exceptions import UndefinedStatisticError
from tests.benchmarks.corrected_coverage import DESIGNS, Design, covered, drawn, intervals


def test_by_hand():
    """Two labelled of four: own mean 6, residuals -2 (stands for 3) and 0 (for 1): 6 - 1.5.

    f - 6 over 4: -.5, 0, .25, .25, each over sqrt(3 / 4); labelled add .75 * (-2 + 1.5) / sqrt(1 / 4) and
    .25 * (0 + 1.5) / sqrt(3 / 4): sums -1.32735, .43301, .28868, .28868.
    """
    found = weighted_prediction_powered_mean([4, 6, 7, 7], [2, 6, None, None], [3, 1, None, None], "abcd")
    assert found.value == pytest.approx(4.5)
    assert found.uncorrected == 6
    assert found.correction == pytest.approx(-1.5)
    assert found.se == pytest.approx(math.sqrt(1.32735**2 + 0.43301**2 + 2 * 0.28868**2), rel=1e-5)
    assert (found.n_labelled, found.n_judged) == (2, 4)


def test_with_every_response_labelled_it_is_the_peoples_mean_and_its_clustered_error():
    rng = np.random.default_rng(3)
    judge, human = rng.uniform(0, 10, 39), rng.uniform(0, 10, 39)
    clusters = [f"i{n // 3}" for n in range(39)]
    found = weighted_prediction_powered_mean(judge, human, np.ones(39), clusters)
    own = clustered_mean(human, clusters)
    assert found.value == pytest.approx(own.value)
    # incidents of equal size have G - 1 degrees, whatever varies within them
    assert (found.se, found.low, found.high) == pytest.approx((own.se, own.low, own.high))


@pytest.mark.parametrize(("items", "close"), [((1,), 1e-9), ((1, 1, 2, 4), 0.15)])
def test_with_every_response_labelled_a_whole_has_the_leaderboards_interval_of_peoples_scores(items, close):
    """Categories of 3 to 22 incidents: the same standard error, and the degrees but for a matrix cut at 0."""
    sizes = (3, 7, 22)
    design = Design(sizes, (1.0, 2.0, 1.0), (3.5, 2.0, 2.0), items)
    rng = np.random.default_rng(6)
    for _ in range(5):
        rows = drawn(rng, design, 1.0)
        found = intervals(rows, design.weights)
        category = np.repeat(np.arange(3), [len(row[0]) for row in rows])
        people, cluster = (np.concatenate([row[place] for row in rows]) for place in (1, 4))
        own = weighted_table(people[None], category, cluster, weights=dict(enumerate(design.weights)))
        assert (found.value, found.se) == pytest.approx((own.value[0, 0], own.se[0, 0]))
        assert found.high - found.low == pytest.approx(own.high[0, 0] - own.low[0, 0], rel=close)


def test_degrees_of_freedom_are_those_of_the_matrix_of_the_working_model():
    """Incidents that feed two categories, some labelled: tr(Q)^2 / tr(Q^2) of matrices response by response."""
    rng = np.random.default_rng(8)
    weights, parts, rows = np.array([0.3, 0.7]), [], []
    for place, n in enumerate((14, 17)):
        cluster = rng.integers(0, 6, n)
        judge = rng.normal(5, 1, n) + rng.normal(0, 1, 6)[cluster]
        human = np.where(np.arange(n) % 3 < 2, judge + rng.normal(-1, 1, n) + cluster / 4, np.nan)
        stands = rng.uniform(1, 3, n)
        part = corrected_part(judge, human, stands, range(n), cluster.tolist())
        code = np.array([part.clusters.index(each) for each in cluster])
        parts.append(Weighed(np.array(part.clusters), part.share, part.squares, part.judged, part.labelled))
        share = np.where(np.isnan(human), 0.0, stands)
        rows.append((np.stack([np.full(n, 1 / n), share / share.sum()], 1), cluster, place, part.share[code]))
    within, between = working_model(parts)
    # a row of `terms` is what an incident's t_g takes of every response's judge's score and correction
    blocks, effects = [], []
    for weight, cluster, place, _share in rows:
        for kind in range(2):
            h = np.array([weight[cluster == g, kind].sum() for g in range(6)])
            own = (cluster[None, :] == np.arange(6)[:, None]) - h[:, None]
            blocks.append(weights[place] / np.sqrt(1 - h)[:, None] * own * weight[:, kind])
        root = linalg.sqrtm(between[place])
        effects.append(np.vstack([np.kron(np.eye(6)[cluster], root[kind]) for kind in range(2)]))
    terms = np.hstack(blocks)
    omega = np.vstack(effects) @ np.vstack(effects).T
    omega += linalg.block_diag(*(np.kron(within[place], np.eye(len(row[1]))) for place, row in enumerate(rows)))
    q = terms @ omega @ terms.T
    assert degrees_of(parts, weights) == pytest.approx(np.trace(q) ** 2 / np.trace(q @ q))


def test_scores_and_corrections_that_do_not_vary_have_no_error():
    part = corrected_part([8] * 6, [6] * 6, [1] * 6, range(6), range(6))
    found = corrected_whole([part], [1.0])
    assert (found.value, found.se, found.low, found.high) == pytest.approx((6.0, 0.0, 6.0, 6.0), abs=1e-12)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("name", ["release, layers", "release, layers, small category sd 3.5", "one of 6"])
def test_intervals_cover_where_a_category_of_few_incidents_weighs_much(name, share):
    """93 to 97 % in 2500 draws (see `tests.benchmarks.corrected_coverage`); here 250, within three errors."""
    held, _half = covered(np.random.default_rng(12), DESIGNS[name], share, replications=250)
    assert 0.905 <= held <= 0.996


def test_fewer_labels_do_not_look_more_precise():
    """Of the same release, all labelled, half and a fifth: wider each time on average."""
    halves = [
        covered(np.random.default_rng(5), DESIGNS["12 x 13"], share, replications=40)[1] for share in (1.0, 0.5, 0.2)
    ]
    assert halves[0] < halves[1] < halves[2]


def test_a_correction_that_is_only_rounding_is_0():
    judge = [0.1 + 0.2, 0.5, 0.7, 0.9]
    assert corrected_whole([corrected_part(judge, [0.3, 0.5, 0.7, 0.9], [1] * 4, "abcd", "abcd")], [1]).correction == 0


def test_a_response_without_a_verdict_counts_nowhere():
    judge, human, weights = [5, 7, None, 6, 6], [4, 6, 0, None, None], [1, 1, 9, None, None]
    found = weighted_prediction_powered_mean(judge, human, weights, "abcde")
    assert (found.value, found.n_labelled, found.n_judged) == (5.0, 2, 4)


@pytest.mark.parametrize(
    ("human", "clusters", "reason"),
    [([5, None, None], "abc", "Two labelled"), ([5, 6, None], "aab", "one incident")],
)
def test_too_little_is_undefined_with_its_reason(human, clusters, reason):
    with pytest.raises(UndefinedStatisticError, match=reason):
        weighted_prediction_powered_mean([5, 6, 7], human, [1, 1, 1], clusters)


def test_it_covers_the_truth_when_strata_are_drawn_unequally_where_the_unweighted_mean_does_not():
    """A judge 3 too high on the rare low third: labels equal in number per stratum, strata unequal in size.

    The variance does not count on the strata, so that it covers more than 95 %.
    """
    rng = np.random.default_rng(11)
    covered = biased = 0
    for _ in range(300):
        is_low = rng.random(400) < 0.15
        truth = np.where(is_low, 2.0, 7.0) + rng.normal(0, 1, 400)
        judge = truth + np.where(is_low, 3.0, 0.0) + rng.normal(0, 0.5, 400)
        human, weights = np.full(400, np.nan), np.full(400, np.nan)
        for stratum in (np.flatnonzero(is_low), np.flatnonzero(~is_low)):
            drawn = rng.choice(stratum, 25, replace=False)
            human[drawn], weights[drawn] = truth[drawn], len(stratum) / 25
        found = weighted_prediction_powered_mean(judge, human, weights, list(range(400)))
        plain = weighted_prediction_powered_mean(judge, human, np.ones(400), list(range(400)))
        expected = 0.15 * 2 + 0.85 * 7
        covered += found.low <= expected <= found.high
        biased += plain.low <= expected <= plain.high
    assert 0.92 <= covered / 300 <= 0.998
    assert biased / 300 < 0.05


def test_unequal_weights_count_for_less():
    assert effective_count([2, 2, 2]) == pytest.approx(3)
    assert effective_count([9, 1, 1]) == pytest.approx(121 / 83)


def test_with_one_response_an_item_a_part_is_the_plain_correction():
    rng = np.random.default_rng(5)
    judge, clusters = rng.uniform(0, 10, 40), [str(n % 9) for n in range(40)]
    human = np.where(np.arange(40) % 3 == 0, judge + rng.normal(-1, 1, 40), np.nan)
    weights = rng.uniform(1, 4, 40)
    plain = weighted_prediction_powered_mean(judge, human, weights, clusters)
    found = corrected_whole([corrected_part(judge, human, weights, list(range(40)), clusters)], [3.0])
    for name in ("value", "se", "low", "high", "uncorrected", "n_labelled", "n_judged"):
        assert getattr(found, name) == pytest.approx(getattr(plain, name)), name


def test_an_incident_in_two_categories_is_one_cluster():
    one = corrected_part([8, 8, 8], [6, 8, 7], [1, 1, 1], "abc", ["x", "y", "z"])
    again = corrected_part([8, 8, 8], [6, 8, 7], [1, 1, 1], "def", ["x", "y", "z"])
    apart = corrected_part([8, 8, 8], [6, 8, 7], [1, 1, 1], "def", ["u", "v", "w"])
    assert corrected_whole([one, again], [1, 1]).se == pytest.approx(corrected_whole([one], [1]).se)
    assert corrected_whole([one, apart], [1, 1]).se == pytest.approx(corrected_whole([one], [1]).se / np.sqrt(2))


def test_the_interval_of_a_whole_covers_what_people_would_say():
    """Four categories of unequal size, asked unequally often, 20 labels at random in each: 95 % within noise."""
    rng = np.random.default_rng(11)
    covered, runs = 0, 300
    for _ in range(runs):
        parts, truth = [], []
        for size in (30, 40, 60, 80):
            item = np.repeat(np.arange(size), rng.integers(1, 4, size))
            clusters = item // 2
            judge = 6 + rng.normal(0, 1, size)[item] + rng.normal(0, 1, len(item))
            people = judge - 1 + 0.5 * rng.normal(0, 1, len(item))
            truth.append(5.0)
            shown = np.full(len(item), np.nan)
            chosen = rng.choice(len(item), 20, replace=False)
            shown[chosen] = people[chosen]
            parts.append(corrected_part(judge, shown, np.ones(len(item)), item.tolist(), clusters.tolist()))
        found = corrected_whole(parts, [1, 1, 1, 2])
        covered += found.low <= np.average(truth, weights=[1, 1, 1, 2]) <= found.high
    assert 0.915 <= covered / runs <= 0.985
