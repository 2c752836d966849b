from __future__ import annotations

import csv
import io

import pytest

from annotation.actions.coders import coder_of
from bench.actions.close_label_sample import close_label_sample, reopen_label_sample
from bench.actions.delete_run import delete_run
from bench.actions.import_labels import LabelsRefusedError, import_labels
from bench.actions.record_label import BadLabelError, GivenLabel, record_label
from bench.actions.sample_labels import SampleRefusedError, sample_labels
from bench.exceptions import BenchError, RunClosedError
from bench.formats.label_csv import write_labels
from bench.label_sheet import sheet_rows
from bench.models import HumanLabel, LabelSample, LabelTask, Response
from gvsir.exceptions import ImmutableRecordError, InvalidTransitionError, PermissionRefusedError
from gvsir.models import Coder, LogEntry
from tests.factories.bench import (
    make_item,
    make_label,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_coder, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    """Two categories, two models, three items each: scores 1, 5 and 9."""
    items = [make_item(category=category) for category in ("misinfo", "bias") for _ in range(3)]
    run = make_run(make_release(items))
    for name in ("alpha", "beta"):
        for place, item in enumerate(items):
            make_score(run, item, make_language_model(name), float(1 + 4 * (place % 3)))
    return run


def given(value=7, **overrides):
    return GivenLabel(value=value, **overrides)


# --- drawing ----------------------------------------------------------------------------------------


def test_each_stratum_of_category_tercile_and_model_is_drawn_from(run):
    sample = sample_labels(run_id=run.pk, per_stratum=1, actor=make_user("researcher"), seed=4)
    assert sample.tasks.count() == 12
    assert set(sample.tasks.values_list("stratum_size", "stratum_drawn")) == {(1, 1)}
    assert "misinfo / low / alpha" in set(sample.tasks.values_list("stratum", flat=True))
    assert sorted(sample.tasks.values_list("order", flat=True)) == list(range(1, 13))
    logged = LogEntry.objects.get(action="label_sample.draw")
    assert logged.data == {"run": run.pk, "responses": 12, "strata": 12, "seed": 4}


def test_the_same_seed_draws_the_same_responses_and_another_does_not(run):
    def drawn(**options):
        sample = sample_labels(run_id=run.pk, per_stratum=2, strata_by=["category"], actor=None, **options)
        return list(sample.tasks.values_list("trial", flat=True))

    first = drawn(seed=1)
    assert len(first) == 4
    assert drawn(seed=1) == first
    assert any(drawn(seed=seed) != first for seed in (2, 3, 4))


def test_responses_without_text_are_not_drawn_and_those_without_a_score_are_a_stratum(run):
    trials = list(run.trials.order_by("pk"))
    Response.objects.filter(pk=trials[0].response_id).update(state="refused", text="")
    trials[1].scores.update(value=None, missing_reason="unparsable")
    sample = sample_labels(run_id=run.pk, per_stratum=9, actor=None, strata_by=["tercile"])
    assert sample.tasks.count() == 11
    assert sample.tasks.get(trial=trials[1]).stratum == "unscored"


@pytest.mark.parametrize(
    "bad",
    [
        {"per_stratum": 0}, {"raters_per_response": 1}, {"raters_per_response": 4}, {"seed": -1}, {"least_labels": 1},
        {"strata_by": []}, {"strata_by": ["judge"]}, {"name": "x" * 121}, {"run_id": 999_999},
    ],
)
def test_a_sample_that_cannot_be_drawn_is_refused(run, bad):
    with pytest.raises(SampleRefusedError):
        sample_labels(**({"run_id": run.pk, "per_stratum": 1, "actor": None} | bad))
    assert LabelSample.objects.count() == 0


def test_both_bounds_of_what_is_drawn_are_named(run):
    for number in (0, 99_999_999_999):
        with pytest.raises(SampleRefusedError, match="From each stratum 1 to 100000 responses are drawn"):
            sample_labels(run_id=run.pk, per_stratum=number, actor=None)


def test_a_name_is_given_once_and_a_run_without_text_has_nothing_to_draw(run):
    assert sample_labels(run_id=run.pk, per_stratum=1, actor=None, name="  first   one ").name == "first one"
    with pytest.raises(SampleRefusedError, match="already"):
        sample_labels(run_id=run.pk, per_stratum=1, actor=None, name="first one")
    with pytest.raises(SampleRefusedError, match="no response"):
        sample_labels(run_id=make_run().pk, per_stratum=1, actor=None)


@pytest.mark.parametrize("role", ["annotator", None])
def test_only_staff_draw_close_and_reopen(run, role):
    user = make_user(*([role] if role else []))
    sample = make_label_sample(run)
    for attempt in (
        lambda: sample_labels(run_id=run.pk, per_stratum=1, actor=user),
        lambda: close_label_sample(sample_id=sample.pk, actor=user),
        lambda: reopen_label_sample(sample_id=sample.pk, actor=user, reason="x"),
    ):
        with pytest.raises(PermissionRefusedError):
            attempt()


def test_a_sample_is_frozen_and_its_run_stays(run):
    sample = make_label_sample(run)
    sample.seed = 99
    with pytest.raises(ImmutableRecordError):
        sample.save()
    with pytest.raises(ImmutableRecordError):
        sample.save(update_fields=["seed", "closed_at"])
    with pytest.raises(RunClosedError, match="label"):
        delete_run(run_id=run.pk, actor=None)


def test_a_dry_run_draws_nothing(run):
    sample_labels(run_id=run.pk, per_stratum=1, actor=None, dry_run=True)
    assert LabelSample.objects.count() == 0


# --- labelling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["annotator", "curator", "researcher"])
def test_every_role_labels(run, role):
    task = make_label_sample(run).tasks.first()
    label = record_label(task_id=task.pk, given=given(refusal="complied", note=" why "), actor=make_user(role))
    assert (label.value, label.refusal, label.note, label.rater.kind) == (7, "complied", "why", "person")


def test_somebody_without_a_role_does_not_label(run):
    task = make_label_sample(run).tasks.first()
    with pytest.raises(PermissionRefusedError):
        record_label(task_id=task.pk, given=given(), actor=make_user())


@pytest.mark.parametrize("kind", ["model", "rule", "team"])
def test_only_people_label(run, kind):
    user = make_user("annotator")
    Coder.objects.create(user=user, key="machine", name="Machine", kind=kind)
    with pytest.raises(PermissionRefusedError, match="not a person"):
        record_label(task_id=make_label_sample(run).tasks.first().pk, given=given(), actor=user)


def test_a_label_is_changed_by_its_rater_and_the_log_keeps_old_and_new(run):
    task, user = make_label_sample(run).tasks.first(), make_user("annotator")
    record_label(task_id=task.pk, given=given(3), actor=user)
    record_label(task_id=task.pk, given=given(3), actor=user)
    record_label(task_id=task.pk, given=given(None, cannot_tell="unclear", note="secret"), actor=user)
    assert HumanLabel.objects.get().cannot_tell == "unclear"
    log = list(LogEntry.objects.filter(kind="bench.humanlabel").order_by("pk"))
    assert [entry.action for entry in log] == ["label.write", "label.change"]
    assert (log[1].data["old"]["value"], log[1].data["new"]["value"]) == (3, None)
    assert log[1].data["new"]["note"] == 6
    assert "secret" not in str(log[1].data)


@pytest.mark.parametrize(
    "bad",
    [
        {"value": None}, {"value": 11}, {"value": -1}, {"value": 5, "cannot_tell": "unclear"}, {"refusal": "maybe"},
        {"value": None, "cannot_tell": "tired"}, {"value": None, "cannot_tell": "other"}, {"note": "x" * 5001},
        {"note": "\x00"},
    ],
)
def test_an_incomplete_label_is_refused(run, bad):
    task = make_label_sample(run).tasks.first()
    with pytest.raises(BadLabelError):
        record_label(task_id=task.pk, given=GivenLabel(**({"value": 5} | bad)), actor=make_user("annotator"))
    assert HumanLabel.objects.count() == 0


def test_a_label_more_than_wanted_is_kept(run):
    task = make_label_sample(run).tasks.first()
    for _ in range(3):
        record_label(task_id=task.pk, given=given(), actor=make_user("annotator"))
    assert task.labels.count() == 3


def test_a_task_waits_until_it_has_enough_labels_and_for_nobody_twice(run):
    sample = make_label_sample(run)
    task = sample.tasks.order_by("order")[0]
    one, two, three = (coder_of(make_user("annotator")) for _ in range(3))
    make_label(task, one, 4)
    assert task not in LabelTask.objects.waiting_for(one.pk)
    assert LabelTask.objects.waiting_for(two.pk).first() == task
    make_label(task, two, 4)
    assert task not in LabelTask.objects.waiting_for(three.pk)
    assert LabelTask.objects.waiting_for(three.pk).count() == 11


def test_a_closed_sample_takes_no_label_until_it_is_opened_with_a_reason(run):
    sample, curator = make_label_sample(run), make_user("curator")
    task = sample.tasks.first()
    close_label_sample(sample_id=sample.pk, actor=curator)
    with pytest.raises(InvalidTransitionError, match="closed"):
        record_label(task_id=task.pk, given=given(), actor=curator)
    with pytest.raises(InvalidTransitionError):
        close_label_sample(sample_id=sample.pk, actor=curator)
    assert LabelTask.objects.waiting_for(0).count() == 0
    with pytest.raises(InvalidTransitionError, match="why"):
        reopen_label_sample(sample_id=sample.pk, actor=curator, reason=" ")
    reopen_label_sample(sample_id=sample.pk, actor=curator, reason="One rater was late.")
    assert LogEntry.objects.get(action="label_sample.reopen").reason == "One rater was late."
    assert record_label(task_id=task.pk, given=given(), actor=curator).value == 7


# --- sheets -----------------------------------------------------------------------------------------


def sheet_of(sample, **options):
    out = io.StringIO()
    write_labels(sheet_rows(sample, **options), out)
    return out.getvalue()


def take_in(sample, text, rater="rater-a", **options):
    return import_labels(
        sample_id=sample.pk, rater_key=rater, stream=io.BytesIO(text.encode()), source="sheet.csv",
        **({"actor": None} | options),
    )


def test_a_sheet_goes_out_and_back_with_chinese_emoji_and_formulas():
    item = make_item(prompt_zh="=HYPERLINK(\"x\") 请😀", focus_zh="@焦点", category="bias")
    run = make_run(make_release([item]))
    make_score(run, item, make_language_model("secret-model"), 4.0, language="zh", text="-1 答复\n第二行 👩‍⚕️")
    sample, rater = make_label_sample(run), make_coder("rater-a")
    make_label(sample.tasks.get(), rater, 6, note="=好 😀", refusal="partial")
    text = sheet_of(sample, rater=rater)
    assert "'=HYPERLINK" in text
    assert "'-1 答复\n第二行 👩‍⚕️" in text
    assert "平等" not in text
    assert "secret-model" not in text
    assert "heuristic" not in text
    done = take_in(sample, text)
    assert (done.created, done.updated, done.unchanged) == (0, 0, 1)
    copy = take_in(sample, text, "rater-b", new_rater="Rater B")
    assert (copy.created, copy.updated, copy.unchanged) == (1, 0, 0)
    label = HumanLabel.objects.get(rater__key="rater-b")
    assert (label.value, label.note, label.refusal, label.rater.name) == (6, "=好 😀", "partial", "Rater B")
    assert take_in(sample, text, "rater-b").unchanged == 1
    assert LogEntry.objects.filter(action="label.write").count() == 1


def test_a_blank_cell_takes_no_label_away_and_a_changed_one_changes_it(run):
    sample, rater = make_label_sample(run), make_coder("rater-a")
    one, two = sample.tasks.order_by("order")[:2]
    make_label(one, rater, 6)
    done = take_in(sample, f"task,value\n{one.pk},\n{two.pk},3\n")
    assert (done.created, one.labels.get().value) == (1, 6)
    done = take_in(sample, f"task,value\n{one.pk},0\n{two.pk},3\n")
    assert (done.created, done.updated, done.unchanged, one.labels.get().value) == (0, 1, 1, 0)


def test_one_bad_row_keeps_the_whole_sheet_out(run):
    sample = make_label_sample(run)
    make_coder("rater-a")
    task = sample.tasks.first()
    with pytest.raises(LabelsRefusedError) as refused:
        take_in(sample, f"task,value,refusal\n{task.pk},5,\n0,5,\n{task.pk + 1},12,\n")
    assert [str(error).split(":")[0] for error in refused.value.errors] == [
        "sheet.csv, line 3, field task", "sheet.csv, line 4, field value",
    ]
    assert HumanLabel.objects.count() == 0


def test_a_sheet_with_a_column_sorted_by_itself_is_refused(run):
    sample = make_label_sample(run)
    make_coder("rater-a")
    rows = list(csv.DictReader(io.StringIO(sheet_of(sample).lstrip("\ufeff"), newline="")))
    for row in rows[:3]:
        row["value"] = "5"

    def sheet(rows):
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()

    for name in ("item", "response", "prompt"):
        wrong = [row | {name: "What another asked or said."} if place == 1 else row for place, row in enumerate(rows)]
        with pytest.raises(LabelsRefusedError) as refused:
            take_in(sample, sheet(wrong))
        assert [str(error).split(":")[0] for error in refused.value.errors] == [f"sheet.csv, line 3, field {name}"]
        assert "sorted without the others" in str(refused.value)
    assert not HumanLabel.objects.exists()
    blank = [row | {"response": "", "prompt": f" {row['prompt']}\r\n"} for row in rows]
    assert take_in(sample, sheet(blank)).created == 3
    assert take_in(sample, sheet(rows)).unchanged == 3


def test_a_dry_run_writes_nothing(run):
    sample = make_label_sample(run)
    task = sample.tasks.first()
    done = take_in(sample, f"task,value\n{task.pk},5\n", "new-one", new_rater="New", dry_run=True)
    assert (done.created, done.dry_run) == (1, True)
    assert HumanLabel.objects.count() == 0
    assert not Coder.objects.filter(key="new-one").exists()


def test_sheets_are_refused_of_machines_strangers_and_for_others(run):
    sample = make_label_sample(run)
    text = f"task,value\n{sample.tasks.first().pk},5\n"
    make_coder("gpt", kind="model")
    make_coder("rater-a")
    for rater in ("gpt", "nobody"):
        with pytest.raises(BenchError, match=r"not a person|no rater"):
            take_in(sample, text, rater)
    with pytest.raises(PermissionRefusedError):
        take_in(sample, text, actor=make_user("annotator"))
    assert take_in(sample, text, actor=make_user("curator")).created == 1


def test_a_sheet_for_a_rater_offers_only_what_waits_for_them(run):
    sample = make_label_sample(run)
    first, second = sample.tasks.order_by("order")[:2]
    me = make_coder("me")
    for key in ("b", "c"):
        make_label(first, make_coder(key), 5)
        make_label(second, make_coder(key), 5)
    make_label(second, me, 1)
    offered = [row.task for row in sheet_rows(sample, rater=me, only_offered=True)]
    assert first.pk not in offered
    assert second.pk in offered
    assert len(offered) == 11
    assert len(list(sheet_rows(sample))) == 12
