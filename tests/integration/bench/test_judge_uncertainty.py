"""The whole of a leaderboard with the choice of judges in its interval."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.board_export import board_json
from bench.exceptions import BadWeightsError
from bench.leaderboards import find_board
from bench.models import Judgement
from tests.factories.bench import (
    make_item,
    make_judge,
    make_language_model,
    make_release,
    make_run,
    make_score,
)

pytestmark = pytest.mark.django_db


def panel_run(votes, *, models=("m",)):
    """A run in which two judges gave ``votes``, a pair an item; each score is the mean of its pair."""
    items = [make_item(category=key) for key, _pair in votes]
    run = make_run(make_release(items))
    other = make_judge(name="second")
    run.judges.add(other)
    for name in models:
        model = make_language_model(name)
        for item, (_key, pair) in zip(items, votes, strict=True):
            score = make_score(run, item, model, sum(pair) / 2)
            first = score.judgements.get()
            Judgement.objects.filter(pk=first.pk).update(value=pair[0])
            score.judgements.add(Judgement.objects.create(
                key=f"else{first.key[4:]}", judge=other, response=first.response, release_item=first.release_item,
                language=first.language, state=first.state, value=pair[1],
            ))
    return run


def span_of(run):
    return find_board("gvs", measurement=f"run-{run.pk}").rows[0]


DIFFER = [("bias", (9.0, 3.0)), ("bias", (8.0, 2.0)), ("misinfo", (10.0, 4.0)), ("misinfo", (7.0, 1.0))]
AGREE = [(key, ((a + b) / 2,) * 2) for key, (a, b) in DIFFER]


def test_judges_that_differ_widen_the_interval_and_agreeing_ones_do_not():
    wide, narrow = span_of(panel_run(DIFFER)), span_of(panel_run(AGREE))
    assert wide.overall.value == narrow.overall.value == pytest.approx(5.5)
    assert (wide.with_judges.clusters_low, wide.with_judges.clusters_high) == (
        narrow.with_judges.clusters_low, narrow.with_judges.clusters_high,
    )
    assert (narrow.with_judges.low, narrow.with_judges.high) == (
        narrow.with_judges.clusters_low, narrow.with_judges.clusters_high,
    )
    # a draw of one judge twice, half of all draws, lies 3 points off: the interval reaches there
    assert wide.with_judges.low < 5.5 - 3 < 5.5 + 3 < wide.with_judges.high
    assert wide.with_judges.clusters_low <= wide.overall.value <= wide.with_judges.clusters_high
    assert (wide.with_judges.n_judges, wide.with_judges.seed, wide.with_judges.resamples) == (2, 0, 1000)


def test_one_judge_has_no_such_interval_and_the_reason_says_why():
    items = [make_item(category="bias") for _ in range(2)]
    run = make_run(make_release(items))
    for item in items:
        make_score(run, item, make_language_model("alone"), 5)
    found = span_of(run).with_judges
    assert (found.low, found.clusters_low, found.seed) == (None, None, None)
    assert "One judge rates this" in found.reason
    assert board_json(find_board("gvs"))["rows"][0]["with_judges"]["missing_reason"] == found.reason


def nothing_but(run, **weights):
    """Weights of 0 for every column of the run's leaderboard but those given."""
    return dict.fromkeys((column.key for column in find_board("gvs", f"run-{run.pk}").columns), 0.0) | weights


@pytest.mark.parametrize(("weights", "message"), [({}, "At least one"), ({"nope": 1}, "nope: no dimension of gvs")])
def test_weights_that_make_no_sense_are_refused_with_two_judges_as_with_one(weights, message):
    run = panel_run(DIFFER)
    with pytest.raises(BadWeightsError, match=message):
        find_board("gvs", measurement=f"run-{run.pk}", weights=nothing_but(run, **weights))


def test_a_page_of_weights_that_are_all_0_says_so(client):
    run = panel_run(DIFFER)
    board = find_board("gvs", measurement=f"run-{run.pk}")
    given = {f"w_{column.key}": "0" for column in board.columns}
    answer = client.get(reverse("leaderboard", args=["gvs"]), {"measurement": f"run-{run.pk}", **given})
    assert answer.status_code == 400
    assert "At least one weight must be above 0." in answer.content.decode()


def test_the_command_names_weights_that_are_all_0(tmp_path):
    run = panel_run(DIFFER)
    weights = tmp_path / "w.json"
    weights.write_text(json.dumps(nothing_but(run)))
    with pytest.raises(CommandError, match="At least one weight"):
        call_command("leaderboard", "gvs", "--measurement", f"run-{run.pk}", "--weights", str(weights))


def test_where_only_what_has_no_score_weighs_the_reason_says_so():
    run = panel_run(DIFFER)
    (row,) = find_board("gvs", measurement=f"run-{run.pk}", weights=nothing_but(run, culture=1.0), coverage=0).rows
    assert (row.overall.value, row.with_judges.low, row.with_judges.n_judges) == (None, None, 2)
    assert "weighs more than 0" in row.with_judges.reason


def test_page_and_api_show_both_intervals(client):
    run = panel_run(DIFFER)
    page = client.get(reverse("leaderboard", args=["gvs"]), {"measurement": f"run-{run.pk}"}).content.decode()
    assert "with judges " in page
    assert "2 judges; with these judges as they are" in page
    data = board_json(find_board("gvs"))["rows"][0]["with_judges"]
    assert data["interval"][0] < data["interval_clusters_only"][0]
    assert (data["n_judges"], data["missing_reason"]) == (2, None)


def test_the_number_of_queries_does_not_grow_with_models():
    counts = []
    for models in (("m",), ("m2", "m3", "m4")):
        run = panel_run(DIFFER, models=models)
        with CaptureQueriesContext(connection) as queries:
            find_board("gvs", measurement=f"run-{run.pk}")
        counts.append(len(queries))
    assert counts[0] == counts[1]
