from __future__ import annotations

import pytest

from gvsir.models import Incident
from gvsir.provenance import chain, resolve
from tests.factories.annotation import close, make_coding, make_document, make_round, make_submitted
from tests.factories.bench import (
    make_item,
    make_language_model,
    make_measurement,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_coder, make_dimension, make_incident, make_user, make_value_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def score():
    """A score whose item rests on one coding of an incident with two reports."""
    of_round = make_round()
    incident = make_incident(reports=2)
    assignment = make_submitted(of_round, make_document(incident), make_coder("a"), "misinfo")
    coding = make_coding(assignment, "invented by a chatbot", name="inventing cases")
    close(of_round)
    item = make_item(incident=incident, is_model_made=True, prompt_en="SECRET-PROMPT", prompt_zh="SECRET-中文")
    item.codings.add(coding)
    run = make_run(make_release([item], is_demonstration=True))
    return make_score(run, item, make_language_model(), 7, text="SECRET-ANSWER")


def test_a_score_leads_down_to_sentence_and_reports(score):
    steps = chain("score", str(score.pk), make_user("researcher"))
    kinds = [step.kind for step in steps]
    assert kinds == ["score", "judgement", "response", "item", "coding", "sentence", "incident", "report", "report"]
    assert not any(step.ends for step in steps if step.kind != "report")
    sentence = next(step for step in steps if step.kind == "sentence")
    assert sentence.extra["quote"] == "invented by a chatbot"
    incident = next(step for step in steps if step.kind == "incident")
    assert incident.id == str(Incident.objects.get().number)


def test_the_item_is_shown_as_it_was_released(score):
    item = score.trial.release_item.item
    item.prompt_en = "Something else."
    item.save()
    frozen = resolve("item", f"T-1@{score.run.release.name}", make_user("researcher"))
    assert "SECRET-PROMPT" in frozen.text
    assert "demonstration" in frozen.badges
    assert "model-made" in frozen.badges
    assert "Something else." in resolve("item", "T-1", make_user("researcher")).text
    assert resolve("item", "T-1@other", None) is None


def test_texts_are_withheld_from_people_without_a_role_and_say_so(score):
    steps = chain("score", str(score.pk), None)
    assert [step.kind for step in steps].count("report") == 2
    assert "SECRET" not in repr(steps)
    assert {step.kind for step in steps if step.withheld} == {"judgement", "response", "item"}
    assert all(not step.text for step in steps if step.withheld)


def test_an_item_without_codings_leads_to_its_incident_and_one_without_incident_ends_there():
    item = make_item()
    assert resolve("item", "T-1", None).next == (("incident", str(item.incident.number)),)
    make_item(incident=None)
    step = resolve("item", "T-2", None)
    assert step.next == ()
    assert step.ends


def test_a_mean_leads_to_its_scores_and_equals_the_leaderboard(score, client):
    other = make_item(category="misinfo")
    run = make_run(make_release([score.trial.release_item.item, other]))
    model = score.trial.language_model
    for epoch, value in enumerate((9, 9, None), start=1):
        make_score(run, score.trial.release_item.item, model, value, epoch=epoch)
    make_score(run, other, model, 1)
    step = resolve("cell", f"run-{run.pk}:{model.pk}:misinfo", None)
    assert step.extra["value"] == pytest.approx(5)
    assert dict(step.facts)["scores"] == "3"
    assert dict(step.facts)["missing"] == "1"
    assert len(step.next) == 4
    assert client.get(f"/provenance/cell/run-{run.pk}:{model.pk}:misinfo/").status_code == 200
    assert client.get(step.url).context["n"] == 4


@pytest.mark.parametrize("record", ["", "x", "run-1", "run-1:2", "run-1:2:bias", "run-x:2:bias", "run-1:2:3:4"])
def test_a_mean_that_is_not_there_has_no_step(record):
    assert resolve("cell", record, None) is None


@pytest.fixture
def published():
    system = make_value_system("mft", name="Moral foundations", scale_high=100)
    care = make_dimension(system, 1, key="care", level="foundation", name="Care", is_scored=True)
    return make_measurement({care: {"GPT-4": 29.9}}, n_cases=360).scores.get()


def test_a_published_number_ends_early_and_says_why(published, client):
    steps = chain("published-score", str(published.pk), None)
    assert [step.kind for step in steps] == ["published-score", "measurement"]
    assert "360 cases" in steps[-1].ends
    assert published.measurement.sha256 in dict(steps[-1].facts).values()
    page = client.get(f"/provenance/published-score/{published.pk}/").content.decode()
    assert 'class="broken"' in page
    assert "360 cases" in page
    assert "29.9" in page


def test_the_page_numbers_the_links_and_marks_the_sentence(score, client):
    answer = client.get(f"/provenance/score/{score.pk}/")
    assert [link["kind"] for link in answer.context["links"]] == [
        "score", "judgement", "response", "item", "coding", "sentence", "incident", "report",
    ]
    page = answer.content.decode()
    assert '<mark class="seg m1-7 bg-7">invented by a chatbot</mark>' in page
    assert f"/api/v1/provenance/score/{score.pk}/" in page
    assert "complete: 8 links" in page
    assert "SECRET" not in page
    assert "Sign in to read" in page
    client.force_login(make_user("annotator"))
    assert "SECRET-ANSWER" in client.get(f"/provenance/score/{score.pk}/").content.decode()


@pytest.mark.parametrize(
    "path", ["/provenance/score/99/", "/provenance/weather/1/", "/provenance/item/T-9/", "/provenance/score/x/",
             "/provenance/score/" + "9" * 40 + "/"],
)
def test_a_trail_that_starts_nowhere_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_an_incident_that_is_not_published_ends_the_trail_for_others(score):
    Incident.objects.update(status="draft")
    kinds = [step.kind for step in chain("score", str(score.pk), None)]
    assert "incident" not in kinds
    assert "incident" in [step.kind for step in chain("score", str(score.pk), make_user("curator"))]
