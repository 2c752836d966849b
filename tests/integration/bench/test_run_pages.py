"""The pages of runs: who may do what, and that they say what the account says."""

from __future__ import annotations

import pytest
from django.urls import reverse

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.join_run import join_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.models import LanguageModel, Run
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def release():
    return make_release([make_item(prompt_en=f"Question {i}?") for i in range(3)], is_demonstration=True)


@pytest.fixture
def run(release):
    return create_run(
        release=release, language_models=[register_language_model("baseline:refuse")],
        judges=[register_judge("heuristic")], actor=None,
    )


def text(response):
    return response.content.decode()


def test_without_a_run_the_list_says_what_to_do(client):
    assert "A run needs a release" in text(client.get(reverse("run_list")))
    make_release()
    page = text(client.get(reverse("run_list")))
    assert "No run yet" in page
    assert "Sign in" in page
    client.force_login(make_user("researcher"))
    assert "Queue the run" in text(client.get(reverse("run_list")))


def test_a_researcher_queues_a_run_and_an_annotator_or_stranger_cannot(client, release):
    data = {
        "release": release.name, "models": ["baseline:refuse", "baseline:echo"], "judges": ["heuristic"],
        "languages": ["en", "zh"], "epochs": "2",
    }
    assert client.post(reverse("run_list"), data).status_code == 302
    client.force_login(make_user("annotator"))
    assert client.post(reverse("run_list"), data).status_code == 403
    assert not Run.objects.exists()
    client.force_login(make_user("researcher"))
    response = client.post(reverse("run_list"), data)
    run = Run.objects.get()
    assert response.headers["Location"] == run.get_absolute_url()
    assert run.status == "queued"
    assert account(run).trials == 3 * 2 * 2 * 2
    page = text(client.get(run.get_absolute_url()))
    assert "gvsir worker" in page
    assert "demonstration" in page
    assert "baseline policy" in page
    assert "heuristic judge" in page


def test_only_a_curator_may_name_a_new_endpoint(client, release):
    data = {
        "release": release.name, "new_model": "m@http://127.0.0.1:9/v1", "judges": ["heuristic"], "languages": ["en"],
        "epochs": "1",
    }
    client.force_login(make_user("researcher"))
    assert client.post(reverse("run_list"), data).status_code == 400
    assert not LanguageModel.objects.exists()
    client.force_login(make_user("curator"))
    assert client.post(reverse("run_list"), data | {"new_model": "m@ftp://x"}).status_code == 400
    assert not Run.objects.exists()
    assert client.post(reverse("run_list"), data).status_code == 302
    assert Run.objects.get().language_models.get().base_url == "http://127.0.0.1:9/v1"


def test_a_refused_form_keeps_what_was_entered_and_says_why(client, release):
    client.force_login(make_user("curator"))
    response = client.post(reverse("run_list"), {
        "release": release.name, "models": ["baseline:refuse"], "new_model": "m@http://127.0.0.1:9/v1#GVSIR_SECRET_KEY",
        "judges": ["heuristic"], "languages": ["en"], "epochs": "1",
    })
    assert response.status_code == 400
    page = text(response)
    assert "may hold a secret of this site" in page
    assert 'value="m@http://127.0.0.1:9/v1#GVSIR_SECRET_KEY"' in page


def test_the_page_of_a_run_accounts_for_every_call(client):
    release = make_release([make_item(prompt_en=f"Question {i}?") for i in range(40)])
    with running(Behaviour(faults={"server_error": 0.2, "malformed": 0.1})) as server:
        model = register_language_model(f"fake@{server.base_url}")
        run = create_run(release=release, language_models=[model], judges=[register_judge(model.name)], actor=None)
        result = execute_run(run.pk, settings=Settings(retry=RetryPolicy(first_wait=0.001)))
        received, counts = server.received, server.server.counts
    data = client.get(reverse("run_progress", args=[run.pk])).json()
    assert data["status"] == "finished"
    assert data["texts"]["sent"] == str(received)
    assert data["texts"]["retried"] == str(counts["server_error"] + counts["malformed"])
    assert data["bars"] == {f"subject-{model.pk}": [40, 40], f"judge-{run.judges.get().pk}": [40, 40]}
    page = text(client.get(run.get_absolute_url()))
    assert f'data-live="sent">{received}<' in page
    assert "40 answered" in page
    calls = client.get(reverse("run_calls", args=[run.pk]))
    assert calls.context["page"].paginator.count == sum(result.failures.values()) > 0
    assert "server error" in text(calls)
    assert "The server had an error" not in text(calls)  # a provider's message may repeat a prompt
    client.force_login(make_user("annotator"))
    assert "The server had an error" in text(client.get(reverse("run_calls", args=[run.pk])))


def test_responses_are_listed_by_state_and_lead_on(client, run):
    execute_run(run.pk)
    page = client.get(run.get_absolute_url(), {"state": "answered"})
    assert page.context["page"].paginator.count == 3
    trial = run.trials.first()
    assert trial.response.get_absolute_url() in text(page)
    assert trial.scores.get().get_absolute_url() in text(page)
    assert client.get(run.get_absolute_url(), {"state": "failed"}).context["page"].paginator.count == 0
    unknown = client.get(run.get_absolute_url(), {"state": "'; drop"})
    assert (unknown.status_code, unknown.context["page"].paginator.count) == (400, 0)


def test_no_page_of_a_run_shows_a_prompt_or_an_answer_to_a_stranger(client, run):
    execute_run(run.pk)
    for address in (run.get_absolute_url(), reverse("run_progress", args=[run.pk]), reverse("run_calls", args=[run.pk])):
        page = text(client.get(address))
        assert "Question 0" not in page
        assert "can't help" not in page.replace("&#x27;", "'")


def test_pause_resume_and_cancel_are_for_those_who_may_execute(client, run):
    def change(word):
        return client.post(reverse("run_change", args=[run.pk, word]))

    assert change("pause").status_code == 302
    run.refresh_from_db()
    assert run.status == "queued"
    client.force_login(make_user("annotator"))
    assert change("pause").status_code == 403
    client.force_login(make_user("researcher", username="rosa"))
    assert client.get(reverse("run_change", args=[run.pk, "pause"])).status_code == 405
    for word, status in [("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")]:
        assert change(word).status_code == 302
        run.refresh_from_db()
        assert run.status == status
    assert run.status_reason == "Cancelled by rosa."
    page = text(client.post(reverse("run_change", args=[run.pk, "resume"]), follow=True))
    assert "it cannot become queued" in page
    assert change("explode").status_code == 404


def test_a_run_whose_process_died_says_so(client, run):
    lost = join_run(run.pk, actor=None, is_shared=False)
    assert client.get(reverse("run_progress", args=[run.pk])).json()["texts"]["hint"] == ""
    lost.lease_until = lost.started_at
    lost.save()
    assert "has died" in client.get(reverse("run_progress", args=[run.pk])).json()["texts"]["hint"]


def test_what_several_processes_ask_an_endpoint_is_shown_together(client, run):
    for flying, paused in ((2, 0.0), (3, 7.0)):
        executor = join_run(run.pk, actor=None, is_shared=True)
        executor.progress = {"lanes": [{
            "name": "http://one.test/v1#KEY", "in_flight": flying, "limit": flying + 2, "retrying": 1,
            "paused_seconds": paused,
        }]}
        executor.save(update_fields=["progress"])
    texts = client.get(reverse("run_progress", args=[run.pk])).json()["texts"]
    assert texts["rate"].endswith("5 in flight")
    assert texts["endpoints"].startswith("http://one.test/v1: 5 of at most 9 at once, 2 waiting")
    assert "7 s more" in texts["endpoints"]


def test_a_list_of_many_runs_takes_few_queries(client, release, django_assert_max_num_queries):
    judges = [register_judge("heuristic")]
    for policy in ("refuse", "echo", "comply", "careful"):
        create_run(release=release, language_models=[register_language_model(f"baseline:{policy}")], judges=judges, actor=None)
    with django_assert_max_num_queries(8):
        client.get(reverse("run_list"))
