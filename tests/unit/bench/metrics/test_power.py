"""What a comparison can resolve: variances found again in simulated scores."""

from __future__ import annotations

import random

import pytest

from bench.metrics.power import intraclass, measured_design


def simulated(rng, *, n_incidents, size, epochs, between, shared, within):
    """Return two models' scores; differences of items of one incident share the variance ``shared``."""
    models = [{}, {}]
    for incident in range(n_incidents):
        common = rng.gauss(0, shared**0.5)
        for item in range(size):
            difference = common + rng.gauss(0, (between - shared) ** 0.5)
            for sign, scores in zip((0.5, -0.5), models, strict=True):
                values = [5 + sign * difference + rng.gauss(0, within**0.5) for _ in range(epochs)]
                scores[incident, item] = (incident, values)
    return models


def test_what_scores_showed_is_found_again_in_simulated_ones():
    rng = random.Random(4)
    found = measured_design(simulated(rng, n_incidents=900, size=4, epochs=3, between=4.0, shared=1.0, within=2.0))
    assert found.between == pytest.approx(4.0, rel=0.08)
    assert found.within == pytest.approx(2.0, rel=0.05)
    # what two epochs-means differ by varies with 4 + 2 * 2 / 3 in all, of which 1 is common to an incident
    assert found.correlation == pytest.approx(1 / (4 + 4 / 3), abs=0.04)


def test_without_epochs_the_noise_stays_in_the_variance_between_items_and_without_clusters_no_correlation_is_known():
    found = measured_design(simulated(random.Random(5), n_incidents=4000, size=1, epochs=1, between=4.0, shared=0.0, within=2.0))
    assert found.within == 0.0
    assert found.between == pytest.approx(8.0, rel=0.08)
    assert found.correlation is None


def test_one_model_or_nothing_shared_tells_nothing():
    assert measured_design([{1: ("a", [5.0])}]) is None
    assert measured_design([{1: ("a", [5.0]), 2: ("b", [6.0])}, {3: ("a", [5.0]), 2: ("b", [1.0])}]) is None


def test_the_correlation_within_groups_is_that_of_shrout_and_fleiss():
    # P. Shrout and J. Fleiss, Psychological Bulletin 86, 1979, table 4: ICC(1,1) of six targets and four judges is .17
    table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert intraclass(table) == pytest.approx(0.17, abs=0.005)
    assert intraclass([[1.0], [2.0]]) is None
