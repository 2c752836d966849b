"""The leaderboard beside what people say: each whole put right by their labels, and its judges' agreement."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.corrected_scores import corrected_cells
from bench.judge_agreement import agreement_of, store_agreements
from bench.leaderboards import find_board
from tests.factories.annotation import make_coder
from tests.factories.bench import (
    make_item,
    make_label,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)

pytestmark = pytest.mark.django_db

JUDGED = (8, 6, 9, 3)
PEOPLE = (4, 5, 8, 3)


def filled(n_models=1):
    items = [make_item(category="misinfo") for _ in JUDGED]
    run = make_run(make_release(items))
    for number in range(n_models):
        for item, value in zip(items, JUDGED, strict=True):
            make_score(run, item, make_language_model(f"model-{number:02}"), value)
    return run


def labelled(run, **options):
    sample = make_label_sample(run, **options)
    said = dict(zip(run.release.release_items.order_by("position").values_list("pk", flat=True), PEOPLE, strict=True))
    for task in sample.tasks.select_related("trial"):
        make_label(task, make_coder("one"), said[task.trial.release_item_id])
        make_label(task, make_coder("two"), said[task.trial.release_item_id] + 1)
    return sample


def test_beside_each_whole_stands_the_one_that_peoples_labels_make_of_it(client):
    """All four answers are labelled, so that people's mean, 5.5, is the corrected one; the judge says 6.5."""
    run = filled()
    sample = labelled(run)
    (row,) = find_board("gvs").rows
    assert (row.overall.value, row.corrected.value) == (6.5, pytest.approx(5.5))
    assert (row.corrected.shift, row.corrected.n_labelled) == ("−1.00", 4)
    whole = corrected_cells(sample)[0]
    assert row.corrected.interval == pytest.approx(whole.corrected_interval)
    data = client.get("/api/v1/leaderboards/gvs/").json()["rows"][0]["corrected"]
    assert data == client.get("/leaderboard/gvs/?format=json").json()["rows"][0]["corrected"]
    assert (data["score"], data["correction"], data["missing_reason"]) == (pytest.approx(5.5), pytest.approx(-1), None)
    (line,) = csv.DictReader(io.StringIO(client.get("/leaderboard/gvs/?format=csv").content.decode()))
    assert (float(line["score_corrected"]), line["score_corrected_labels"]) == (pytest.approx(5.5), "4")
    page = client.get("/leaderboard/gvs/").content.decode()
    assert "By people&#x27;s labels" in page or "By people's labels" in page
    assert "−1.00 · 4 labels" in page


def test_without_labels_the_board_says_that_nobody_has_labelled(client):
    filled()
    (row,) = find_board("gvs").rows
    assert (row.corrected.value, row.corrected.reason) == (None, "Nobody has labelled an answer of this run.")
    data = client.get("/api/v1/leaderboards/gvs/").json()
    assert data["rows"][0]["corrected"]["missing_reason"] == row.corrected.reason
    assert data["judges"][0]["missing_reason"] == "Nobody has labelled a response this judge scored."
    assert row.corrected.reason in client.get("/leaderboard/gvs/").content.decode()


def test_too_few_labels_are_said(client):
    labelled(filled(), least_labels=20)
    (row,) = find_board("gvs").rows
    assert (row.corrected.value, row.corrected.reason, row.corrected.n_labelled) == (None, "4 of 20 labels needed", 4)


def test_a_withheld_whole_is_not_put_right_either():
    run = filled()
    labelled(run)
    run.scores.filter(pk=run.scores.first().pk).update(value=None, missing_reason="unparsable")
    (row,) = find_board("gvs").rows
    assert row.overall.is_withheld
    assert (row.corrected.value, row.corrected.reason) == (None, row.overall.reason)


def test_the_agreement_of_its_judges_with_people_stands_on_the_board(client):
    run = filled()
    labelled(run)
    judge = run.judges.get()
    (line,) = find_board("gvs").judges
    numbers = agreement_of(judge)
    assert (line.sha256, line.n_labelled) == (judge.sha256, 4)
    assert line.kappa == numbers["judge_human"]["kappa"]
    assert line.mae == pytest.approx((3.5 + 0.5 + 0.5 + 0.5) / 4)
    assert line.bias == pytest.approx(1.0)
    data = client.get("/api/v1/leaderboards/gvs/").json()["judges"]
    assert data == client.get("/leaderboard/gvs/?format=json").json()["judges"]
    assert (data[0]["sha256"], data[0]["mae"]) == (judge.sha256, line.mae)
    page = client.get("/leaderboard/gvs/").content.decode()
    assert judge.get_absolute_url() in page
    assert judge.sha256 in page


def test_a_changed_label_changes_the_board_and_its_page(client):
    run = filled()
    sample = labelled(run)
    before = client.get("/leaderboard/gvs/").content.decode()
    task = sample.tasks.first()
    make_label(task, make_coder("three"), 10)
    store_agreements(run)
    (row,) = find_board("gvs").rows
    assert row.corrected.value > 5.5
    after = client.get("/leaderboard/gvs/").content.decode()
    assert "−1.00 · 4 labels" in before
    assert "−1.00 · 4 labels" not in after


def queries_of(client, n_models):
    run = filled(n_models)
    labelled(run)
    counts = []
    for _look in ("first", "again"):
        with CaptureQueriesContext(connection) as seen:
            rows = client.get(f"/leaderboard/gvs/?measurement=run-{run.pk}").context["board"].rows
        assert [row.corrected.value for row in rows] == [pytest.approx(5.5)] * n_models
        counts.append(len(seen))
    return counts


def test_queries_do_not_grow_with_the_models(client):
    few, many = queries_of(client, 1), queries_of(client, 6)
    assert few == many
    assert many[1] < 12
