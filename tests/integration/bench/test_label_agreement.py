"""Judges against people, and scores put right, on records; numbers worked out by hand."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from annotation.actions.coders import coder_of
from bench.actions.record_label import GivenLabel, record_label
from bench.corrected_scores import corrected_cells, corrected_refusals, corrected_wholes
from bench.judge_agreement import agreement_of, store_agreements
from bench.models import Judge, JudgeAgreement, Judgement
from bench.run_board import board_of_run
from tests.factories.bench import (
    make_item,
    make_judge,
    make_label,
    make_label_sample,
    make_language_model,
    make_release,
    make_run,
    make_score,
)
from tests.factories.gvsir import make_coder, make_user

pytestmark = pytest.mark.django_db

JUDGE = [3.0, 6.0, 9.0, 8.0]
A = [2, 5, 9, 7]
B = [3, 5, 8, None]


@pytest.fixture
def run():
    """Four responses judged 3, 6, 9, 8."""
    items = [make_item() for _ in JUDGE]
    run = make_run(make_release(items))
    for item, value in zip(items, JUDGE, strict=True):
        make_score(run, item, make_language_model("alpha"), value)
    return run


def labelled(run, **by_rater):
    """A sample of all responses, with labels in the order of the run's trials."""
    sample = make_label_sample(run)
    tasks = list(sample.tasks.order_by("trial"))
    for key, values in by_rater.items():
        for task, value in zip(tasks, values, strict=True):
            make_label(task, make_coder(key), value)
    return sample


def refuse(run, *states):
    for judgement, state in zip(Judgement.objects.filter(judge=run.judges.get()).order_by("pk"), states, strict=True):
        Judgement.objects.filter(pk=judgement.pk).update(refusal=state)


def test_numbers_by_hand(run):
    """A: mean squared difference .75 over 5.25 + 6.6875 + .5625 = 12.5, 4 units; B: 2/3 over 10.667, 3 units."""
    labelled(run, a=A, b=B)
    found = agreement_of(run.judges.get())
    assert (found["n_labelled"], found["n_labels"], found["n_raters"]) == (4, 7, 2)
    assert found["judge_human"]["kappa"] == pytest.approx((4 * (1 - 0.75 / 12.5) + 3 * (1 - (2 / 3) / (32 / 3))) / 7)
    assert found["judge_human"]["mae"] == pytest.approx((3 + 2) / 7)
    # People: 2-3, 5-5, 9-8.
    assert found["human_human"]["mae"] == pytest.approx(2 / 3)
    assert found["human_human"]["kappa"] == pytest.approx(1 - (2 / 3) / (74 / 9 + 38 / 9))
    # Judge less people's mean: .5, 1, .5, 1.
    assert found["bias"]["value"] == pytest.approx(0.75)
    assert found["bias"]["low"] < 0.75 < found["bias"]["high"]
    assert found["alternative_annotator"] is None
    assert "30 units" in found["reasons"]["alternative_annotator"]
    # Folded to 0-5 by halves: judge 1, 3, 4, 4; A 1, 2, 4, 3; B 1, 2, 4.
    folded = 4 * (1 - (2 / 4) / (1.5 + 1.25 + 0.25)) + 3 * (1 - (1 / 3) / (14 / 9 + 14 / 9 + 1 / 9))
    assert found["judge_human"]["kappa_folded"] == pytest.approx(folded / 7)


def test_what_is_undefined_says_why_and_is_never_a_number(run):
    judge = run.judges.get()
    nothing = agreement_of(judge)
    assert nothing["n_labelled"] == 0
    assert set(nothing["judge_human"].values()) == {None}
    assert "Nobody" in nothing["reasons"]["judge_human.kappa"]
    labelled(run, a=[5, None, None, None])
    one = agreement_of(judge)
    assert (one["n_labelled"], one["judge_human"]["kappa"], one["judge_human"]["mae"]) == (1, None, 2.0)
    assert "two people" in one["reasons"]["human_human.alpha"]
    assert one["bias"] == {"value": -2.0, "low": None, "high": None, "n_clusters": 1}


def test_another_configuration_has_no_agreement_yet(run):
    labelled(run, a=A, b=B)
    judge = run.judges.get()
    store_agreements(run)
    changed = make_judge(name=judge.name, config={**judge.config, "rubric": 2})
    run.judges.add(changed)
    assert agreement_of(judge)["n_labelled"] == 4
    assert agreement_of(changed)["n_labelled"] == 0
    for trial in run.trials.all()[:2]:
        Judgement.objects.create(
            key=f"new {trial.pk}", judge=changed, response=trial.response, release_item=trial.release_item,
            state="scored", value=0.0,
        )
    assert agreement_of(changed)["n_labelled"] == 2
    assert agreement_of(changed)["bias"]["value"] == pytest.approx(-(2.5 + 5) / 2)


def test_labels_of_any_run_count_for_a_judge_and_two_labels_of_one_response_come_together(run):
    judge = run.judges.get()
    items = [make_item() for _ in JUDGE]
    other = make_run(make_release(items))
    other.judges.set([judge])
    for item, value in zip(items, [1.0, 2.0, 3.0, 4.0], strict=True):
        make_score(other, item, make_language_model("beta"), value)
    labelled(run, a=A)
    assert agreement_of(judge)["n_labelled"] == 4
    store_agreements(other)
    labelled(other, a=[2, 3, 4, 5])
    found = agreement_of(judge)
    assert (found["n_labelled"], found["n_labels"], found["n_raters"]) == (8, 8, 1)
    assert found["bias"]["value"] == pytest.approx(((1 + 1 + 0 + 1) - 4) / 8)
    again = make_run(run.release)
    again.judges.set([judge])
    for trial in run.trials.all():
        again.trials.create(
            release_item=trial.release_item, language_model=trial.language_model, response=trial.response,
            language=trial.language, epoch=trial.epoch,
        )
    labelled(again, b=B)
    found = agreement_of(judge)
    assert (found["n_labelled"], found["n_labels"], found["n_raters"]) == (8, 11, 2)


def test_agreement_is_kept_under_the_judges_identity_and_is_computed_anew_when_a_label_or_verdict_changes(run):
    sample = labelled(run, a=A, b=B)
    judge, user = run.judges.get(), make_user("annotator")
    task = sample.tasks.order_by("trial").last()
    record_label(task_id=task.pk, given=GivenLabel(value=7), actor=user)
    kept = JudgeAgreement.objects.get()
    assert kept.judge_sha256 == judge.sha256
    assert kept.numbers == agreement_of(judge)
    before = kept.numbers["judge_human"]["mae"]
    record_label(task_id=task.pk, given=GivenLabel(value=0), actor=user)
    assert JudgeAgreement.objects.get().numbers["judge_human"]["mae"] > before
    Judgement.objects.filter(judge=judge, response=task.trial.response).update(value=None, state="failed")
    assert agreement_of(judge)["n_labelled"] == 3
    assert JudgeAgreement.objects.get().numbers["n_labelled"] == 4


def test_a_stored_number_is_what_is_read_while_nothing_has_changed(run):
    labelled(run, a=A, b=B)
    store_agreements(run)
    JudgeAgreement.objects.update(numbers={"n_labelled": 77, "judge_human": {"kappa": 0.5}})
    assert agreement_of(run.judges.get())["n_labelled"] == 77


def test_the_alternative_annotator_test_is_made_with_enough_labels():
    items = [make_item() for _ in range(30)]
    run = make_run(make_release(items))
    model = make_language_model("alpha")
    for place, item in enumerate(items):
        make_score(run, item, model, float(place % 11))
    exact = [place % 11 for place in range(30)]
    # B is always 3 off, to the side that stays on the scale; A and C are as the judge.
    labelled(run, a=exact, b=[n + 3 if n < 8 else n - 3 for n in exact], c=exact)
    found = agreement_of(run.judges.get())["alternative_annotator"]
    assert (found["passes"], found["winning_rate"], found["n_tested"]) == (True, 1.0, 3)


def test_refusals_by_hand(run):
    refuse(run, "refused", "refused", "complied", "partial")
    sample = make_label_sample(run)
    for key, states in {"a": ["refused", "complied", "complied", "refused"], "b": ["refused", "refused", "partial", ""]}.items():
        for task, state in zip(sample.tasks.order_by("trial"), states, strict=True):
            make_label(task, make_coder(key), 5, refusal=state)
    # The second is a tie and left out: judge yes no no, people yes no yes.
    found = agreement_of(run.judges.get())["refusal"]
    assert (found["true_yes"], found["false_yes"], found["false_no"], found["true_no"], found["n"]) == (1, 0, 1, 1, 3)
    assert (found["precision"], found["recall"]) == (1.0, 0.5)
    # The first stands for the second too, both being in the low third: sensitivity 2/3, specificity 1;
    # judged 2 of 4: (.5 + 1 - 1) / (2/3 + 1 - 1) = .75.
    (cell,) = corrected_refusals(sample)
    assert (cell.refused, cell.n, cell.n_labelled, cell.share) == (2, 4, 3, 0.5)
    assert cell.corrected.value == pytest.approx(0.75)
    assert cell.interval[0] < 0.5 < cell.interval[1]


def test_a_judge_that_says_nothing_of_refusals_has_no_row(run):
    sample = labelled(run, a=A, b=B)
    assert corrected_refusals(sample) == []
    assert "refusal" in agreement_of(run.judges.get())["reasons"]


# --- scores put right -------------------------------------------------------------------------------


def test_a_score_put_right_by_hand_changes_when_a_label_changes(run):
    """All labelled: judged mean 6.5, people's means 2.5, 5, 8.5, 7: 5.75."""
    sample = labelled(run, a=A, b=B)
    whole, category = corrected_cells(sample)
    assert (whole.category, category.category.key) == (None, "misinfo")
    assert (whole.uncorrected.value, whole.corrected.value, whole.n_labelled) == (6.5, 5.75, 4)
    assert whole.shift == "-0.75"
    task = sample.tasks.order_by("trial").first()
    user = make_user("annotator")
    rater = coder_of(user)
    record_label(task_id=task.pk, given=GivenLabel(value=10), actor=user)
    assert task.labels.filter(rater=rater).count() == 1
    # The first response has 2, 3 and 10 now: its mean is 5, 2.5 more than before.
    assert corrected_cells(sample)[0].corrected.value == pytest.approx(5.75 + 2.5 / 4)
    assert corrected_cells(sample)[0].uncorrected.value == 6.5


def test_a_label_counts_for_its_stratum():
    """Ten responses judged 5, in two layers: what people say of each layer's sample stands for the layer."""
    items = [make_item(category="misinfo") for _ in range(8)] + [make_item(category="bias") for _ in range(2)]
    run = make_run(make_release(items))
    for item in items:
        make_score(run, item, make_language_model("alpha"), 5.0)
    sample = make_label_sample(run, per_stratum=2, strata_by=["category"])
    for task in sample.tasks.all():
        make_label(task, make_coder("a"), 4 if task.stratum == "misinfo" else 9)
    whole, *parts = corrected_cells(sample)
    assert {part.category.key: part.corrected.value for part in parts} == {"misinfo": 4.0, "bias": 9.0}
    assert whole.corrected.value == pytest.approx((4 + 9) / 2)


def test_as_judged_the_whole_and_the_categories_are_the_leaderboards():
    """Repeats are averaged first, and a layer weighs the same whatever it holds."""
    items = [make_item(category="misinfo") for _ in range(3)] + [make_item(category="culture") for _ in range(2)]
    run = make_run(make_release(items))
    for item, values in zip(items, [[10, 0, 2], [9], [None], [2, 4], [7]], strict=True):
        for epoch, value in enumerate(values, start=1):
            make_score(run, item, make_language_model("alpha"), value, epoch=epoch)
    (row,) = board_of_run(run, coverage=0.0).rows
    whole, first, second = corrected_cells(labelled(run, a=[5] * 8))
    assert whole.uncorrected.value == row.overall.value == pytest.approx(((4 + 9) / 2 + (3 + 7) / 2) / 2)
    assert whole.uncorrected_interval == row.overall.interval
    assert {cell.category.key: cell.uncorrected.value for cell in (first, second)} == {"misinfo": 6.5, "culture": 5.0}
    assert first.uncorrected.n_missing + second.uncorrected.n_missing == 1
    # All are labelled with 5, so people's whole is 5 whatever weighs what.
    assert whole.corrected.value == pytest.approx(5.0)


def test_the_whole_is_undefined_where_a_category_cannot_be_put_right():
    items = [make_item(category="misinfo") for _ in range(3)] + [make_item(category="culture") for _ in range(2)]
    run = make_run(make_release(items))
    for item in items:
        make_score(run, item, make_language_model("alpha"), 5.0)
    whole, *parts = corrected_cells(labelled(run, a=[4, 4, 4, None, None]))
    assert whole.corrected is None
    assert whole.reason.startswith("Two labelled responses of two incidents are needed in each category; lacking: ")
    assert {part.category.key: part.corrected and part.corrected.value for part in parts} == {
        "misinfo": 4.0, "culture": None,
    }


def test_the_leaderboard_takes_the_newest_sample_with_a_label(run):
    board = board_of_run(run)
    assert corrected_wholes(run, board) == {}
    labelled(run, a=[0, 0, 0, 0])
    labelled(run, a=A)
    make_label_sample(run)
    (cell,) = corrected_wholes(run, board).values()
    assert cell.corrected.value == pytest.approx(sum(A) / 4)


def test_below_the_set_minimum_only_the_uncorrected_score_is_given(run):
    sample = make_label_sample(run, least_labels=3)
    first, second, third, _ = sample.tasks.all()
    for task in (first, second):
        make_label(task, make_coder("a"), 1)
    cell = corrected_cells(sample)[0]
    assert (cell.corrected, cell.reason, cell.uncorrected.value) == (None, "2 of 3 labels needed", 6.5)
    make_label(third, make_coder("a"), None)
    assert corrected_cells(sample)[0].corrected is None
    make_label(third, make_coder("b"), 1)
    assert corrected_cells(sample)[0].corrected is not None


def test_a_missing_score_is_missing_and_labels_of_another_sample_do_not_count(run):
    run.scores.filter(trial=run.trials.first()).update(value=None, missing_reason="unparsable")
    sample = labelled(run, a=A)
    other = make_label_sample(run)
    cell = corrected_cells(sample)[0]
    assert (cell.n_labelled, cell.uncorrected.n, cell.uncorrected.n_missing) == (3, 3, 1)
    assert (corrected_cells(other)[0].n_labelled, corrected_cells(other)[0].corrected) == (0, None)


# --- in a word --------------------------------------------------------------------------------------


def badge(judge, run):
    template = Template("{% load judge_agreement_tags %}{% judge_agreement_badge judge %}")
    return template.render(Context({"judge": judge, "run": run}))


def test_the_badge_says_how_the_judge_agrees_or_that_it_is_not_validated(run):
    judge = run.judges.get()
    assert "judge not validated against people" in badge(judge, run)
    assert "unvalidated" in badge(judge, run)
    labelled(run, a=A, b=B)
    assert "judge vs people: κw 0.94 (n 4)" in badge(judge, run)
    assert "unvalidated" not in badge(judge, run)
    other = make_judge(name="<b>other</b>")
    assert "not validated" in badge(other, run)
    assert "<b>" not in badge(other, run)
    assert Judge.objects.count() == 2


def test_a_badge_of_one_label_says_undefined(run):
    labelled(run, a=[5, None, None, None])
    assert "κw undefined (n 1)" in badge(run.judges.get(), run)
