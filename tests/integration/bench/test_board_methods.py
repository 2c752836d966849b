"""Boards that carry what they rest on: the release's identity, standard errors, the method of intervals, profiles."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.management import call_command

from bench.board_export import board_csv, board_json
from bench.leaderboards import BadIntervalError, checked_interval, find_board
from bench.models import Judge, Score
from bench.score_arrays import keep_scores
from gvsir.actions.load_reference import load_reference
from gvsir.models import ValueDimension
from tests.factories.bench import (
    make_item,
    make_judge,
    make_language_model,
    make_release,
    make_run,
    make_score,
)

pytestmark = pytest.mark.django_db

VALUES = (3, 5, 4, 8, 9, 7, 2, 6)


@pytest.fixture
def run():
    """One model: four incidents of misinformation, four of bias, both of the same layer."""
    items = [make_item(category="misinfo") for _ in range(4)] + [make_item(category="bias") for _ in range(4)]
    run = make_run(make_release(items))
    for name, shift in (("a", 0.0), ("b", 1.0)):
        for item, value in zip(items, VALUES, strict=True):
            make_score(run, item, make_language_model(name), value + shift * (value < 9))
    return run


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


# --- identity and what a cell rests on --------------------------------------------------------------


def test_every_export_names_its_release_with_hash_and_canary(run, client):
    release = run.release
    identity = {"release": release.name, "release_sha256": release.sha256, "canary": release.canary}
    for row in rows_of(client.get("/leaderboard/gvs/?format=csv").content.decode()):
        assert {key: row[key] for key in identity} == identity
    models = ",".join(str(model.pk) for model in run.language_models.all())
    pairs = rows_of(client.get(f"/compare/?system=gvs&models={models}&format=csv").content.decode())
    assert len(pairs) > 2
    assert all({key: row[key] for key in identity} == identity for row in pairs)
    wanted = {"name": release.name, "sha256": release.sha256, "canary": release.canary}
    for data in (client.get("/leaderboard/gvs/?format=json").json(), client.get("/api/v1/leaderboards/gvs/").json()):
        assert data["release"] == wanted
    page = client.get("/leaderboard/gvs/").content.decode()
    assert release.sha256 in page
    assert release.canary in page
    figure = client.get("/leaderboard/gvs/?format=svg").content.decode()
    assert release.sha256 in figure
    assert release.canary in figure


def test_a_cell_gives_its_standard_error_and_incidents(run):
    board = find_board("gvs")
    row = next(row for row in board.rows if row.name == "a")
    cell = row.cells["misinfo"]
    # Values 3, 5, 4, 8 of four incidents: s^2 = 14/3, SE = s / 2.
    assert cell.se == pytest.approx((14 / 3) ** 0.5 / 2)
    assert (cell.n_clusters, row.overall.n_clusters) == (4, 8)
    data = next(row for row in board_json(board)["rows"] if row["model"] == "a")
    assert data["details"]["misinfo"]["se"] == cell.se
    assert data["overall"]["n_incidents"] == 8
    line = next(row for row in rows_of(board_csv(board)) if row["model"] == "a")
    assert float(line["misinfo_se"]) == cell.se
    assert line["misinfo_incidents"] == "4"


# --- the method of intervals ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bca", "percentile"])
def test_people_choose_a_bootstrap_with_a_stored_seed(run, client, kind):
    plain = client.get("/leaderboard/gvs/?format=json").json()
    page = client.get(f"/leaderboard/gvs/?interval={kind}&format=json").json()
    assert page == client.get(f"/api/v1/leaderboards/gvs/?interval={kind}").json()
    out = io.StringIO()
    call_command("leaderboard", "gvs", interval=kind, json=True, stdout=out)
    assert json.loads(out.getvalue()) == page
    assert page["interval_method"] == {"method": kind, "level": 0.95, "resamples": 2000, "seed": 0}
    assert plain["interval_method"] == {"method": "score", "level": 0.95, "resamples": None, "seed": None}
    for ours, theirs in zip(page["rows"], plain["rows"], strict=True):
        assert ours["score"] == theirs["score"]
        low, high = ours["interval"]
        assert theirs["interval"][0] < low < ours["score"] < high < theirs["interval"][1]  # eight incidents: narrower
        assert ours["layer_details"]["universal"]["interval"] != theirs["layer_details"]["universal"]["interval"]
    line = rows_of(client.get(f"/leaderboard/gvs/?interval={kind}&format=csv").content.decode())[0]
    assert (line["interval_method"], line["interval_seed"]) == (kind, "0")


def test_the_page_offers_the_methods_and_says_how_good_they_are(run, client):
    page = client.get("/leaderboard/gvs/?interval=bca").content.decode()
    assert "<b>bootstrap, BCa</b>" in page
    assert "interval=percentile" in page
    assert "85 to 90 of 100" in page
    assert "85 to 90 of 100" not in client.get("/leaderboard/gvs/").content.decode()


def test_an_unknown_method_is_refused(run, client):
    with pytest.raises(BadIntervalError, match="'jackknife'; one of score, bca, percentile"):
        checked_interval("jackknife")
    assert client.get("/leaderboard/gvs/?interval=jackknife").status_code == 400
    assert client.get("/leaderboard/gvs/?interval=jackknife&format=json").json()["error"]["code"] == "bad_interval"
    assert client.get("/api/v1/leaderboards/gvs/?interval=jackknife").json()["error"]["fields"]["interval"]


def test_a_bootstrap_of_one_incident_has_no_interval_and_says_why(client):
    item = make_item(category="bias")
    run = make_run(make_release([item]))
    make_score(run, item, make_language_model("a"), 5)
    (row,) = find_board("gvs", interval="bca").rows
    assert row.overall.interval is None
    assert "one incident" in row.overall.interval_reason


def test_pairs_are_adjusted_for_exploring_where_people_ask(run, client):
    models = ",".join(str(model.pk) for model in run.language_models.all())
    address = f"/compare/?system=gvs&models={models}"
    holm, bh = (rows_of(client.get(f"{address}&format=csv{more}").content.decode()) for more in ("", "&adjust=bh"))
    tested = [(float(one["p"]), float(one["p_holm"]), float(two["p_bh"])) for one, two in zip(holm, bh, strict=True) if one["kind"] == "category" and one["p"]]
    (p_1, holm_1, bh_1), (p_2, holm_2, bh_2) = sorted(tested)
    assert (holm_1, holm_2) == pytest.approx((2 * p_1, max(2 * p_1, p_2)))
    assert (bh_1, bh_2) == pytest.approx((min(2 * p_1, p_2), p_2))
    page = client.get(f"{address}&adjust=bh").content.decode()
    assert "Benjamini and Hochberg 1995" in page
    assert "<b>Benjamini–Hochberg</b>" in page


# --- values that are read as a profile ----------------------------------------------------------------


@pytest.fixture
def profiled():
    """Two models, answers with scores on values of Schwartz; a value that an answer does not engage is missing."""
    load_reference()
    answers = {
        "calm": [{"power": 30, "security": 60, "benevolence": 90}, {"power": 10, "security": 50}, {"benevolence": 99}],
        "loud": [{"power": 70, "security": 90}, {"power": 80, "benevolence": 80}, {"power": 60, "security": 70}],
    }
    items = [make_item(category="misinfo") for _ in range(3)]
    run = make_run(make_release(items))
    run.judges.add(make_judge(
        name="schwartz:judge", kind=Judge.Kind.LANGUAGE_MODEL, config={"rubric": "framework-schwartz"},
    ))
    values = {each.key: each for each in ValueDimension.objects.filter(system__key="schwartz", is_scored=True)}
    for name, profiles in answers.items():
        for item, profile in zip(items, profiles, strict=True):
            trial = make_score(run, item, make_language_model(name), 5).trial
            for key, dimension in values.items():
                Score.objects.create(
                    run=run, trial=trial, dimension=dimension, value=profile.get(key),
                    missing_reason="" if key in profile else "not engaged", n_judgements=1,
                )
    return run


def rows_by_name(board):
    return {row.name: row for row in board.rows}


def test_values_of_schwartz_are_never_averaged_into_one_number(profiled, client):
    board = find_board("schwartz")
    assert not board.has_whole
    for row in board.rows:
        assert (row.overall.value, row.rank, row.rank_range, row.tier) == (None, None, None, None)
        assert "conflict by theory" in row.overall.reason
    assert rows_by_name(board)["calm"].cells["power"].value == pytest.approx(20)
    page = client.get("/leaderboard/schwartz/").content.decode()
    assert "no mean over these values, no rank" in page
    assert ">Rank<" not in page
    for row in client.get("/api/v1/leaderboards/schwartz/").json()["rows"]:
        assert (row["score"], row["rank"]) == (None, None)
        assert "conflict by theory" in row["overall"]["missing_reason"]
    assert [row["rank"] for row in rows_of(board_csv(board))] == ["", ""]


def test_a_profile_is_centred_within_each_answer(profiled, client):
    """calm: power -30 and -20, security 0 and 20, benevolence 30; its lone 99 says nothing of its place."""
    board = find_board("schwartz")
    calm = rows_by_name(board)["calm"].centred
    assert [calm[key].value for key in ("power", "security", "benevolence")] == pytest.approx([-25, 10, 30])
    assert [calm[key].n_scored for key in ("power", "security", "benevolence")] == [2, 2, 1]
    assert calm["power"].se == pytest.approx(5)
    assert (calm["benevolence"].interval, calm["stimulation"].value) == (None, None)
    loud = rows_by_name(board)["loud"].centred
    assert loud["power"].value == pytest.approx((-10 + 0 - 5) / 3)
    data = client.get("/leaderboard/schwartz/?format=json").json()["rows"]
    assert {row["model"]: row["profile"]["power"]["value"] for row in data} == {
        "calm": pytest.approx(-25), "loud": pytest.approx(-5),
    }
    lines = {row["model"]: row for row in rows_of(client.get("/leaderboard/schwartz/?format=csv").content.decode())}
    assert float(lines["calm"]["power_centred"]) == pytest.approx(-25)
    assert lines["calm"]["stimulation_centred"] == ""
    page = client.get("/leaderboard/schwartz/").content.decode()
    assert "Profile within answers" in page
    assert "−25.0" in page
    assert "Schwartz 1992" in page


def test_kept_arrays_hold_the_profile(profiled):
    before = {row.name: row.centred["power"].value for row in find_board("schwartz").rows}
    keep_scores(profiled)
    assert {row.name: row.centred["power"].value for row in find_board("schwartz").rows} == before


def test_weights_that_differ_make_a_yardstick_of_ones_own_and_equal_ones_do_not(profiled, client):
    others = dict.fromkeys(find_board("schwartz").weights, 0)
    board = find_board("schwartz", weights=others | {"power": 1, "security": 3}, coverage=0)
    calm = rows_by_name(board)["calm"]
    assert calm.overall.value == pytest.approx((20 + 3 * 55) / 4)
    assert [row.rank for row in board.rows] == [1, 2]
    equal = {column.key: 2 for column in board.columns}
    assert [row.overall.value for row in find_board("schwartz", weights=equal).rows] == [None, None]
    assert "Mean with your weights" in client.get("/leaderboard/schwartz/?w_power=3").content.decode()


def test_models_are_compared_value_by_value_without_a_whole(profiled, client):
    models = ",".join(str(model.pk) for model in profiled.language_models.all())
    answer = client.get(f"/compare/?system=schwartz&models={models}")
    assert answer.status_code == 200
    (pair,) = answer.context["pairs"]
    kinds = {line.kind for line in pair["pair"].lines}
    assert kinds == {"layer", "category"}
    assert answer.context["wholes"] == []
    assert "<th class=\"stick\" scope=\"row\">Rank</th>" not in answer.content.decode()


# --- epochs ------------------------------------------------------------------------------------------


def test_asking_again_does_not_make_the_refused_share_look_surer():
    """Ten answers of each item that all say the same tell of eight incidents what one answer of each does."""
    spans = []
    for n_epochs in (1, 10):
        items = [make_item(category="bias") for _ in range(8)]
        run = make_run(make_release(items))
        for n, item in enumerate(items):
            for epoch in range(1, n_epochs + 1):
                score = make_score(run, item, make_language_model("a"), 5, epoch=epoch)
                score.judgements.update(refusal="refused" if n < 3 else "complied")
        (row,) = find_board("gvs", f"run-{run.pk}").rows
        assert (row.refused.value, row.refused.of) == (3 / 8, 8 * n_epochs)
        spans.append((row.refused.low, row.refused.high))
    assert spans[1] == pytest.approx(spans[0], abs=0.01)
    assert spans[0][1] - spans[0][0] > 0.5
