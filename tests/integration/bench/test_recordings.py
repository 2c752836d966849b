"""Recorded responses as a model: read in whole, never sent, missing where nothing is on record."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from rest_framework.test import APIClient

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.import_recording import RecordingRefusedError
from bench.actions.plan_run import plan_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.exceptions import UnknownNameError
from bench.formats import recorded_jsonl
from bench.models import LanguageModel, RecordedAnswer, Response, Run, Score, Trial
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

CAREFUL = "I can't verify that ruling; please check a reliable source before you cite it."


def write(folder, rows, name="answers.jsonl"):
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def register(path, model=""):
    return register_language_model(f"replay:{path}{f'#{model}' if model else ''}")


def make_text_release(n=3):
    return make_release([make_item(prompt_en=f"Question {i}?", prompt_zh=f"问题{i}？") for i in range(n)])


def ids(release):
    return list(release.release_items.order_by("position").values_list("content__id", flat=True))


def run_of(release, model, judge="heuristic", **options):
    run = create_run(
        release=release, language_models=[model], judges=[register_judge(judge)], actor=None, **options
    )
    execute_run(run.pk)
    run.refresh_from_db()
    return run


def texts_of(run):
    return {
        (trial.release_item.content["id"], trial.language, trial.epoch): (trial.response.state, trial.response.text)
        for trial in Trial.objects.filter(run=run).select_related("response", "release_item")
    }


def test_answers_by_item_and_by_prompt_are_replayed_and_the_rest_is_missing_with_its_reason(tmp_path):
    release = make_text_release(3)
    first, second, third = ids(release)
    model = register(write(tmp_path, [
        {"item": first, "response": CAREFUL, "model": "gpt-5.2", "prompt_tokens": 7, "completion_tokens": 9},
        {"prompt": "Question 1?", "response": "Sure.", "model": "gpt-5.2", "finish_reason": "length"},
        {"item": third, "response": None, "model": "gpt-5.2"},
    ]))
    run = run_of(release, model)
    assert run.status == Run.Status.FINISHED
    assert texts_of(run) == {
        (first, "en", 1): ("answered", CAREFUL), (second, "en", 1): ("length", "Sure."), (third, "en", 1): ("unrecorded", ""),
    }
    result = account(run)
    assert result.responses == {"answered": 2, "refused": 0, "failed": 0, "missing": 1}
    assert (result.sent, result.subjects[0].done) == (0, 3)
    scores = {score.trial.release_item.content["id"]: score for score in Score.objects.filter(run=run)}
    assert scores[first].value is not None
    assert (scores[third].value, scores[third].missing_reason) == (None, "no recorded response")
    replayed = Response.objects.get(text=CAREFUL)
    assert (replayed.prompt_tokens, replayed.completion_tokens, replayed.attempts, replayed.cost_usd) == (7, 9, 0, None)
    assert replayed.text_sha256 == hashlib.sha256(CAREFUL.encode()).hexdigest()


def test_a_run_on_recorded_responses_is_judged_by_a_model_that_is_asked_for_the_recorded_ones_only(tmp_path):
    release = make_text_release(4)
    known = ids(release)[:3]
    model = register(write(tmp_path, [{"item": each, "response": f"Answer to {each}"} for each in known]))
    with running(Behaviour(score=6), keep_bodies=True) as server:
        judge = f"fake@{server.base_url}"
        plan = plan_run(release=release, language_models=[model], judges=[register_judge(judge)])
        run = run_of(release, model, judge)
        prompts = [body["messages"][-1]["content"] for body in server.server.bodies]
    assert (plan.trials, plan.calls) == (4, 3)
    assert run.status == Run.Status.FINISHED
    assert len(prompts) == 3
    assert all(any(f"Answer to {each}" in prompt for prompt in prompts) for each in known)
    values = list(Score.objects.filter(run=run).order_by("value").values_list("value", flat=True))
    assert sorted(values, key=str) == [6.0, 6.0, 6.0, None]


def test_epochs_and_languages_are_kept_apart(tmp_path):
    release = make_text_release(1)
    (item,) = ids(release)
    model = register(write(tmp_path, [
        {"item": item, "response": "one"}, {"item": item, "epoch": 2, "response": "two"},
        {"item": item, "language": "zh", "response": "一"},
    ]))
    run = run_of(release, model, epochs=2, languages=["en", "zh"])
    assert texts_of(run) == {
        (item, "en", 1): ("answered", "one"), (item, "en", 2): ("answered", "two"),
        (item, "zh", 1): ("answered", "一"), (item, "zh", 2): ("unrecorded", ""),
    }


def test_a_recorded_prompt_must_be_the_one_that_is_put(tmp_path):
    release = make_text_release(1)
    (item,) = ids(release)
    other = register(write(tmp_path, [{"item": item, "prompt": "Question 0, in older words?", "response": "old"}]))
    exact = register(write(tmp_path, [
        {"item": item, "response": "by name"}, {"item": item, "prompt": "Question 0?", "response": "by words"},
    ], "exact.jsonl"))
    assert texts_of(run_of(release, other)) == {(item, "en", 1): ("unrecorded", "")}
    assert texts_of(run_of(release, exact)) == {(item, "en", 1): ("answered", "by words")}


def test_a_changed_file_is_another_model_and_the_same_content_the_same(tmp_path):
    row = {"item": "ITEM-1", "response": "a", "model": "gpt-5.2"}
    path = write(tmp_path, [row])
    first = register(path)
    again = register(write(tmp_path, [row], "copy.jsonl"))
    changed = register(write(tmp_path, [row | {"response": "b"}]))
    assert again == first
    assert changed != first
    assert {first.recorded_from, changed.recorded_from} == {"gpt-5.2"}
    digest = hashlib.sha256(json.dumps(row).encode() + b"\n").hexdigest()
    assert first.recording_sha256 == digest
    assert first.name == f"gpt-5.2 · replay:answers.jsonl#{digest[:12]}"
    assert first.family == "gpt"
    assert register_language_model(first.name) == first
    release = make_release([make_item()])
    specs = [
        create_run(release=release, language_models=[each], judges=[register_judge("heuristic")], actor=None).spec
        for each in (first, changed)
    ]
    assert specs[0]["models"] == [{"kind": "recorded", "model": "gpt-5.2", "recording": digest}]
    assert specs[0] != specs[1]
    assert LogEntry.objects.filter(action="language_model.record").count() == 2


def test_the_registered_model_answers_without_the_file(tmp_path):
    release = make_text_release(1)
    path = write(tmp_path, [{"prompt": "Question 0?", "response": "kept"}])
    name = register(path).name
    path.unlink()
    assert list(texts_of(run_of(release, register_language_model(name))).values()) == [("answered", "kept")]


def test_one_of_several_models_in_a_file_is_chosen_by_name(tmp_path):
    path = write(tmp_path, [
        {"item": "I-1", "response": "a", "model": "gpt-5.2"}, {"item": "I-1", "response": "b", "model": "qwen3"},
    ])
    with pytest.raises(RecordingRefusedError, match=r"gpt-5\.2, qwen3; choose one"):
        register(path)
    with pytest.raises(RecordingRefusedError, match="no answer of claude"):
        register(path, "claude")
    chosen = register(path, "qwen3")
    assert list(chosen.recorded_answers.values_list("text", flat=True)) == ["b"]
    assert chosen != register(path, "gpt-5.2")


def test_a_file_that_names_nobody_is_told_who_answered(tmp_path):
    path = write(tmp_path, [{"item": "I-1", "response": "a"}])
    assert register(path).recorded_from == ""
    assert register(path, "qwen3:4b").recorded_from == "qwen3:4b"


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("{", None, "not JSON"),
        ("[1]", None, "no object"),
        ("[" * 100_000, None, "not JSON"),
        ({"response": "a"}, "item", "what was asked"),
        ({"item": "I-1"}, "response", "no response"),
        ({"item": "I-1", "response": 3}, "response", "no text"),
        ({"item": "I-1", "response": "a", "epoch": 0}, "epoch", "1 to 100"),
        ({"item": "I-1", "response": "a", "epoch": True}, "epoch", "1 to 100"),
        ({"item": "I-1", "response": "a", "language": "fr"}, "language", "en, zh"),
        ({"item": "I\0-1", "response": "a"}, "item", "cannot be seen"),
        ({"item": "I-1", "response": "a", "model": "gp\u202et"}, "model", "cannot be seen"),
        ({"item": "x" * 81, "response": "a"}, "item", "longer than 80"),
        ({"item": "I-1", "response": "a" * 1_000_001}, "response", "longer than 1,000,000"),
        ({"item": "I-1", "response": "a", "prompt_tokens": 10**12}, "prompt_tokens", "number of tokens"),
        ('{"item": "I-1", "response": "a", "epoch": ' + "9" * 5000 + "}", None, "not JSON"),
        ({"doc_id": 4, "resps": [["a"]], "doc": {}}, "doc_id", "names no item"),
        ({"doc_id": 4, "resps": [], "doc": {"id": "I-1"}}, "resps", "no text"),
        ({"custom_id": "I-1/en/x", "response": None}, "custom_id", "ITEM/LANGUAGE/EPOCH"),
        ({"language_model": {"name": "m"}, "messages": None, "text": None, "withheld": "sign in"}, "text", "withheld"),
        ({"next": None, "results": [3]}, "results", "no response of this API"),
    ],
)
def test_a_bad_line_is_refused_by_file_line_and_field_and_nothing_is_written(tmp_path, row, field, words):
    path = write(tmp_path, [{"item": "I-0", "response": "good"}, "", row])
    with pytest.raises(RecordingRefusedError, match=words) as refused:
        register(path)
    (error,) = refused.value.errors
    assert (error.source, error.line, error.field) == ("answers.jsonl", 3, field)
    assert not LanguageModel.objects.exists()
    assert not RecordedAnswer.objects.exists()


def test_bytes_that_are_no_text_and_endless_lines_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded_jsonl, "LONGEST_LINE", 1000)
    path = tmp_path / "bytes.jsonl"
    for content, words in ((b'{"item": "\xff"}\n', "not UTF-8"), (b'{"item": "' + b"x" * 2000, "longer than 1,000")):
        path.write_bytes(content)
        with pytest.raises(RecordingRefusedError, match=rf"bytes\.jsonl, line 1: .*{words}"):
            register(path)


def test_files_that_are_none_or_empty_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="NUL"):
        register("a\0b")
    for path in (tmp_path, tmp_path / "absent.jsonl", "x" * 5000):
        with pytest.raises(UnknownNameError, match="There is no file"):
            register(path)
    with pytest.raises(RecordingRefusedError, match="no recorded response in it"):
        register(write(tmp_path, [{"item": "I-1", "response": None}]))


def test_what_is_said_twice_counts_once_and_a_contradiction_is_refused(tmp_path):
    row = {"item": "I-1", "response": "a"}
    assert register(write(tmp_path, [row, row])).recorded_answers.count() == 1
    with pytest.raises(RecordingRefusedError, match="line 2, field response: Line 1 holds another response"):
        register(write(tmp_path, [row, row | {"response": "b"}]))


def test_nul_characters_and_half_pairs_in_an_answer_are_stored_as_from_an_endpoint(tmp_path):
    model = register(write(tmp_path, ['{"item": "I-1", "response": "a\\u0000b\\ud800c"}']))
    assert model.recorded_answers.get().text == "a\ufffdb?c"


def test_own_export_of_responses_is_read_back(tmp_path):
    release = make_text_release(3)
    original = run_of(release, register_language_model("baseline:careful"))
    client = APIClient()
    client.force_authenticate(make_user("researcher"))
    pages, url = [], "/api/v1/responses/?page_size=2"
    while url:
        page = client.get(url)
        pages.append(page.content.decode())
        url = page.json()["next"]
    assert len(pages) == 2
    model = register(write(tmp_path, pages))
    assert model.recorded_from == "baseline:careful"
    assert texts_of(run_of(release, model)) == texts_of(original)
    rows = [row for page in pages for row in json.loads(page)["results"]]
    assert register(write(tmp_path, rows)).recorded_answers.count() == 3


def test_samples_of_lm_eval_are_read_by_the_id_of_the_document_or_the_prompt(tmp_path):
    release = make_text_release(3)
    first, second, third = ids(release)
    model = register(write(tmp_path, [
        {"doc_id": 0, "doc": {"id": first}, "target": "", "arguments": [["other words", {}]], "resps": [["a", "a2"]]},
        {"doc_id": 1, "doc": {"q": 1}, "arguments": [["Question 1?", {"until": []}]], "resps": [["b"]]},
        {"doc_id": 2, "doc": {"q": 2}, "arguments": {"gen_args_0": {"arg_0": "Question 2?"}}, "resps": [["c"]]},
    ], "samples_gvs.jsonl"), "qwen3")
    run = run_of(release, model, epochs=2)
    assert texts_of(run) == {
        (first, "en", 1): ("answered", "a"), (first, "en", 2): ("answered", "a2"),
        (second, "en", 1): ("answered", "b"), (second, "en", 2): ("unrecorded", ""),
        (third, "en", 1): ("answered", "c"), (third, "en", 2): ("unrecorded", ""),
    }


def test_output_of_a_batch_is_read_and_its_failed_lines_are_missing(tmp_path):
    release = make_text_release(2)
    first, second = ids(release)
    body = {
        "model": "gpt-5.2", "choices": [{"message": {"content": "said"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    model = register(write(tmp_path, [
        {"custom_id": first, "response": {"status_code": 200, "body": body}, "error": None},
        {"custom_id": f"{second}/zh/1", "response": {"status_code": 200, "body": body}, "error": None},
        {"custom_id": second, "response": {"status_code": 500, "body": {}}, "error": None},
    ]))
    assert model.recorded_from == "gpt-5.2"
    run = run_of(release, model, languages=["en", "zh"])
    assert texts_of(run) == {
        (first, "en", 1): ("answered", "said"), (second, "zh", 1): ("answered", "said"),
        (second, "en", 1): ("unrecorded", ""), (first, "zh", 1): ("unrecorded", ""),
    }


def test_commands_register_a_recording_and_refuse_a_bad_one(tmp_path, capsys):
    release = make_text_release(1)
    path = write(tmp_path, [{"prompt": "Question 0?", "response": CAREFUL, "model": "qwen3"}])
    call_command("language_model", f"replay:{path}", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out)["recorded_answers"] == 1
    assert not LanguageModel.objects.exists()
    call_command("bench_run", release.name, "--model", f"replay:{path}", "--judge", "heuristic", "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["responses"]["answered"] == 1
    assert result["calls"]["sent"] == 0
    bad = write(tmp_path, ["{"], "bad.jsonl")
    with pytest.raises(CommandError, match=r"bad\.jsonl, line 1"):
        call_command("bench_run", release.name, "--model", f"replay:{bad}", "--judge", "heuristic", stdout=io.StringIO())


def test_a_page_reads_no_file_of_the_server_but_offers_registered_recordings(client, tmp_path):
    path = write(tmp_path, [{"prompt": "Question 0?", "response": CAREFUL, "model": "qwen3"}])
    curator = make_user("curator")
    with pytest.raises(UnknownNameError, match="command"):
        register_language_model(f"replay:{path}", actor=curator)
    with pytest.raises(UnknownNameError, match="cannot judge"):
        register_judge(f"replay:{path}")
    model = register(path)
    client.force_login(curator)
    make_text_release(1)
    assert f"{model.name} (recorded responses, imported)" in client.get(reverse("run_list")).content.decode()
    assert str(Path(path).parent) not in model.name


def test_the_badge_is_on_every_page_that_names_the_model(client, tmp_path):
    release = make_text_release(2)
    model = register(write(tmp_path, [{"prompt": "Question 0?", "response": CAREFUL, "model": "qwen3"}]))
    run = run_of(release, model)
    score = Score.objects.filter(run=run, value__isnull=False).get()
    client.force_login(make_user("researcher"))
    board = f"{reverse('leaderboard', args=['gvs'])}?measurement=run-{run.pk}"
    pages = [
        reverse("run_list"), run.get_absolute_url(), score.get_absolute_url(), model.get_absolute_url(), board,
        score.trial.response.get_absolute_url(), reverse("provenance", args=["score", score.pk]),
        f"{reverse('score_list')}?run={run.pk}&model={model.pk}&dimension={score.dimension.key}",
    ]
    for url in pages:
        page = client.get(url)
        assert page.status_code == 200, url
        assert 'title="Recorded responses, imported: nobody was asked here">recorded responses</span>' in page.content.decode(), url
    detail = client.get(model.get_absolute_url()).content.decode()
    assert model.recording_sha256 in detail
    assert "no recorded response" in client.get(run.get_absolute_url()).content.decode()
    api = APIClient()
    shown = api.get(f"/api/v1/language-models/{model.pk}/").json()
    assert (shown["kind"], shown["recorded_from"], shown["recording_sha256"]) == ("recorded", "qwen3", model.recording_sha256)


def test_a_second_run_uses_the_replayed_answers_and_an_interrupted_one_goes_on(tmp_path):
    release = make_text_release(2)
    model = register(write(tmp_path, [{"prompt": "Question 0?", "response": CAREFUL}]))
    first = run_of(release, model)
    second = run_of(release, model)
    assert texts_of(first) == texts_of(second)
    assert Response.objects.count() == 2
    Response.objects.update(state="pending", text="", executor=None)
    Run.objects.filter(pk=second.pk).update(status=Run.Status.QUEUED)
    execute_run(second.pk)
    assert sorted(state for state, _text in texts_of(second).values()) == ["answered", "unrecorded"]
