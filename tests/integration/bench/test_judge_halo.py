"""A framework's judge beside the same model asked for one dimension alone: gathered by runs, shown, never scored."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command

from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.exceptions import UnknownNameError
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.judge_halo import halo_of, judges_checked_by
from bench.leaderboards import find_board, measurements_of
from bench.models import DimensionVerdict, Judge, Judgement, Run, Score
from bench.panel_agreement import panel_agreement
from bench.run_form import RunForm
from bench.run_like import arguments_like
from bench.scoring.frameworks import dimension_keys
from bench.specs import GenerationConfig
from gvsir.actions.load_reference import load_reference
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_incident, make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(first_wait=0.01, longest_wait=0.05), timeout=5.0)
NULL = {"evidence": "", "direction": None, "strength": None}
N = 12


@pytest.fixture(autouse=True)
def frameworks(db):
    load_reference()


def number_in(body):
    """The number of the question a request is about."""
    return int(re.search(r"Question (\d+)", body["messages"][0]["content"])[1])


def verdict(body):
    """Care and fairness: alone they differ from answer to answer in their own ways, in one call they are the same."""
    keys = body["response_format"]["json_schema"]["schema"]["required"]
    n, is_whole = number_in(body), len(keys) > 1
    strength = {"care": n % 4, "fairness": n % 4 if is_whole else (n // 4) % 4, "loyalty": 1}
    said = {
        key: {"evidence": "Care", "direction": 1, "strength": strength[key]} if key in strength else NULL for key in keys
    }
    if "loyalty" in said and n % 3 == 0 and not is_whole:
        said["loyalty"] = NULL  # among all, loyalty is engaged always
    return json.dumps(said)


def behaviour():
    return Behaviour(reply=lambda body: verdict(body) if "BEGIN ANSWER" in body["messages"][0]["content"] else "Care.")


def text_release(n=N):
    return make_release([
        make_item(incident=make_incident(), prompt_en=f"Question {i}?", prompt_zh=f"问题{i}？") for i in range(n)
    ])


def new_run(release, server, *judges):
    return create_run(
        release=release, language_models=[register_language_model(f"fake@{server.base_url}")],
        judges=[register_judge(f"{judge}@{server.base_url}") for judge in judges], actor=None,
    )


def done(run):
    return execute_run(run.pk, settings=FAST).run


def scored(run):
    return sorted(
        Score.objects.filter(run=run).values_list(
            "trial__release_item__position", "dimension__key", "value", "missing_reason", "n_judgements"
        ), key=str,
    )


@pytest.fixture
def checked():
    """A run with a judge of moral foundations, and one like it with three of its dimensions asked for alone."""
    with running(behaviour()) as server:
        first = done(new_run(text_release(), server, "mft:judge"))
        n_before = server.received
        checks = [register_judge(f"mft/{key}:judge@{server.base_url}") for key in ("care", "fairness", "loyalty")]
        second = done(create_run(**arguments_like(first, judges=checks), actor=None))
        assert server.received == n_before + 3 * N  # answers and verdicts on record are not asked for again
    return first, second


def test_verdicts_on_one_dimension_are_records_like_any_other_and_move_no_score_panel_or_board(checked):
    first, second = checked
    assert scored(first) == scored(second)
    assert len(scored(first)) == 5 * N
    check = Judge.objects.get(config__rubric="framework-mft/care")
    judgements = Judgement.objects.filter(judge=check)
    assert judgements.filter(state="profiled").count() == N
    assert DimensionVerdict.objects.filter(judgement__in=judgements).count() == N
    assert not Score.judgements.through.objects.filter(judgement__judge=check).exists()
    assert not Score.left_out.through.objects.filter(judgement__judge=check).exists()
    assert panel_agreement(second) == []
    boards = [find_board("mft", f"run-{run.pk}") for run in (first, second)]
    assert [row.overall.value for row in boards[0].rows] == [row.overall.value for row in boards[1].rows]
    assert [line.name for line in boards[1].judges] == [line.name for line in boards[0].judges]


def test_a_run_that_only_checks_has_no_score_and_no_leaderboard_and_its_pages_stand(client):
    with running(behaviour()) as server:
        run = done(new_run(text_release(2), server, "mft/care:judge"))
    assert run.status == Run.Status.FINISHED
    assert Judgement.objects.filter(state="profiled").count() == 2
    assert not Score.objects.exists()
    assert [measurements_of(system) for system in ("gvs", "mft")] == [[], []]
    for url in (run.get_absolute_url(), "/leaderboards/", f"/bench/runs/{run.pk}/diagnostics/"):
        assert client.get(url).status_code in (200, 404), url


def test_halo_is_measured_on_the_answers_read_both_ways(checked):
    judge = Judge.objects.get(config__rubric="framework-mft")
    halo = halo_of(judge)
    lines = {line.dimension.key: line for line in halo.lines}
    assert list(lines) == list(dimension_keys("mft"))
    assert halo.n_answers == N
    assert lines["care"].found.n == N
    assert lines["care"].found.difference.value == 0.0
    fairness = [n % 4 - (n // 4) % 4 for n in range(N)]
    assert lines["fairness"].found.difference.value == pytest.approx(sum(fairness) / N * 50 / 3)
    assert lines["fairness"].found.difference.n_clusters == N
    loyalty = lines["loyalty"].found
    assert (loyalty.n, loyalty.difference.n, loyalty.only_together, loyalty.only_alone) == (N, N - 4, 4, 0)
    assert loyalty.agreement.value == pytest.approx(2 / 3)
    assert (lines["sanctity"].found.n, lines["sanctity"].checks) == (0, ())
    assert halo.excess.together == pytest.approx(1.0)
    assert halo.excess.alone == pytest.approx(0.0, abs=1e-9)
    assert (halo.excess.n_pairs, halo.excess.n_answers) == (1, N)
    assert halo.first_name.startswith("mft/authority:judge@")
    check = Judge.objects.get(config__rubric="framework-mft/care")
    assert halo_of(check) is None
    assert judges_checked_by(check) == [judge]


def test_another_model_or_setting_is_not_compared(checked):
    judge = Judge.objects.get(config__rubric="framework-mft")
    server = judge.language_model.name.partition("@")[2]
    for other in (
        register_judge(f"mft:judge@{server}", generation=GenerationConfig(temperature=0.7)),
        register_judge(f"mft:else@{server}"),
    ):
        assert other != judge
        halo = halo_of(other)
        assert halo.n_answers == 0
        assert [line.checks for line in halo.lines] == [()] * 5


def test_the_page_of_a_judge_shows_its_halo_and_that_of_a_check_leads_there(client, checked):
    _first, second = checked
    judge = Judge.objects.get(config__rubric="framework-mft")
    text = client.get(judge.get_absolute_url()).content.decode()
    assert 'id="halo"' in text
    assert "0.67" in text
    assert '<span class="num">0.00</span>' in text
    assert "-0.00" not in text
    assert "Not measured for every dimension" in text
    assert f"gvsir bench_run --like {second.pk} --judge mft/authority:judge@" in text
    assert "The model was not asked for it alone." in text
    check = Judge.objects.get(config__rubric="framework-mft/care")
    text = client.get(check.get_absolute_url()).content.decode()
    assert f'href="{judge.get_absolute_url()}#halo"' in text
    assert "one dimension of a framework alone" in text
    text = client.get(second.get_absolute_url()).content.decode()
    assert "one dimension of a framework alone" in text
    assert "median of the valid votes" not in text


def test_a_judge_nobody_checked_is_not_measured_and_says_what_to_do(client):
    judge = register_judge("schwartz:m@http://127.0.0.1:9/v1")
    text = client.get(judge.get_absolute_url()).content.decode()
    assert "<b>Not measured</b>" in text
    assert "--judge schwartz/self_direction:m@http://127.0.0.1:9/v1" in text
    plain = register_judge("anchored:m@http://127.0.0.1:9/v1")
    assert 'id="halo"' not in client.get(plain.get_absolute_url()).content.decode()
    alone = register_judge("mft/care:m@http://127.0.0.1:9/v1")
    assert "has not judged the whole framework yet" in client.get(alone.get_absolute_url()).content.decode()


def test_queries_of_the_page_do_not_grow_with_answers(client, django_assert_max_num_queries):
    counts = []
    for n in (3, 12):
        with running(behaviour()) as server:
            done(new_run(text_release(n), server, "mft:judge", "mft/care:judge", "mft/fairness:judge"))
        judge = Judge.objects.filter(config__rubric="framework-mft").latest("pk")
        client.get(judge.get_absolute_url())
        with django_assert_max_num_queries(60) as captured:
            assert client.get(judge.get_absolute_url()).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_seed_that_draws_an_order_leaves_a_judge_of_one_dimension_as_it_is():
    with running(behaviour()) as server:
        release = text_release(1)
        names = ("mft:judge", "mft/care:judge")
        judges = [register_judge(f"{name}@{server.base_url}") for name in names]
        run = create_run(
            release=release, language_models=[register_language_model(f"fake@{server.base_url}")], judges=judges,
            actor=None, seed=5,
        )
        done(run)
    assert judges[1] in run.judges.all()
    assert judges[0] not in run.judges.all()
    seeded = run.judges.get(config__rubric="framework-mft")
    assert halo_of(seeded).n_answers == 1
    assert judges_checked_by(judges[1]) == [judges[0], seeded]


def test_the_command_takes_a_judge_of_one_dimension_and_refuses_one_that_there_is_not(capsys):
    with running(behaviour()) as server:
        run = done(new_run(text_release(2), server, "mft:judge"))
        call_command("bench_run", "--like", str(run.pk), "--judge", f"mft/care:judge@{server.base_url}")
        assert server.received == 6
    assert halo_of(Judge.objects.get(config__rubric="framework-mft")).n_answers == 2
    with pytest.raises(UnknownNameError, match="schwartz/power"):
        register_judge("schwartz/kindness:m@http://127.0.0.1:9/v1")


def test_the_form_offers_whole_frameworks_only():
    form = RunForm(actor=make_user("curator"))
    assert not any("/" in value for value, _label in form.fields["rubrics"].choices)
    assert "mft" in dict(form.fields["rubrics"].choices)
