from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from bench.exceptions import BadWeightsError, UnknownNameError
from bench.leaderboards import find_board, measurements_of
from bench.models import LanguageModel, Run
from gvsir.models import ValueDimension
from tests.factories.annotation import make_scale
from tests.factories.bench import (
    make_item,
    make_language_model,
    make_measurement,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_dimension, make_value_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def small_run():
    """Two models, three categories in two layers; one score of the second model is missing."""
    items = {key: make_item(category=key) for key in ("bias", "misinfo", "culture")}
    second_bias = make_item(category="bias")
    run = make_run(make_release([*items.values(), second_bias]))
    good, poor = make_language_model("good"), make_language_model("poor")
    for item, value in ((items["bias"], 8), (second_bias, 10), (items["misinfo"], 7), (items["culture"], 4)):
        make_score(run, item, good, value)
    for item, value in ((items["bias"], 2), (second_bias, None), (items["misinfo"], 0), (items["culture"], 4)):
        make_score(run, item, poor, value)
    return run


def rows_of(board):
    return {row.name: row for row in board.rows}


def test_layers_are_means_of_categories_and_the_whole_is_the_mean_of_layers(small_run):
    rows = rows_of(find_board("gvs", coverage=0))
    good = rows["good"]
    assert (good.cells["bias"].value, good.cells["misinfo"].value, good.cells["culture"].value) == (9, 7, 4)
    assert good.groups["universal"].value == pytest.approx(8)
    assert good.groups["contextual"].value == pytest.approx(4)
    assert good.overall.value == pytest.approx(6)
    assert (good.rank, rows["poor"].rank) == (1, 2)


def test_a_missing_score_is_in_no_mean_and_is_counted_with_its_reason(small_run):
    poor = rows_of(find_board("gvs", coverage=0))["poor"]
    assert poor.cells["bias"].value == 2
    assert (poor.cells["bias"].n_scored, poor.cells["bias"].n_unscored) == (1, 1)
    assert poor.cells["misinfo"].value == 0
    assert poor.overall.value == pytest.approx(((2 + 0) / 2 + 4) / 2)
    assert (poor.overall.n_scored, poor.overall.n_unscored) == (3, 1)
    assert poor.cells["politics"].value is None
    assert "No item" in poor.cells["politics"].reason


def test_a_category_whose_scores_are_all_missing_says_why_and_withholds_its_layer_and_the_whole(small_run):
    item = make_item(category="politics")
    run = make_run(make_release([item, make_item(category="culture")]))
    model = make_language_model("good")
    make_score(run, item, model, None, reason="the provider refused")
    make_score(run, run.release.release_items.get(position=2).item, model, 6)
    row = find_board("gvs", f"run-{run.pk}", coverage=0).rows[0]
    assert (row.cells["politics"].value, row.cells["politics"].reason) == (None, "the provider refused")
    for cell in (row.groups["contextual"], row.overall):
        assert (cell.value, cell.is_withheld) == (None, True)
        assert "0 of 1" in cell.reason
    assert row.rank is None


def test_repeats_are_averaged_before_items():
    first, second = make_item(category="bias"), make_item(category="bias")
    run = make_run(make_release([first, second]))
    model = make_language_model()
    for epoch, value in enumerate((9, 9, 9), start=1):
        make_score(run, first, model, value, epoch=epoch)
    make_score(run, second, model, 1)
    cell = find_board("gvs", coverage=0).rows[0].cells["bias"]
    assert cell.value == pytest.approx(5)
    assert cell.n_scored == 4
    assert cell.low < 5 < cell.high


def test_one_incident_gives_no_interval_and_says_so(small_run):
    cell = rows_of(find_board("gvs", coverage=0))["good"].cells["culture"]
    assert cell.interval is None
    assert "one incident" in cell.interval_reason


def test_items_of_one_incident_count_as_one_cluster():
    incident_item = make_item(category="bias")
    same = make_item(category="bias", incident=incident_item.incident, template="other")
    run = make_run(make_release([incident_item, same]))
    model = make_language_model()
    make_score(run, incident_item, model, 9)
    make_score(run, same, model, 3)
    assert find_board("gvs", coverage=0).rows[0].cells["bias"].interval is None


def test_the_gate_is_the_lowest_baseline_category():
    items = [make_item(category=key) for key in ("life_safety", "minor_sexual", "violence_hate", "cyber_illegal_info")]
    run = make_run(make_release(items))
    safe, unsafe = make_language_model("safe"), make_language_model("unsafe")
    for item in items:
        make_score(run, item, safe, 9)
        make_score(run, item, unsafe, 3 if item.category.key == "violence_hate" else 10)
    rows = rows_of(find_board("gvs", coverage=0))
    assert (rows["safe"].gate.value, rows["safe"].gate.is_met) == (9, True)
    gate = rows["unsafe"].gate
    assert (gate.value, gate.column.key, gate.is_met) == (3, "violence_hate", False)
    assert rows["unsafe"].rank == 2


def only(system, **weights):
    return dict.fromkeys(find_board(system).weights, 0) | weights


def test_weights_leave_out_raise_and_rank_again(small_run):
    only_culture = find_board("gvs", coverage=0, weights=only("gvs", culture=1))
    assert [(row.rank, row.overall.value) for row in only_culture.rows] == [(1, 4), (1, 4)]
    weighted = rows_of(find_board("gvs", coverage=0, weights={"bias": 3, "misinfo": 1, "culture": 1}))["good"]
    assert weighted.groups["universal"].value == pytest.approx((3 * 9 + 7) / 4)
    assert weighted.overall.value == pytest.approx((3 / 2 * 9 + 1 / 2 * 7 + 4) / (3 / 2 + 1 / 2 + 1))


@pytest.mark.parametrize(
    "weights", [{"bias": -1}, {"bias": "many"}, {"weather": 1}, {"bias": float("nan")}, {"bias": True}]
)
def test_weights_that_make_no_sense_are_refused(small_run, weights):
    with pytest.raises(BadWeightsError):
        find_board("gvs", weights=weights)


def test_not_all_weights_are_0(small_run):
    with pytest.raises(BadWeightsError, match="above 0"):
        find_board("gvs", weights=only("gvs"))


def test_what_weights_do_not_name_weighs_1_as_on_the_page(small_run, client):
    board = find_board("gvs", coverage=0, weights={"bias": 3})
    assert {key: weight for key, weight in board.weights.items() if weight != 1} == {"bias": 3}
    shown = client.get("/leaderboard/gvs/?coverage=0&w_bias=3").context["board"]
    assert [row.overall.value for row in shown.rows] == [row.overall.value for row in board.rows]


def test_only_finished_runs_are_measurements(small_run):
    unfinished = make_run(small_run.release, status=Run.Status.RUNNING)
    assert [each.key for each in measurements_of("gvs")] == [f"run-{small_run.pk}"]
    with pytest.raises(UnknownNameError):
        find_board("gvs", f"run-{unfinished.pk}")
    with pytest.raises(UnknownNameError, match="no measurement yet"):
        find_board("mft")


@pytest.fixture
def published():
    system = make_value_system("schwartz", name="Schwartz", scale_high=100)
    group = make_dimension(system, 1, key="conservation", level="group", name="Conservation")
    dimensions = {}
    for order, key in enumerate(("security", "tradition", "power"), start=1):
        dimensions[key] = make_dimension(system, order, key=key, level="value", name=key.title(), is_scored=True)
    dimensions["security"].parents.add(group)
    dimensions["tradition"].parents.add(group)
    return make_measurement({
        dimensions["security"]: {"a": 60.0, "b": 10.0, "c": 40.0},
        dimensions["tradition"]: {"a": 0.0, "b": 50.0, "c": 20.0},
        dimensions["power"]: {"a": 30.0, "b": 30.0},
    })


def test_published_means_leave_out_what_is_missing_and_count_zero(published):
    board = find_board("schwartz")
    assert [(row.name, row.rank, row.overall.value) for row in board.rows] == [
        ("a", 1, 30.0), ("b", 1, 30.0), ("c", 1, 30.0),
    ]
    assert rows_of(board)["c"].overall.n_unscored == 1
    assert board.badges == ("imported",)
    weighted = find_board("schwartz", weights=only("schwartz", security=1, power=1))
    assert [(row.name, row.rank, row.overall.value) for row in weighted.rows] == [
        ("a", 1, 45.0), ("c", 2, 40.0), ("b", 3, 20.0),
    ]


def test_every_published_number_links_to_its_provenance(published, client):
    page = client.get("/leaderboard/schwartz/").content.decode()
    links = re.findall(r'href="(/provenance/published-score/\d+/)"', page)
    assert len(set(links)) == 8
    assert client.get(links[0]).status_code == 200


def test_a_click_on_a_number_opens_as_many_scores_as_it_counts(small_run, client):
    board = find_board("gvs", coverage=0)
    for row in board.rows:
        cells = [row.overall, *row.groups.values(), *row.cells.values()]
        for cell in cells:
            if not cell.url:
                assert cell.n_scored == cell.n_unscored == 0
                continue
            answer = client.get(cell.url)
            assert answer.context["page"].paginator.count == cell.n_scored + cell.n_unscored
            assert answer.context["n_scored"] == cell.n_scored


def test_a_click_on_a_weighted_number_opens_only_what_it_rests_on(small_run, client):
    row = rows_of(find_board("gvs", coverage=0, weights=only("gvs", bias=1, culture=1)))["poor"]
    assert client.get(row.overall.url).context["n"] == 3
    assert row.overall.n_scored + row.overall.n_unscored == 3


def test_the_page_sorts_by_any_column_and_keeps_the_weights(small_run, client):
    def names(query):
        return [each["row"].name for each in client.get(f"/leaderboard/gvs/?coverage=0&{query}").context["table"]["rows"]]

    assert names("") == ["good", "poor"]
    assert names("sort=score") == ["poor", "good"]
    assert names("sort=-model") == ["poor", "good"]
    assert names("sort=misinfo") == ["poor", "good"]
    assert names("sort=weather") == ["good", "poor"]
    page = client.get("/leaderboard/gvs/?w_bias=0.5&sort=model").content.decode()
    assert "w_bias=0.5" in re.search(r'href="([^"]*sort=-misinfo[^"]*)"', page).group(1)


def test_bad_weights_in_the_address_are_named_and_change_nothing(small_run, client):
    answer = client.get("/leaderboard/gvs/?w_bias=lots")
    assert answer.status_code == 400
    assert "The weight of bias" in answer.content.decode()
    assert answer.context["board"].rows[0].overall.value == pytest.approx(6)
    assert client.get("/leaderboard/gvs/?w_bias=lots&format=json").status_code == 400


def test_a_group_can_be_left_out_and_taken_in_by_links(published, client):
    groups = client.get("/leaderboard/schwartz/").context["weights"]["groups"]
    board = client.get(f"/leaderboard/schwartz/{groups[0]['leave_out']}").context["board"]
    assert board.weights == {"security": 0, "tradition": 0, "power": 1}
    board = client.get(f"/leaderboard/schwartz/{groups[0]['only']}").context["board"]
    assert board.weights == {"security": 1, "tradition": 1, "power": 0}


def test_the_radar_draws_the_chosen_models_and_is_a_file(small_run, client):
    poor = LanguageModel.objects.get(name="poor")
    answer = client.get(f"/leaderboard/gvs/?coverage=0&models={poor.pk}")
    assert [shape.name for shape in answer.context["radar"].shapes] == ["poor"]
    narrow = answer.context["narrow_radar"]
    assert [shape.name for shape in narrow.drawing.shapes] == ["poor"]
    page = answer.content.decode()
    for drawing in (answer.context["radar"], narrow.drawing):
        assert page.count(f'viewBox="0 0 {drawing.width} {drawing.height}"') == 1
    assert not re.search(r"<[^>]+\sstyle=", answer.content.decode())
    svg = client.get(f"/leaderboard/gvs/?models={poor.pk}&format=svg")
    assert svg["Content-Type"] == "image/svg+xml"
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg.content.decode()
    assert svg.content.decode().count("<svg") == 1
    assert 'width="780"' in svg.content.decode()
    assert "var(--" not in svg.content.decode()


def test_files_say_missing_as_nothing_and_never_as_zero(small_run, client):
    lines = client.get("/leaderboard/gvs/?coverage=0&format=csv").content.decode().splitlines()
    heads = lines[0].split(",")
    poor = dict(zip(heads, next(line for line in lines if line.startswith("poor")).split(","), strict=False))
    assert (poor["misinfo"], poor["politics"], poor["bias_missing"]) == ("0.0", "", "1")
    data = client.get("/leaderboard/gvs/?coverage=0&format=json").json()
    row = next(row for row in data["rows"] if row["model"] == "poor")
    assert (row["dimensions"]["misinfo"], row["dimensions"]["politics"]) == (0.0, None)
    assert row["details"]["politics"]["missing_reason"]


def test_badges_stand_wherever_the_numbers_do(client):
    item = make_item(status="proposed")
    run = make_run(make_release([item], is_demonstration=True))
    make_score(run, item, make_language_model("baseline:echo", kind=LanguageModel.Kind.BASELINE), 3)
    page = client.get("/leaderboard/gvs/").content.decode()
    for word in ("demonstration", "heuristic judge", "baseline policy", "not reviewed by people"):
        assert word in page
    row = client.get("/leaderboard/gvs/?coverage=0&format=json").json()["rows"][0]
    assert set(row["badges"]) == {"baseline", "demonstration", "heuristic"}
    assert "demonstration" in client.get("/leaderboard/gvs/?coverage=0&format=csv").content.decode()


def test_the_number_of_queries_does_not_grow_with_models(small_run, client, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as few:
        client.get("/leaderboard/gvs/")
    items = [each.item for each in small_run.release.release_items.select_related("item__category")]
    for number in range(6):
        for item in items:
            make_score(small_run, item, make_language_model(f"more-{number}"), number)
    with django_assert_max_num_queries(len(few)):
        assert client.get("/leaderboard/gvs/").content.count(b"more-") >= 6


@pytest.mark.parametrize("path", ["/leaderboard/", "/leaderboard/gvs/", "/leaderboard/salad/", "/compare/"])
def test_an_empty_database_says_what_to_do(path, client):
    page = client.get(path)
    assert page.status_code == 200
    assert re.search("gvsir bench_run|gvsir import_scores|Import a published|finished run|Nothing has been", page.content.decode())


def test_unknown_systems_and_measurements_are_not_found(small_run, client):
    assert client.get("/leaderboard/astrology/").status_code == 404
    assert client.get("/leaderboard/gvs/?measurement=run-99").status_code == 404
    assert client.get("/leaderboard/gvs/?measurement=run-" + "9" * 30).status_code == 404


def test_compare_shows_up_to_five_models_that_the_measurement_has(small_run, client):
    models = list(LanguageModel.objects.order_by("name"))
    answer = client.get(f"/compare/?system=gvs&models={models[0].pk},{models[1].pk},99999,x")
    assert [row.name for row in answer.context["rows"]] == ["good", "poor"]
    assert client.get("/compare/?system=gvs&models=" + ",".join(map(str, range(1, 40)))).status_code == 200


def test_the_page_of_a_model_says_what_it_is_and_where_it_stands(small_run, published, client):
    good = LanguageModel.objects.get(name="good")
    page = client.get(good.get_absolute_url()).content.decode()
    assert "rank 1 of 2" in page
    assert reverse("run_detail", args=[small_run.pk]) in page
    known = LanguageModel.objects.get(name="a")
    page = client.get(known.get_absolute_url()).content.decode()
    assert "only from a publication" in page
    assert "rank 1 of 3" in page


def test_the_command_prints_the_promised_json(published, capsys, tmp_path):
    weights = tmp_path / "w.json"
    weights.write_text('{"security": 1, "tradition": 0}')
    call_command("leaderboard", "schwartz", "--measurement", published.key, "--weights", str(weights), "--json")
    data = json.loads(capsys.readouterr().out)
    assert set(data) >= {"system", "measurement", "weights", "rows"}
    assert (data["system"], data["measurement"]) == ("schwartz", published.key)
    assert data["weights"] == {"security": 1, "tradition": 0, "power": 1}
    first = data["rows"][0]
    assert set(first) >= {
        "model", "rank", "rank_interval", "score", "interval", "dimensions", "n_scored", "n_unscored",
    }
    assert (first["model"], first["rank"], first["score"], first["interval"]) == ("a", 1, 45.0, None)
    assert first["dimensions"] == {"security": 60.0, "tradition": 0.0, "power": 30.0}


def test_the_command_gives_intervals_and_rank_ranges_for_a_run(small_run, capsys):
    call_command("leaderboard", "gvs", "--coverage", "0", "--json")
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["good"]["rank_interval"] is None
    assert "One incident only in" in rows["good"]["place_missing_reason"]
    assert rows["good"]["n_scored"] == 4
    assert rows["poor"]["n_unscored"] == 1
    items = [make_item(category=key) for key in ("bias", "bias", "culture", "culture")]
    run = make_run(make_release(items))
    good, poor = (LanguageModel.objects.get(name=name) for name in ("good", "poor"))
    for item, value in zip(items, (8, 9, 7, 9), strict=True):
        make_score(run, item, good, value)
        make_score(run, item, poor, value - 6)
    call_command("leaderboard", "gvs", "--coverage", "0", "--json")
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert (rows["good"]["rank_interval"], rows["poor"]["rank_interval"]) == ([1, 1], [2, 2])
    assert rows["good"]["place_missing_reason"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("[1]", "JSON object"), ("{", "not JSON"), ('{"security": -1}', "weight of security"), ('{"luck": 1}', "luck")],
)
def test_the_command_names_what_is_wrong_with_weights(published, tmp_path, text, message):
    weights = tmp_path / "w.json"
    weights.write_text(text)
    with pytest.raises(CommandError, match=message):
        call_command("leaderboard", "schwartz", "--weights", str(weights))


def test_twelve_categories_stand_in_three_layers(small_run):
    board = find_board("gvs", coverage=0)
    assert [len(group.members) for group in board.groups] == [4, 6, 2]
    assert len(board.columns) == ValueDimension.objects.filter(system=make_scale(), is_scored=True).count() == 12
