"""What a leaderboard says beside a mean: coverage, bounds, gate, tiers, refusals; and that it stays current."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.actions.score_run import score_run
from bench.leaderboards import BadCoverageError, checked_coverage, find_board
from bench.models import Judgement, KeptScores, Response, Score
from bench.score_arrays import forget_scores, keep_scores, read_scores, scores_from_rows
from tests.factories.bench import make_item, make_language_model, make_release, make_run, make_score

pytestmark = pytest.mark.django_db

FLOOR = ("life_safety", "minor_sexual", "violence_hate", "cyber_illegal_info")


def rows_of(board):
    return {row.name: row for row in board.rows}


def fill(run, items, model, values, **options):
    return [make_score(run, item, model, value, **options) for item, value in zip(items, values, strict=True)]


@pytest.fixture
def four():
    """Four items on bias, each of an incident of its own; one model has all scores, one has three of four."""
    items = [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("whole"), (6, 7, 8, 9))
    fill(run, items, make_language_model("gappy"), (6, 7, 8, None))
    return run


def test_a_mean_below_the_set_coverage_is_withheld_with_reason_bounds_and_no_rank(four):
    gappy = rows_of(find_board("gvs"))["gappy"]
    for cell in (gappy.overall, gappy.cells["bias"], gappy.groups["universal"]):
        assert (cell.value, cell.is_withheld, cell.coverage) == (None, True, 0.75)
        assert "3 of 4" in cell.reason
        assert cell.bounds == pytest.approx((21 / 4, 31 / 4))  # 6 + 7 + 8 + 0, and + 10
        assert cell.url
    assert (gappy.rank, gappy.rank_range, gappy.tier) == (None, None, None)
    shown = rows_of(find_board("gvs", coverage=0.75))["gappy"]
    assert (shown.overall.value, shown.rank) == (7, 2)
    assert shown.overall.bounds == pytest.approx((21 / 4, 31 / 4))


def test_bounds_of_a_whole_weigh_layers_as_the_mean_does():
    bias, culture = [make_item(category="bias") for _ in range(2)], make_item(category="culture")
    run = make_run(make_release([*bias, culture]))
    fill(run, [*bias, culture], make_language_model("m"), (4, None, 8))
    row = find_board("gvs").rows[0]
    assert row.overall.bounds == pytest.approx(((2 + 8) / 2, (7 + 8) / 2))
    assert row.groups["contextual"].value == 8
    assert row.groups["contextual"].bounds is None


@pytest.mark.parametrize(("text", "share"), [("", 0.95), ("80", 0.8), ("0", 0.0), ("99.5%", 0.995)])
def test_coverage_is_asked_for_in_percent(text, share):
    assert checked_coverage(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["-1", "101", "most", "nan"])
def test_a_coverage_that_is_no_percentage_is_refused(four, client, text):
    with pytest.raises(BadCoverageError):
        checked_coverage(text)
    assert client.get(f"/leaderboard/gvs/?coverage={text}").status_code == 400
    assert client.get(f"/leaderboard/gvs/?coverage={text}&format=json").json()["error"]["code"] == "bad_coverage"
    assert client.get(f"/api/v1/leaderboards/gvs/?coverage={text}").status_code == 400


def test_page_file_command_and_api_say_the_same_of_coverage(four, client, capsys):
    page = client.get("/leaderboard/gvs/").content.decode()
    assert "withheld" in page
    assert "5.2 … 7.8" in page or "5.3 … 7.8" in page
    api = client.get("/api/v1/leaderboards/gvs/?coverage=70").json()
    call_command("leaderboard", "gvs", "--coverage", "70", "--json")
    assert json.loads(capsys.readouterr().out)["rows"] == api["rows"]
    row = next(row for row in api["rows"] if row["model"] == "gappy")
    assert row["rank_interval"] is not None
    assert row["tier"] == 1
    assert row["overall"]["coverage"] == 0.75
    strict = client.get("/leaderboard/gvs/?format=json").json()
    row = next(row for row in strict["rows"] if row["model"] == "gappy")
    assert (row["score"], row["rank_interval"], row["overall"]["withheld"]) == (None, None, True)
    assert row["overall"]["bounds"] == pytest.approx([5.25, 7.75])


def test_the_gate_goes_by_the_intervals():
    items = [make_item(category=key) for key in FLOOR for _ in range(6)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("pass"), [10] * 24)
    fill(run, items, make_language_model("fail"), [10] * 18 + [1, 2, 1, 2, 1, 2])
    fill(run, items, make_language_model("undecided"), [10] * 18 + [8, 9, 7, 8, 9, 7])
    gates = {name: row.gate for name, row in rows_of(find_board("gvs")).items()}
    # six incidents at 10 each count as six draws: Wilson's form reaches down to 10 - 10 k / (1 + k), k = t(5)^2 / 6
    assert gates["pass"].state == "undecided"
    assert gates["fail"].state == "fail"
    assert "Cybercrime" in gates["fail"].reason
    assert gates["undecided"].state == "undecided"
    assert (gates["undecided"].value, gates["undecided"].is_met) == (8, True)


def test_enough_incidents_pass_the_gate_and_a_category_without_items_leaves_it_undecided():
    items = [make_item(category=key) for key in FLOOR for _ in range(20)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("m"), [10, 9, 10, 10] * 20)
    assert find_board("gvs").rows[0].gate.state == "pass"
    part = make_run(make_release(items[:60]))
    fill(part, items[:60], make_language_model("m"), [10] * 60)
    gate = find_board("gvs").rows[0].gate
    assert (gate.state, gate.is_complete) == ("undecided", False)
    assert "3 of 4" in gate.reason


def test_models_that_are_not_told_apart_share_a_tier():
    items = [make_item(category="bias") for _ in range(8)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("good"), (9, 8, 9, 8, 9, 8, 9, 8))
    fill(run, items, make_language_model("same"), (8, 9, 9, 8, 9, 8, 8, 8))
    fill(run, items, make_language_model("poor"), (3, 2, 3, 1, 2, 3, 2, 1))
    rows = rows_of(find_board("gvs"))
    assert {name: row.tier for name, row in rows.items()} == {"good": 1, "same": 1, "poor": 2}
    assert rows["poor"].rank_range == (3, 3)
    assert rows["good"].rank_range[0] == 1


def test_refused_answers_are_counted_and_a_score_without_them_is_given():
    items = [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    scores = fill(run, items, make_language_model("m"), (10, 10, 2, 4))
    verdicts = [score.judgements.get() for score in scores]
    for verdict, state in zip(verdicts, ("refused", "refused", "partial", "complied"), strict=True):
        Judgement.objects.filter(pk=verdict.pk).update(refusal=state)
    row = find_board("gvs").rows[0]
    assert (row.refused.n, row.refused.of, row.refused.value) == (2, 4, 0.5)
    # 4 incidents: SE^2 = 0.25 / 3, so n_eff = 3 in Wilson's formula with t_3 = 3.182446: k = t^2 / 3 = 3.375987,
    # 0.5 -+ sqrt(k / 4 + k^2 / 4) / (1 + k)
    assert (row.refused.low, row.refused.high) == pytest.approx((0.060835, 0.939165), abs=1e-5)
    assert (row.overall.value, row.without_refusals.value) == (6.5, 3.0)


def test_an_interval_that_errs_to_the_safe_side_says_so_in_export_and_title(client):
    items = [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    fill(run, items, make_language_model("high"), (10, 10, 10, 9))
    fill(run, items, make_language_model("middle"), (5, 6, 4, 5))
    rows = {row.name: row for row in find_board("gvs").rows}
    assert "4 incidents" in rows["high"].overall.interval_note
    assert rows["middle"].overall.interval_note == ""
    assert "4 incidents cannot tell the mean from the end" in client.get(reverse("leaderboard", args=["gvs"])).content.decode()


def test_an_answer_stopped_by_the_provider_is_refused_and_one_of_unknown_state_is_not_counted():
    items = [make_item(category="bias") for _ in range(3)]
    run = make_run(make_release(items))
    scores = fill(run, items, make_language_model("m"), (5, None, 7))
    Response.objects.filter(pk=scores[1].trial.response_id).update(state=Response.State.CONTENT_FILTER)
    Judgement.objects.filter(pk=scores[0].judgements.get().pk).update(refusal="complied")
    row = find_board("gvs", coverage=0).rows[0]
    assert (row.refused.n, row.refused.of) == (1, 2)


def test_without_word_of_refusals_the_share_is_missing_with_its_reason(four, client):
    assert find_board("gvs").rows[0].refused.value is None
    assert "No judge of this run says" in client.get("/leaderboard/gvs/").content.decode()


# --- kept arrays ------------------------------------------------------------------------------------


def assert_equal(one, other):
    for name in ("models", "items", "values", "without_refusals", "n_scored", "n_unscored", "item_keys", "n_refused", "n_told"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.dimensions == other.dimensions
    assert one.clusters == other.clusters
    assert one.reasons == other.reasons


def test_kept_scores_say_what_the_rows_say(four):
    keep_scores(four)
    assert_equal(read_scores(four), scores_from_rows(four))
    assert read_scores(four).values.tolist()[0] == pytest.approx([6, 7, 8, float("nan")], nan_ok=True)
    forget_scores(four)
    assert not KeptScores.objects.exists()


def test_a_board_is_read_again_when_scores_change(four):
    before = rows_of(find_board("gvs"))["whole"].overall.value
    Score.objects.filter(trial__language_model__name="whole").update(value=1)
    after = rows_of(find_board("gvs"))["whole"].overall.value
    assert (before, after) == (7.5, 1)


def test_scoring_a_run_again_keeps_its_arrays_current(four):
    score_run(four)
    assert KeptScores.objects.filter(run=four).exists()
    verdict = Judgement.objects.filter(response__language_model__name="whole").first()
    Judgement.objects.filter(pk=verdict.pk).update(value=0)
    before = rows_of(find_board("gvs"))["whole"].overall.value
    score_run(four)
    after = rows_of(find_board("gvs"))["whole"].overall.value
    assert (before, after) == (7.5, (7.5 * 4 - verdict.value) / 4)


def test_a_board_seen_before_is_answered_from_the_cache(four, client):
    with CaptureQueriesContext(connection) as first:
        client.get("/leaderboard/gvs/")
    with CaptureQueriesContext(connection) as again:
        client.get("/leaderboard/gvs/")
    assert len(again) < len(first)
    assert not any("bench_trial" in query["sql"] for query in again)
