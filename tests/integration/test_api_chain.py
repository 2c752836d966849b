"""The chain of evidence, leaderboards, statistics and health, as programs read them."""

from __future__ import annotations

import datetime

import pytest
from django.db import DatabaseError
from django.utils import timezone

from gvsir import provenance
from gvsir.api.provenance import is_complete
from gvsir.models import Incident, IncidentRedirect
from gvsir.provenance import Step
from tests.factories.annotation import category_of, close, make_document, make_round, make_submitted
from tests.factories.api_world import make_open_round, make_world
from tests.factories.bench import (
    make_item,
    make_language_model,
    make_measurement,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import (
    make_coder,
    make_dimension,
    make_incident,
    make_report,
    make_user,
    make_value_system,
)

pytestmark = pytest.mark.django_db


# --- provenance -------------------------------------------------------------------------------------


def test_an_incident_leads_to_its_reports_and_that_is_complete(client):
    incident = make_incident(number=639)
    report = make_report(incident, url="https://example.org/a")
    body = client.get("/api/v1/provenance/incident/639/").json()
    assert set(body) == {"kind", "id", "complete", "steps"}
    assert (body["kind"], body["id"], body["complete"]) == ("incident", "639", True)
    first, second = body["steps"]
    assert set(first) == {"kind", "id", "title", "text", "url", "badges", "facts", "withheld", "ends", "next"}
    assert first["text"] == incident.description
    assert first["next"] == [{"kind": "report", "id": str(report.pk)}]
    assert (second["kind"], second["url"], second["next"]) == ("report", "https://example.org/a", [])


@pytest.mark.parametrize("asked", ["GVSIR-639", "gvsir-639", "0639"])
def test_the_chain_of_an_incident_is_found_by_its_public_id(client, asked):
    make_report(make_incident(number=639))
    plain = client.get("/api/v1/provenance/incident/639/").json()
    assert client.get(f"/api/v1/provenance/incident/{asked}/").json() == plain
    answer = client.get(f"/provenance/incident/{asked}/")
    assert (answer.status_code, answer["Location"]) == (301, "/provenance/incident/639/")
    assert client.get("/provenance/incident/639/").status_code == 200


def test_the_chain_of_a_merged_incident_is_that_of_its_target(client):
    make_incident(number=1057)
    make_incident(number=88, title="The older record")
    IncidentRedirect.objects.create(number=342, target_number=88, reason="x")
    IncidentRedirect.objects.create(number=88, target_number=1057, reason="x")
    for asked in ("GVSIR-342", "342", "88"):
        answer = client.get(f"/api/v1/provenance/incident/{asked}/")
        assert (answer.status_code, answer["Location"]) == (301, "/api/v1/provenance/incident/1057/")
        assert answer.json()["public_id"] == "GVSIR-1057"
        assert client.get(f"/provenance/incident/{asked}/")["Location"] == "/provenance/incident/1057/"
    assert client.get("/api/v1/provenance/incident/1057/").json()["id"] == "1057"
    assert "The older record" in client.get("/provenance/incident/88/?own=1").content.decode()
    # What rests on the older record still leads to it: evidence is not exchanged.
    item = make_item(incident=Incident.objects.get(number=88))
    steps = client.get(f"/api/v1/provenance/item/{item.public_id}/").json()["steps"]
    assert ("incident", "88") in {(step["kind"], step["id"]) for step in steps}


@pytest.mark.parametrize("path", ["/provenance/incident/", "/api/v1/provenance/incident/"])
def test_the_chain_of_no_incident_is_not_found(client, path):
    IncidentRedirect.objects.create(number=1, target_number=2, reason="x")
    IncidentRedirect.objects.create(number=2, target_number=1, reason="x")
    for asked in ("GVSIR-7", "GVSIR-x", "1", "9" * 30, "²"):
        assert client.get(f"{path}{asked}/", follow=True).status_code == 404, asked


def test_a_score_leads_down_to_the_report(client):
    world = make_world()
    client.force_login(make_user("researcher"))
    body = client.get(f"/api/v1/provenance/score/{world.score.pk}/").json()
    kinds = [step["kind"] for step in body["steps"]]
    assert body["complete"] is True
    assert kinds[0] == "score"
    assert {"response", "item", "coding", "sentence", "incident", "report"} <= set(kinds)
    by_kind = {step["kind"]: step for step in body["steps"]}
    assert by_kind["coding"]["text"] == "ruling 😀"
    assert by_kind["coding"]["id"] == str(world.coding.pk)
    assert by_kind["incident"]["id"] == str(world.incident.number)


def test_a_stranger_gets_the_same_links_without_the_texts(client):
    world = make_world()
    path = f"/api/v1/provenance/score/{world.score.pk}/"
    stranger = client.get(path).json()
    client.force_login(make_user("annotator"))
    reader = client.get(path).json()
    assert [(s["kind"], s["id"]) for s in stranger["steps"]] == [(s["kind"], s["id"]) for s in reader["steps"]]
    for step in stranger["steps"]:
        assert (step["text"] is None) == bool(step["withheld"])
        if step["kind"] in {"response", "item"}:
            assert step["text"] is None
    assert all(step["text"] is not None for step in reader["steps"])


def test_an_unknown_kind_names_the_kinds_there_are(client):
    answer = client.get("/api/v1/provenance/rumour/1/")
    assert answer.status_code == 404
    assert all(kind in answer.json()["error"]["message"] for kind in provenance.kinds())


def test_a_chain_is_complete_only_if_every_branch_is_whole_down_to_a_report():
    report = Step(kind="report", id="1", title="r")
    incident = Step(kind="incident", id="7", title="i", next=(("report", "1"),))
    lonely = Step(kind="incident", id="8", title="i", ends="No report is known.")
    item = Step(kind="item", id="T-1", title="t", next=(("incident", "7"), ("incident", "8")))
    assert is_complete([incident, report])
    assert not is_complete([incident])
    assert not is_complete([item, incident, lonely, report])
    assert not is_complete([])


# --- leaderboards -----------------------------------------------------------------------------------


def test_a_leaderboard_has_the_run_s_scores_and_says_what_is_missing(client):
    items = [make_item(category="misinfo"), make_item(category="misinfo"), make_item(category="bias")]
    run = make_run(make_release(items))
    good, bad = make_language_model("good"), make_language_model("bad")
    for item, value in zip(items, (8.0, 6.0, 9.0), strict=True):
        make_score(run, item, good, value)
        make_score(run, item, bad, None if value == 9.0 else value - 4)
    index = client.get("/api/v1/leaderboards/").json()["systems"]
    assert [each["key"] for each in index[0]["measurements"]] == [f"run-{run.pk}"]
    body = client.get("/api/v1/leaderboards/gvs/", {"measurement": f"run-{run.pk}"}).json()
    assert body == client.get("/api/v1/leaderboards/gvs/").json()
    first, second = body["rows"]
    assert (first["model"], first["rank"], first["dimensions"]["misinfo"], first["dimensions"]["bias"]) == ("good", 1, 7.0, 9.0)
    assert second["dimensions"] == {**second["dimensions"], "misinfo": 3.0, "bias": None}
    assert (second["n_scored"], second["n_unscored"]) == (2, 1)
    assert second["details"]["bias"]["missing_reason"]


def test_an_imported_measurement_is_a_leaderboard_too(client):
    make_item()
    from tests.factories.gvsir import make_dimension, make_value_system

    system = make_value_system("schwartz", name="Schwartz", scale_low=-1.0, scale_high=1.0)
    power = make_dimension(system, key="power", level="value", is_scored=True)
    make_measurement({power: {"model a": 0.25, "model b": 0.5}}, key="value-compass")
    body = client.get("/api/v1/leaderboards/schwartz/").json()
    assert [(row["model"], row["dimensions"]["power"], row["interval"]) for row in body["rows"]] == [
        ("model b", 0.5, None), ("model a", 0.25, None),
    ]
    assert "imported" in body["badges"]


@pytest.mark.parametrize("measurement", ["run-999", "nothing", "run-x", "run-" + "9" * 30])
def test_an_unknown_measurement_is_refused_by_name(client, measurement):
    answer = client.get("/api/v1/leaderboards/gvs/", {"measurement": measurement})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["measurement"]


def test_a_system_without_a_measurement_says_what_to_do(client):
    answer = client.get("/api/v1/leaderboards/gvs/")
    assert answer.status_code == 404
    assert "bench_run" in answer.json()["error"]["message"]


# --- statistics -------------------------------------------------------------------------------------


def make_coded_round():
    first, second = make_coder("first"), make_coder("second")
    coded = make_round()
    for n, (one, two) in enumerate([("misinfo", "misinfo"), ("bias", "bias"), ("misinfo", "bias"), ("culture", "culture")]):
        document = make_document(make_incident(description=f"Text {n}."))
        make_submitted(coded, document, first, one)
        make_submitted(coded, document, second, two)
    return coded


def test_category_statistics_count_closed_rounds_only(client):
    coded = make_coded_round()
    path = "/api/v1/statistics/categories/"
    assert client.get(path).json() == {"coders": [], "origins": [], "categories": []}
    close(coded)
    body = client.get(path).json()
    assert [(each["key"], each["n"]) for each in body["coders"]] == [("first", 4), ("second", 4)]
    rows = {row["key"]: row for row in body["categories"]}
    assert len(rows) == 12
    assert [each["main"]["count"] for each in rows["misinfo"]["coders"]] == [2, 1]
    assert rows["culture"]["coders"][0]["main"]["share"] == 0.25
    assert rows["misinfo"]["name"] == category_of("misinfo").name


def test_agreement_of_a_closed_round_equals_the_hand_calculation(client):
    coded = make_coded_round()
    path = "/api/v1/statistics/agreement/"
    while_open = client.get(path, {"round": coded.pk})
    assert while_open.status_code == 409
    assert while_open.json()["error"]["code"] == "invalid_transition"
    assert client.get(path).json() == {"rounds": [], "published": []}
    close(coded)
    assert [each["id"] for each in client.get(path).json()["rounds"]] == [coded.pk]
    body = client.get(path, {"round": coded.pk}).json()
    # Coincidences: misinfo-misinfo 2, bias-bias 2, culture-culture 2, misinfo-bias 2; n = 8, marginals 3, 3, 2.
    # D_o = 2/8; D_e = (8² - 3² - 3² - 2²) / (8·7) = 42/56; alpha = 1 - 0.25/0.75.
    assert body["value"] == pytest.approx(2 / 3)
    assert (body["statistic"], body["n_units"], body["n_coders"]) == ("krippendorff_alpha", 4, 2)
    assert body["raw_agreement"] == pytest.approx(0.75)
    assert body["interval"]["low"] <= body["value"] <= body["interval"]["high"]


@pytest.mark.parametrize("asked", ["x", "999", "1.5", "²", "9" * 30])
def test_an_unknown_round_is_refused_by_name(client, asked):
    answer = client.get("/api/v1/statistics/agreement/", {"round": asked})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == ["round"]


def test_an_open_round_is_in_no_number(client):
    made = make_open_round()
    client.force_login(made["users"]["a"])
    assert client.get("/api/v1/statistics/categories/").json()["coders"] == []
    assert client.get("/api/v1/statistics/agreement/", {"round": made["round"].pk}).status_code == 409
    assert client.get("/api/v1/incidents/", {"category": "copyright"}).status_code in {200, 400}
    assert client.get("/api/v1/incidents/", {"category": "copyright"}).json().get("results", []) == []


# --- runs and health --------------------------------------------------------------------------------


def test_a_run_counts_every_response_and_judgement_by_state(client):
    items = [make_item() for _ in range(3)]
    run = make_run(make_release(items))
    model = make_language_model("m")
    for item, value in zip(items, (8.0, None, 2.0), strict=True):
        make_score(run, item, model, value)
    other = make_run(run.release)
    make_score(other, items[0], model, 5.0)
    body = client.get(f"/api/v1/runs/{run.pk}/").json()
    assert body["responses"]["answered"] == 3
    assert sum(body["responses"].values()) == 3
    assert (body["judgements"]["scored"], body["judgements"]["unparsable"], sum(body["judgements"].values())) == (2, 1, 3)


def test_scores_and_responses_are_filtered(client):
    items = [make_item(category="misinfo"), make_item(category="bias")]
    run = make_run(make_release(items))
    model = make_language_model("m")
    one, two = make_score(run, items[0], model, 8.0), make_score(run, items[1], model, None)

    def ids(path, **params):
        return [row["id"] for row in client.get(f"/api/v1/{path}/", params).json()["results"]]

    assert ids("scores", run=run.pk) == [one.pk, two.pk]
    assert ids("scores", dimension="bias") == [two.pk]
    make_dimension(make_value_system("other"), key="below").parents.add(make_dimension(make_value_system("two"), key="above"))
    assert ids("scores", layer="above") == []
    assert ids("scores", layer="universal", system="gvs") == [one.pk, two.pk]
    assert ids("scores", missing="true") == [two.pk]
    assert ids("scores", missing="false") == [one.pk]
    assert ids("scores", item=items[0].public_id) == [one.pk]
    assert ids("responses", item=items[1].public_id, state="answered") == [two.trial.response_id]
    assert ids("responses", run=make_run(run.release).pk) == []
    assert ids("items", release=run.release.name, category="bias") == [items[1].public_id]
    missing = client.get(f"/api/v1/scores/{two.pk}/").json()
    assert missing["value"] is None
    assert missing["missing_reason"]
    for path, params in (("scores", {"missing": "maybe"}), ("scores", {"item": "7"}), ("items", {"stance": "dance"}),
                         ("scores", {"layer": "bias"}), ("scores", {"run": run.pk + 99})):
        answer = client.get(f"/api/v1/{path}/", params)
        assert answer.status_code == 400
        assert list(answer.json()["error"]["fields"]) == list(params)


def test_health_says_that_database_and_queue_answer(client):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["database"]["vendor"] in {"sqlite", "postgresql"}
    assert answer.json()["queue"] == {"ok": True, "backend": "inline"}
    assert "no-store" in answer["Cache-Control"]
    assert client.post("/healthz").status_code == 405


def test_health_counts_what_waits_in_the_queue(client, settings):
    from django_tasks_db.models import DBTaskResult

    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    settings.QUEUE = "database"
    waiting = DBTaskResult.objects.create(
        args_kwargs={}, task_path="x", backend_name="default", run_after=timezone.now(), exception_class_path="", traceback=""
    )
    DBTaskResult.objects.filter(pk=waiting.pk).update(enqueued_at=timezone.now() - datetime.timedelta(minutes=5))
    queue = client.get("/healthz").json()["queue"]
    assert (queue["waiting"], queue["running"]) == (1, 0)
    assert 299 < queue["longest_wait_seconds"] < 330


def test_health_answers_503_where_the_database_does_not(client, monkeypatch):
    def fail():
        raise DatabaseError("password=secret")

    monkeypatch.setattr("gvsir.views.health._database", fail)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failing"
    assert answer.json()["database"] == {"ok": False}
    assert b"secret" not in answer.content
