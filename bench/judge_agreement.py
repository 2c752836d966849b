"""A judge against people, beside people against people, kept under the judge's identity.

A judge is its whole configuration (``Judge.sha256``). Numbers belong to that hash: a judge with another
rubric, model or setting has none until people have labelled responses it judged. Labels of all runs count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Count, Max

from bench.label_data import (
    JudgeVerdict,
    LabelledResponse,
    labelled_for,
    rating_table,
    tasks_of_judge,
    verdicts,
)
from bench.metrics import human_agreement
from bench.metrics.alternative_annotator import alternative_annotator_test
from bench.models import HumanLabel, Judge, JudgeAgreement, Judgement, Run
from gvsir.exceptions import UndefinedStatisticError

#: What a person must be better by to be worth asking instead; 0.1 is for crowd workers, 0.2 for experts.
EPSILON: Final = 0.15
MEASURES: Final = ("kappa", "kappa_folded", "icc", "alpha", "mae")
NO_LABEL: Final = "Nobody has labelled a response this judge scored."
NO_TWO_PEOPLE: Final = "No response has values of two people."
ALL_THE_SAME: Final = "Too few responses in common, or all values are the same."


def agreement_of(judge: Judge) -> dict[str, Any]:
    """Return how ``judge`` agrees with the people who labelled responses that it judged, in whichever run.

    The kept numbers if no label or verdict has changed since, else computed anew (and not kept: reading
    writes nothing).

    Returns
    -------
    dict
        ``n_labelled`` responses with a person's value and the judge's; ``n_labels``, ``n_raters``;
        ``judge_human`` and ``human_human`` with the measures of :data:`MEASURES`, None where undefined,
        the reason then in ``reasons``; ``bias``; ``alternative_annotator`` and ``refusal``, or None and
        a reason.
    """
    kept = JudgeAgreement.objects.filter(judge_sha256=judge.sha256).first()
    if kept is not None and kept.state_sha256 == _state(judge):
        numbers: dict[str, Any] = kept.numbers
        return numbers
    return _computed(judge)


def store_agreements(run: Run) -> None:
    """Compute and keep the agreement of each judge of ``run``; the caller has the transaction."""
    for judge in run.judges.all():
        JudgeAgreement.objects.update_or_create(
            judge_sha256=judge.sha256, defaults={"state_sha256": _state(judge), "numbers": _computed(judge)}
        )


def compute(labelled: Sequence[LabelledResponse], said: dict[int, JudgeVerdict]) -> dict[str, Any]:
    """Return the numbers for labelled responses and a judge's verdicts by trial."""
    rated = [each for each in labelled if each.values]
    shared = [each for each in rated if each.trial_id in said]
    numbers: dict[str, Any] = {
        "n_labelled": len(shared), "n_labels": sum(len(each.values) for each in shared),
        "n_raters": len({rater for each in rated for rater in each.values}), "reasons": {},
        "judge_human": dict.fromkeys(MEASURES), "human_human": dict.fromkeys(MEASURES), "bias": None,
        "alternative_annotator": None, "refusal": None,
    }
    reasons = numbers["reasons"]
    if rated:
        judge = [said[each.trial_id].value if each.trial_id in said else None for each in rated]
        table, clusters = rating_table(rated), [each.cluster for each in rated]
        found = human_agreement.judge_agreement(judge, table, clusters)
        for who, pairs in (("judge_human", found.judge_human), ("human_human", found.human_human)):
            numbers[who] = {name: getattr(pairs, name) for name in MEASURES}
            for name in MEASURES:
                if numbers[who][name] is None:
                    none = NO_LABEL if who == "judge_human" else NO_TWO_PEOPLE
                    reasons[f"{who}.{name}"] = ALL_THE_SAME if pairs.n_pairs else none
        bias = found.bias
        if bias.value is not None:
            numbers["bias"] = {"value": bias.value, "low": bias.low, "high": bias.high, "n_clusters": bias.n_clusters}
        try:
            numbers["alternative_annotator"] = _alternative(judge, table)
        except UndefinedStatisticError as error:
            reasons["alternative_annotator"] = str(error)
    else:
        reasons.update({f"{who}.{name}": NO_LABEL for who in ("judge_human", "human_human") for name in MEASURES})
        reasons["alternative_annotator"] = NO_LABEL
    if numbers["bias"] is None:
        reasons["bias"] = NO_LABEL
    try:
        numbers["refusal"] = _refusal(labelled, said)
    except UndefinedStatisticError:
        reasons["refusal"] = "No response has a clear refusal state of both people and this judge."
    return numbers


def _alternative(judge: Sequence[float | None], table: Any) -> dict[str, Any]:
    test = alternative_annotator_test(judge, table, epsilon=EPSILON)
    return {
        "winning_rate": test.winning_rate, "advantage": test.advantage, "passes": test.passes,
        "epsilon": test.epsilon, "n_tested": len(test.raters), "n_skipped": len(test.skipped),
    }


def _refusal(labelled: Sequence[LabelledResponse], said: dict[int, JudgeVerdict]) -> dict[str, Any]:
    """Return precision, recall and kappa of "refused" against what most people say."""
    pairs = [
        (float(said[each.trial_id].refusal == Judgement.Refusal.REFUSED), float(each.is_refused))
        for each in labelled
        if each.is_refused is not None and each.trial_id in said and said[each.trial_id].refusal
    ]
    found = human_agreement.yes_no_agreement([one for one, _ in pairs], [two for _, two in pairs])
    return {**found._asdict(), "n": len(pairs)}


def _computed(judge: Judge) -> dict[str, Any]:
    labelled = labelled_for(judge)
    return compute(labelled, verdicts(judge, labelled))


def _state(judge: Judge) -> str:
    """Return a hash that changes when a label or a verdict on a sampled response does."""
    tasks = tasks_of_judge(judge).order_by()
    labels = HumanLabel.objects.filter(task__in=tasks).aggregate(n=Count("pk"), last=Max("updated_at"))
    judged = Judgement.objects.filter(
        judge=judge, state=Judgement.State.SCORED, response__in=tasks.values("trial__response")
    ).aggregate(n=Count("pk"), last=Max("judged_at"), newest=Max("pk"))
    text = repr([labels["n"], str(labels["last"]), judged["n"], str(judged["last"]), judged["newest"]])
    return hashlib.sha256(text.encode()).hexdigest()

