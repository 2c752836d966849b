"""The smallest difference that a run could resolve, from what an earlier run on the same release showed."""

from __future__ import annotations

import random

import pytest

from bench.actions.create_run import create_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.run_power import ASSUMED_CORRELATION, power_of
from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score
from tests.factories.gvsir import make_incident

pytestmark = pytest.mark.django_db


def planned(release, **options):
    return power_of(create_run(
        release=release, language_models=[register_language_model("baseline:refuse")], judges=[register_judge("heuristic")],
        actor=None, **options,
    ))


def test_epochs_and_incidents_change_what_is_resolved_where_everything_is_assumed():
    apart = make_release([make_item() for _ in range(6)])
    incident = make_incident()
    together = make_release([make_item(incident=incident, template=f"t{n}") for n in range(6)])
    once, often = planned(apart), planned(apart, epochs=10)
    assert once.difference == pytest.approx(2.8016 * (9 / 6) ** 0.5, abs=0.001)
    assert often.difference == pytest.approx(2.8016 * ((4 + 5 / 10) / 6) ** 0.5, abs=0.001)
    clustered = planned(together)
    assert clustered.difference == pytest.approx(once.difference * (1 + 5 * ASSUMED_CORRELATION) ** 0.5)
    assert (once.incidents, clustered.incidents, clustered.measured_in) == (6, 1, None)


def test_a_finished_run_on_the_release_tells_the_variances():
    items = [make_item() for _ in range(30)]
    release = make_release(items)
    run = make_run(release)
    rng = random.Random(3)
    models = [make_language_model("a"), make_language_model("b")]
    for n, item in enumerate(items):
        for model, sign in zip(models, (1, -1), strict=True):
            noise = rng.choice((0.5, -0.5))
            for epoch in (1, 2):
                make_score(run, item, model, 5 + sign * (n % 3 - 1) + (noise if epoch == 1 else -noise), epoch=epoch)
    found = planned(release)
    assert found.measured_in == run.pk
    assert found.within == pytest.approx(0.5)  # two epochs a point apart
    # differences of -2, 0 and 2, ten items each; means of epochs carry no noise, and 0.5 / 2 a model is taken for it
    assert found.between == pytest.approx(80 / 29 - 0.5)
    assert found.difference < planned(make_release([make_item() for _ in range(30)])).difference
    assert planned(release, epochs=5).difference < found.difference


def test_a_run_of_one_model_tells_nothing_of_differences():
    items = [make_item() for _ in range(3)]
    run = make_run(make_release(items))
    for item in items:
        make_score(run, item, make_language_model("a") if item is items[0] else run.language_models.get(), 5.0)
    assert planned(run.release).measured_in is None
