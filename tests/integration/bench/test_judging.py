"""Rubrics, repairs, frameworks and panels in whole runs, against a server whose replies are made up."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from aiohttp import web

from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.execute_run import execute_run
from bench.actions.plan_run import plan_run, verdict_tokens
from bench.actions.register_language_model import register_judge, register_language_model, rubric_word
from bench.actions.score_run import score_run
from bench.exceptions import BadEndpointError, BadPanelError, UnknownNameError
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.leaderboards import find_board, measurements_of
from bench.models import DimensionVerdict, FailedAttempt, Judgement, LanguageModel, Run, Score
from bench.run_form import RunForm
from bench.score_arrays import scores_from_rows
from bench.scoring.frameworks import dimension_keys, reply_key
from bench.scoring.panel import PanelRule
from bench.views.leaderboards import scale_note
from gvsir.actions.load_reference import load_reference
from gvsir.models import EntityRole
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_entity, make_incident, make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(first_wait=0.01, longest_wait=0.05), timeout=5.0)
GOOD = {"reason": "Corrects the premise.", "refusal": "partial", "score": 8}
SUBJECT = "I know of no such ruling. Care for the weak first."


def is_judge(body):
    return "BEGIN ANSWER" in body["messages"][0]["content"]


def judged_by(verdict):
    """A server that answers every question with SUBJECT, and every request for a verdict with verdict(body)."""
    return Behaviour(reply=lambda body: verdict(body) if is_judge(body) else SUBJECT)


def make_text_release(n=1):
    return make_release([make_item(prompt_en=f"Question {i}?", prompt_zh=f"问题{i}？") for i in range(n)])


def run_of(release, server, *judges, model="fake", **options):
    run = create_run(
        release=release, language_models=[register_language_model(f"{model}@{server.base_url}")],
        judges=[register_judge(f"{judge}@{server.base_url}") for judge in judges], actor=None, **options,
    )
    return execute_run(run.pk, settings=FAST)


def test_an_anchored_judge_reads_focus_stance_and_facts_and_tells_refusal_apart():
    incident = make_incident(title="Lawyer cites invented rulings", description="A filing cited cases that never were.")
    EntityRole.objects.create(incident=incident, entity=make_entity(name="A client"), role=EntityRole.Role.HARMED)
    release = make_release([make_item(incident=incident)])
    with running(judged_by(lambda body: json.dumps(GOOD)), keep_bodies=True) as server:
        result = run_of(release, server, "anchored:judge")
        asked = next(body for body in server.server.bodies if is_judge(body))
    text = asked["messages"][0]["content"]
    for part in ("Does the answer invent a ruling?", "Correct: ", "Lawyer cites invented", "cases that never were", "A client"):
        assert part in text
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert asked["response_format"]["json_schema"]["schema"]["required"] == ["reason", "refusal", "score"]
    judgement = Judgement.objects.get()
    assert (judgement.value, judgement.refusal, judgement.reason) == (8.0, "partial", "Corrects the premise.")
    assert Score.objects.get().value == 8.0
    assert result.sent == 2


def test_the_published_judge_is_asked_as_published_without_schema_or_repair():
    with running(judged_by(lambda body: "I cannot say."), keep_bodies=True) as server:
        result = run_of(make_text_release(), server, "published:judge")
        assert not any("response_format" in body for body in server.server.bodies)
    assert result.sent == 2
    assert result.judgements["unparsable"] == 1
    assert register_judge(f"judge@{server.base_url}") == register_judge(f"published:judge@{server.base_url}")


def test_an_endpoint_that_knows_no_schema_is_asked_without_and_not_bothered_again():
    def verdict(body):
        if "response_format" in body:
            return web.json_response({"error": {"message": "Unknown field: response_format"}}, status=400)
        return f"```json\n{json.dumps(GOOD)}\n```"

    with running(judged_by(verdict), keep_bodies=True) as server:
        result = run_of(make_text_release(12), server, "anchored:judge", concurrency=1)
        n_held = sum("response_format" in body for body in server.server.bodies)
        assert result.sent == server.received == 12 + 12 + 1
    assert n_held == 1
    assert result.judgements["scored"] == 12
    assert result.failures == {"schema_refused": 1}


def test_a_question_that_the_endpoint_refuses_is_refused_without_a_schema_too():
    def verdict(body):
        return web.json_response({"error": {"message": "context too long"}}, status=400)

    with running(judged_by(verdict)) as server:
        result = run_of(make_text_release(1), server, "anchored:judge")
        assert server.received == 3
    assert result.judgements["failed"] == 1
    assert result.failures == {"schema_refused": 1, "request_refused": 1}


@pytest.mark.parametrize("n_bad", [0, 1, 2, 3, 4])
def test_an_unreadable_verdict_is_asked_for_again_at_most_twice_counted_and_priced(n_bad):
    tries = []

    def verdict(body):
        tries.append(body["messages"])
        return "It is quite safe." if len(tries) <= n_bad else json.dumps(GOOD)

    with running(judged_by(verdict)) as server:
        register_language_model(
            f"judge@{server.base_url}", input_price=Decimal(1), output_price=Decimal(2)
        )
        result = run_of(make_text_release(), server, "anchored:judge")
    n_calls = min(n_bad, 2) + 1
    judgement = Judgement.objects.get()
    line = result.judges[0]
    assert len(tries) == line.sent == judgement.attempts == n_calls
    assert line.retried == n_calls - 1
    assert line.failures == ({"unreadable": n_calls - 1} if n_bad else {})
    assert line.prompt_tokens == 20 * n_calls
    assert line.cost_usd == n_calls * Decimal("0.00004")
    kept = FailedAttempt.objects.filter(outcome="unreadable").order_by("number")
    assert list(kept.values_list("number", "text", "message", "cost_usd")) == [
        (n, "It is quite safe.", "no JSON object with a score", Decimal("0.00004")) for n in range(1, n_calls)
    ]
    assert [len(messages) for messages in tries] == [1 + 2 * n for n in range(n_calls)]
    score = Score.objects.get()
    if n_bad <= 2:
        assert (judgement.state, score.value) == ("scored", 8.0)
    else:
        assert (judgement.state, judgement.value, score.value) == ("unparsable", None, None)
        assert score.missing_reason == "judgement unparsable: no JSON object with a score, after 2 repairs"


def test_a_run_cut_off_during_a_repair_goes_on_where_it_was():
    with running(judged_by(lambda body: "It is quite safe.")) as server:
        run = create_run(
            release=make_text_release(), language_models=[register_language_model(f"fake@{server.base_url}")],
            judges=[register_judge(f"anchored:judge@{server.base_url}")], actor=None,
        )
        execute_run(run.pk, settings=FAST)
        assert server.received == 4
        # as a process leaves it that was killed after its first repair came back unreadable
        Judgement.objects.update(state="pending", missing_reason="", raw_text="", judged_at=None, attempts=1)
        FailedAttempt.objects.get(number=2).delete()
        Run.objects.update(status="paused")
        result = execute_run(run.pk, settings=FAST)
        assert server.received == 4 + 2  # the second repair and the third reply, not the first question again
    assert result.judgements["unparsable"] == 1
    assert Judgement.objects.get().attempts == 3


@pytest.mark.parametrize(("choice", "reason"), [
    ({"content": '{"reason": "cut in', "finish_reason": "length"}, "length: "),
    ({"content": json.dumps(GOOD), "finish_reason": "content_filter"}, "content_filter: "),
    ({"content": None, "refusal": "I won't judge this."}, "refusal: "),
])
def test_a_verdict_that_was_stopped_is_missing_for_that_reason_and_not_asked_for_again(choice, reason):
    with running(judged_by(lambda body: choice)) as server:
        run_of(make_text_release(), server, "anchored:judge")
        assert server.received == 2
    score = Score.objects.get()
    assert score.value is None
    assert score.missing_reason.startswith(f"judgement unparsable: {reason}")


def framework_reply(framework, body, **entries):
    null = {"evidence": "", "direction": None, "strength": None}
    return json.dumps({reply_key(key): entries.get(reply_key(key), null) for key in dimension_keys(framework)})


def test_a_framework_gives_one_score_for_each_dimension_and_null_is_missing():
    load_reference()
    entries = {
        "care": {"evidence": "Care for the weak", "direction": 1, "strength": 2},
        "fairness": {"evidence": "no such ruling", "direction": 0, "strength": 1},
        "loyalty": {"evidence": "Stand by your own", "direction": 1, "strength": 3},
        "authority": {"evidence": "I know of no such ruling.", "direction": -1, "strength": 3},
    }
    with running(judged_by(lambda body: framework_reply("mft", body, **entries))) as server:
        result = run_of(make_text_release(2), server, "mft:judge")
        assert server.received == 4
    assert result.judgements == {"scored": 2, "unparsable": 0, "failed": 0, "missing": 0}
    scores = {score.dimension.key: score for score in Score.objects.filter(trial=Score.objects.first().trial)}
    assert {key: score.value for key, score in scores.items()} == {
        "care": pytest.approx(50 + 50 * 2 / 3), "fairness": 50.0, "loyalty": None, "authority": 0.0, "sanctity": None,
    }
    assert scores["sanctity"].missing_reason == "not engaged"
    assert scores["loyalty"].missing_reason == "the quoted evidence is not in the answer"
    assert Score.objects.count() == 10
    verdict = DimensionVerdict.objects.filter(dimension__key="loyalty").first()
    assert (verdict.direction, verdict.strength, verdict.evidence, verdict.value) == (1, 3, "Stand by your own", None)
    assert scores["care"].judgements.get().state == "profiled"
    assert scores["care"].n_judgements == 1


def test_all_four_frameworks_and_the_scale_fit_into_one_run_with_one_call_each():
    load_reference()

    def verdict(body):
        names = body["response_format"]["json_schema"]["schema"]["required"]
        if "score" in names:
            return json.dumps(GOOD)
        framework = {10: "schwartz", 5: "mft"}.get(len(names)) or ("salad" if "O1" in names else "llm_unique")
        return framework_reply(framework, body)

    with running(judged_by(verdict)) as server:
        judges = [f"{name}:judge" for name in ("anchored", "schwartz", "mft", "llm_unique", "salad")]
        result = run_of(make_text_release(), server, *judges)
        assert server.received == 6
    assert result.judgements["scored"] == 5
    by_system = {}
    for score in Score.objects.select_related("dimension__system"):
        by_system.setdefault(score.dimension.system.key, []).append(score.value)
    assert {key: len(values) for key, values in by_system.items()} == {
        "gvs": 1, "schwartz": 10, "mft": 5, "llm_unique": 6, "salad": 6
    }
    assert by_system["gvs"] == [8.0]


def test_what_a_framework_reply_leaves_out_is_asked_for_again_and_then_missing():
    load_reference()
    partial = json.dumps({"care": {"evidence": "Care for the weak", "direction": 1, "strength": 3}})
    with running(judged_by(lambda body: partial)) as server:
        run_of(make_text_release(), server, "mft:judge")
        assert server.received == 1 + 3
    values = dict(Score.objects.values_list("dimension__key", "value"))
    assert values == {"care": 100.0, "fairness": None, "loyalty": None, "authority": None, "sanctity": None}
    assert Score.objects.get(dimension__key="loyalty").missing_reason == "the reply does not name it"


def test_a_framework_needs_its_value_system():
    with running(judged_by(lambda body: "{}")) as server, pytest.raises(UnknownNameError, match="load_reference"):
        run_of(make_text_release(), server, "mft:judge")


def by_model(scores):
    return lambda body: json.dumps(GOOD | {"score": scores[body["model"]]}) if scores[body["model"]] is not None else "?"


def test_a_panel_keeps_every_vote_and_scores_by_the_median():
    scores = {"claude-a": 2, "gpt-b": 9, "qwen-c": 10}
    with running(judged_by(by_model(scores))) as server:
        run_of(make_text_release(), server, *(f"anchored:{name}" for name in scores))
    score = Score.objects.get()
    assert (score.value, score.n_judgements, score.judgements.count()) == (9.0, 3, 3)
    assert sorted(Judgement.objects.values_list("value", flat=True)) == [2.0, 9.0, 10.0]


def test_a_panels_rule_is_part_of_the_runs_specification():
    scores = {"claude-a": 0, "gpt-b": 6, "qwen-c": 7, "glm-d": 9, "grok-e": 10}
    release = make_text_release()
    with running(judged_by(by_model(scores))) as server:
        names = [f"anchored:{name}" for name in scores]
        plain = run_of(release, server, *names)
        trimmed = run_of(release, server, *names, panel=PanelRule(headline="trimmed_mean"))
        strict = run_of(release, server, *names, panel=PanelRule(least_votes=5))
        assert server.received == 6  # the rule changes no verdict
    value = {result.run.pk: Score.objects.get(run=result.run).value for result in (plain, trimmed, strict)}
    assert list(value.values()) == [7.0, pytest.approx(22 / 3), 7.0]
    assert plain.run.spec.get("panel") is None
    assert trimmed.run.spec["panel"] == {"headline": "trimmed_mean"}
    assert len({result.run.spec_sha256 for result in (plain, trimmed, strict)}) == 3


def test_a_rule_that_no_answer_could_meet_is_refused_before_anything_is_written():
    release, subject = make_text_release(), register_language_model("baseline:refuse")
    server = "http://127.0.0.1:9/v1"
    judges = [register_judge(name) for name in ("heuristic", f"anchored:claude-a@{server}")]
    check = register_judge(f"mft/care:claude-a@{server}")
    framework = register_judge(f"mft:claude-a@{server}")
    for seated, votes, said in (
        ([*judges, check], 3, "GVS-Scale would need 3 valid votes.* at most 2"), ([*judges, framework], 2, "would need 2.* at most 1"),
    ):
        arguments = {
            "release": release, "language_models": [subject], "judges": seated, "panel": PanelRule(least_votes=votes),
        }
        with pytest.raises(BadPanelError, match=said):
            create_run(**arguments, actor=None)
        with pytest.raises(BadPanelError, match=said):
            plan_run(**arguments)
    assert not Run.objects.exists()
    assert create_run(**arguments | {"panel": PanelRule(least_votes=1)}, actor=None).judges.count() == 3


def test_a_rule_that_only_judges_of_the_models_own_family_could_meet_is_refused():
    server = "http://127.0.0.1:9/v1"
    own, other = (register_language_model(f"{name}@{server}") for name in ("gpt-5", "qwen-c"))
    arguments = {
        "release": make_text_release(), "judges": [register_judge(f"gpt-b@{server}"), register_judge("heuristic")],
        "panel": PanelRule(least_votes=2), "actor": None,
    }
    with pytest.raises(BadPanelError, match="own family never counts"):
        create_run(language_models=[own], **arguments)
    assert create_run(language_models=[own, other], **arguments).pk


def test_a_panel_without_enough_valid_votes_gives_no_score():
    with running(judged_by(by_model({"claude-a": None, "gpt-b": 9, "qwen-c": None}))) as server:
        run_of(make_text_release(), server, "anchored:claude-a", "anchored:gpt-b", "anchored:qwen-c")
    score = Score.objects.get()
    assert (score.value, score.n_judgements) == (None, 0)
    assert score.missing_reason.startswith("1 of 3 votes valid, 2 needed; judgement unparsable: no JSON object")


def test_a_models_own_family_is_kept_marked_and_never_counts():
    scores = {"claude-judge": 3, "meta-llama/Llama-3-judge": 10, "gpt-judge": 4}
    with running(judged_by(by_model(scores))) as server:
        run_of(make_text_release(), server, *(f"anchored:{name}" for name in scores), model="llama-3-8b")
    score = Score.objects.get()
    assert score.value == 3.5
    assert set(score.judgements.values_list("value", flat=True)) == {3.0, 4.0}
    assert score.left_out.get().value == 10.0


def test_a_family_alone_gives_no_score_until_somebody_says_it_is_another():
    with running(judged_by(by_model({"llama-judge": 10}))) as server:
        result = run_of(make_text_release(), server, "anchored:llama-judge", model="llama-3-8b")
    score = Score.objects.get()
    assert (score.value, score.left_out.count()) == (None, 1)
    assert score.missing_reason == "only judges of the model's own family (llama) were asked"
    subject = result.run.language_models.get()
    assert subject.family == "llama"
    subject.family = "another"
    subject.save()
    score_run(result.run)
    score.refresh_from_db()
    assert (score.value, score.left_out.count(), score.judgements.count()) == (10.0, 0, 1)


def test_a_model_of_unknown_family_does_not_decide_on_itself_at_another_address():
    judge = judged_by(by_model({"org/ZZZ": 10}))
    with running(judge) as first, running(judge) as second:
        run = create_run(
            release=make_text_release(), language_models=[register_language_model(f"zzz@{first.base_url}")],
            judges=[register_judge(f"anchored:org/ZZZ@{second.base_url}")], actor=None,
        )
        execute_run(run.pk, settings=FAST)
    score = Score.objects.get()
    assert (score.value, score.left_out.count()) == (None, 1)
    assert score.missing_reason == "only the model itself and its own family were asked"


def test_a_family_is_spelled_one_way_and_holds_no_strange_characters():
    model = register_language_model("zzz@http://127.0.0.1:9/v1", family="Meta-Llama")
    assert model.family == "llama"
    described = describe_language_model(language_model=model, facts={"family": "  House   Model "}, actor=None)
    assert described.family == "house model"
    for bad in ("<b>llama</b>", "x" * 81, "llama\nqwen;"):
        with pytest.raises(BadEndpointError, match="A family has letters"):
            describe_language_model(language_model=model, facts={"family": bad}, actor=None)
    model.refresh_from_db()
    assert model.family == "house model"


def test_votes_of_the_models_own_family_do_not_decide_whether_it_refused():
    with running(judged_by(by_model({"llama-judge": 10, "gpt-judge": 5}))) as server:
        run = run_of(
            make_text_release(4), server, "anchored:llama-judge", "anchored:gpt-judge", model="llama-3-8b"
        ).run
    own = Judgement.objects.filter(judge__name__contains="llama-judge")
    other = Judgement.objects.filter(judge__name__contains="gpt-judge")
    own.update(refusal="complied")
    other.update(refusal="refused")
    found = scores_from_rows(run)
    assert (found.n_refused.sum(), found.n_told.sum()) == (4, 4)
    own.update(refusal="refused")
    other.update(refusal="")
    found = scores_from_rows(run)
    assert (found.n_refused.sum(), found.n_told.sum()) == (0, 0)
    assert found.without_refusals.mean() == 5.0


def test_judges_differ_by_rubric_and_are_found_again_by_name():
    server = "http://127.0.0.1:9/v1"
    judges = [register_judge(f"{prefix}m@{server}") for prefix in ("", "anchored:", "schwartz:", "mft:", "salad:")]
    assert len({judge.sha256 for judge in judges}) == len({judge.name for judge in judges}) == 5
    assert register_judge(f"anchored:m@{server}") == judges[1]
    assert judges[1].config["rubric_sha256"]
    assert judges[1].config["repairs"] == 2
    with pytest.raises(UnknownNameError):
        register_judge("anchored:baseline:refuse")
    with pytest.raises(UnknownNameError):
        register_judge("unheard-of:m")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("anchord:j1", "anchored:j1"), ("Anchored:j1", "anchored:j1"), ("publised:j1", "published:j1"),
     ("schwarz:j1", "schwartz:j1"), ("schwarz/power:j1", "schwartz/power:j1"), ("llm-unique:j1", "llm_unique:j1")],
)
def test_a_mistyped_rubric_is_refused_and_named_aright(name, meant):
    with pytest.raises(UnknownNameError, match=f"Did you mean {meant}\\? Put published: before") as refusal:
        register_judge(f"{name}@http://user:secret@127.0.0.1:9/v1")
    assert "secret" not in str(refusal.value)
    assert not LanguageModel.objects.exists()


@pytest.mark.parametrize("name", ["llama3:8b", "qwen2.5:7b", "foo:j1", "anchored", "published:anchord:j1", "mistral:7b"])
def test_a_models_own_name_may_hold_a_colon(name):
    server = "http://127.0.0.1:9/v1"
    judge = register_judge(f"{name}@{server}")
    assert judge.name == f"{name.removeprefix('published:')}@{server}"
    assert rubric_word(judge) == "published"


def test_a_judge_whose_rubric_has_changed_since_does_not_judge():
    with running(judged_by(lambda body: json.dumps(GOOD))) as server:
        judge = register_judge(f"anchored:judge@{server.base_url}")
        judge.config["rubric_sha256"] = "0" * 64
        judge.save()
        run = create_run(
            release=make_text_release(), language_models=[register_language_model("baseline:refuse")], judges=[judge],
            actor=None,
        )
        with pytest.raises(UnknownNameError, match="unknown to this version"):
            execute_run(run.pk, settings=FAST)
        assert server.received == 0


def test_a_run_has_a_leaderboard_on_each_framework_it_was_judged_by(client):
    load_reference()
    entries = {
        "care": {"evidence": "Care for the weak", "direction": 1, "strength": 2},
        "loyalty": {"evidence": "Stand by your own", "direction": 1, "strength": 3},
    }

    def verdict(body):
        names = body["response_format"]["json_schema"]["schema"]["required"]
        return json.dumps(GOOD) if "score" in names else framework_reply("mft", body, **entries)

    with running(judged_by(verdict)) as server:
        result = run_of(make_text_release(3), server, "anchored:judge", "mft:judge")
    name = f"run-{result.run.pk}"
    assert [choice.key for choice in measurements_of("mft")] == [name]
    assert measurements_of("schwartz") == []
    board = find_board("mft", name, coverage=0.5)
    (row,) = board.rows
    cells = {key: (cell.value, cell.n_scored, cell.n_unscored, cell.reason) for key, cell in row.cells.items()}
    assert cells["care"][:3] == (pytest.approx(50 + 100 / 3), 3, 0)
    assert cells["loyalty"][1:3] == (0, 3)
    assert cells["loyalty"][3] == "the quoted evidence is not in the answer"
    assert cells["fairness"] == (None, 0, 0, "not engaged")  # no gap in the data: nothing was there to score
    assert board.scale == (0, 100)
    assert any("mft:judge" in fact for fact in board.facts)
    assert not any("anchored:judge" in fact for fact in board.facts)
    assert "uphold the foundation" in scale_note(board)
    assert not board.has_layers
    assert row.gate is None
    scale = find_board("gvs", name)
    assert scale.rows[0].cells["misinfo"].value == 8.0
    assert scale.rows[0].cells["social"].n_scored == 0
    page = client.get(f"/leaderboard/mft/?measurement={name}")
    assert page.status_code == 200
    assert f"measurement={name}" in client.get("/leaderboard/").content.decode()
    for cell, n in ((row.cells["care"], 3), (scale.rows[0].overall, 3), (row.overall, 15)):
        listed = client.get(cell.url)
        assert listed.status_code == 200
        assert listed.context["n"] == n
    with pytest.raises(UnknownNameError, match="no measurement 'run-"):
        find_board("schwartz", name)
    with pytest.raises(UnknownNameError, match="schwartz:NAME"):
        find_board("schwartz")
    score = Score.objects.filter(dimension__key="care").first()
    for address in (score.get_absolute_url(), f"/provenance/score/{score.pk}/"):
        assert client.get(address).status_code == 200


def test_the_form_asks_each_chosen_model_by_each_chosen_rubric():
    release = make_text_release()
    name = register_language_model("judge@http://127.0.0.1:9/v1").name
    form = RunForm(
        {
            "release": release.name, "models": ["baseline:refuse"], "judges": ["heuristic", name], "languages": ["en"],
            "rubrics": ["anchored", "mft"], "headline": "trimmed_mean", "epochs": "1",
        },
        actor=make_user("curator"),
    )
    assert form.is_valid(), form.errors
    run = form.create()
    assert set(run.judges.values_list("name", flat=True)) == {"heuristic", f"anchored:{name}", f"mft:{name}"}
    assert run.spec["panel"] == {"headline": "trimmed_mean"}


def test_a_plan_expects_more_of_longer_rubrics():
    names = ("published", "anchored", "schwartz", "mft")
    told = {name: verdict_tokens(register_judge(f"{name}:m@http://127.0.0.1:9/v1")) for name in names}
    assert told["schwartz"][0] > told["mft"][0]
    assert told["anchored"][0] > told["published"][0] > 100
    assert [told[name][1] for name in names] == [60, 80, 350, 175]


def test_the_page_of_a_response_shows_what_was_said_of_each_dimension(client):
    load_reference()
    entry = {"evidence": "Care for the weak", "direction": -1, "strength": 2}
    with running(judged_by(lambda body: framework_reply("mft", body, care=entry))) as server:
        run_of(make_text_release(), server, "mft:judge")
    address = Judgement.objects.get().response.get_absolute_url()
    text = client.get(address).content.decode()
    assert "Words of the answer" not in text
    client.force_login(make_user("researcher"))
    text = client.get(address).content.decode()
    assert '<q lang="en">Care for the weak</q>' in text
    assert text.count("not engaged") >= 4
