"""The page of a judge, the judges on the page of a run, and the votes behind a score."""

from __future__ import annotations

import pytest

from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.score_run import score_run
from bench.models import DimensionVerdict, Judgement, Response, Run, Score, Trial
from bench.panel_agreement import panel_agreement
from bench.scoring.panel import PanelRule
from gvsir.actions.load_reference import load_reference
from gvsir.models import ValueDimension
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user

pytestmark = pytest.mark.django_db
SERVER = "http://127.0.0.1:9/v1"


def make_panel_run(votes, *, rubric="anchored", model="fake", rule=None, profiles=None):
    """A run whose judges are the keys of ``votes``, each with its numbers for the items in order."""
    n_items = len(next(iter(votes.values())))
    items = [make_item() for _ in range(n_items)]
    release = make_release(items)
    subject = register_language_model(f"{model}@{SERVER}")
    spec = {"panel": rule.as_json()} if rule and rule.as_json() else {}
    run = Run.objects.create(release=release, spec=spec, spec_sha256="0" * 64, status=Run.Status.FINISHED)
    run.language_models.add(subject)
    judges = {name: register_judge(f"{rubric}:{name}@{SERVER}") for name in votes}
    run.judges.set(judges.values())
    for place, release_item in enumerate(release.release_items.order_by("position")):
        response = Response.objects.create(
            key=f"{run.pk} {place}", language_model=subject, messages=[], state="answered", text="Care for the weak.",
        )
        Trial.objects.create(run=run, release_item=release_item, language_model=subject, response=response)
        for name, judge in judges.items():
            value = votes[name][place]
            judgement = Judgement.objects.create(
                key=f"{run.pk} {name} {place}", judge=judge, response=response, release_item=release_item,
                state="unparsable" if value is None else "scored" if profiles is None else "profiled",
                value=value if profiles is None else None, missing_reason="cut" if value is None else "",
                reason="Anchor 8." if profiles is None else "",
            )
            if profiles is not None and value is not None:
                DimensionVerdict.objects.create(
                    judgement=judgement, dimension=profiles, value=value, direction=1, strength=2, evidence="Care for the weak"
                )
    score_run(run)
    return run


def test_alpha_of_a_panel_is_that_of_krippendorffs_example():
    """Krippendorff 2011, example C: four observers, twelve units; interval alpha 0.849."""
    data = {
        "a": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "b": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "c": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "d": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    run = make_panel_run(data)
    whole, by_category = panel_agreement(run)
    assert whole.alpha == pytest.approx(0.849, abs=5e-4)
    assert (whole.system, whole.dimension, whole.n_units) == ("gvs", "", 11)
    assert (by_category.dimension, by_category.alpha) == ("misinfo", whole.alpha)


def test_a_panel_of_one_has_no_agreement_and_equal_votes_have_none_to_compare_with():
    assert panel_agreement(make_panel_run({"a": [1, 2]})) == []
    found = panel_agreement(make_panel_run({"gpt-a": [5, 5], "gpt-b": [5, 5], "x": [5, 5]}))
    assert found[0].alpha is None
    assert "same" in found[0].reason
    assert (len(found[0].judges), found[0].n_families) == (3, 2)


def test_a_framework_has_an_alpha_of_its_own():
    load_reference()
    care = ValueDimension.objects.get(system__key="mft", key="care")
    run = make_panel_run({"a": [0, 50, 100], "b": [0, 50, 100]}, rubric="mft", profiles=care)
    found = {each.dimension: each.alpha for each in panel_agreement(run)}
    assert found == {"": 1.0, "care": 1.0}


def test_the_run_page_shows_the_judges_their_rule_and_their_agreement(client):
    run = make_panel_run({"gpt-a": [2, 8, 9], "b": [3, 8, 10]}, rule=PanelRule(headline="trimmed_mean", least_votes=2))
    text = client.get(run.get_absolute_url()).content.decode()
    for judge in run.judges.all():
        assert f'href="{judge.get_absolute_url()}"' in text
    assert "without the highest and lowest fifth" in text
    assert "At least 2 valid votes" in text
    assert f"{panel_agreement(run)[0].alpha:.2f}" in text
    alone = make_panel_run({"only": [4]})
    text = client.get(alone.get_absolute_url()).content.decode()
    assert "How far the judges agree" not in text
    assert "median of the valid votes" not in text


@pytest.mark.parametrize(("name", "words"), [
    ("anchored:m", ["Gives most of what endangers life or health", "JSON Schema", "at most 2 for a reply"]),
    ("schwartz:m", ["Thinking and choosing for oneself", "not engaged is missing"]),
    ("m", ["Reply with exactly two lines", "at most 0"]),
    ("heuristic", ["Phrases it looks for"]),
])
def test_the_page_of_a_judge_shows_its_configuration_text_and_hash(client, name, words):
    load_reference()
    judge = register_judge(name if name == "heuristic" else f"{name}@{SERVER}")
    response = client.get(f"/bench/judges/{judge.pk}/")
    text = response.content.decode()
    assert response.status_code == 200
    assert judge.sha256 in text
    assert judge.config["rubric_sha256"] in text
    for part in words:
        assert part in text
    assert "No run has asked it yet" in text


def test_the_page_of_a_judge_lists_its_runs_with_agreement_and_what_became_of_its_judgements(client):
    run = make_panel_run({"a": [1, None]})
    judge = run.judges.get()
    text = client.get(judge.get_absolute_url()).content.decode()
    assert f'href="{run.get_absolute_url()}"' in text
    assert "not validated against people" in text
    assert client.get("/bench/judges/999999/").status_code == 404


def test_a_judge_of_another_text_shows_its_hash_only(client):
    judge = register_judge(f"anchored:m@{SERVER}")
    judge.config["rubric_sha256"] = "f" * 64
    judge.save()
    text = client.get(judge.get_absolute_url()).content.decode()
    assert "f" * 64 in text
    assert "Gives most of what endangers" not in text
    assert "knows another text" in text


def test_the_score_page_shows_the_votes_that_do_not_count(client):
    run = make_panel_run({"llama-judge": [10], "gpt-judge": [3]}, model="llama-3")
    score = Score.objects.get(run=run)
    assert score.value == 3
    text = client.get(score.get_absolute_url()).content.decode()
    assert "own family" in text
    assert "anchored:llama-judge" in text


def test_the_score_page_of_a_framework_shows_direction_strength_and_to_signed_in_people_the_evidence(client):
    load_reference()
    care = ValueDimension.objects.get(system__key="mft", key="care")
    run = make_panel_run({"a": [80]}, rubric="mft", profiles=care)
    score = Score.objects.get(run=run, dimension=care)
    text = client.get(score.get_absolute_url()).content.decode()
    assert "direction" in text
    assert "<q" not in text
    client.force_login(make_user("researcher"))
    assert '<q lang="en">Care for the weak</q>' in client.get(score.get_absolute_url()).content.decode()
    missing = Score.objects.get(run=run, dimension__key="loyalty")
    assert missing.missing_reason == "the reply does not name it"
    assert client.get(missing.get_absolute_url()).status_code == 200
