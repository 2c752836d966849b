"""From a judge's reply to what is recorded of it: a verdict, the reason why there is none, or a repair to ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bench.execution_session import SeatedJudge
from bench.fast_rows import insert_ignoring_conflicts
from bench.models import DimensionVerdict, FailedAttempt, Judgement
from bench.providers.base import Completion
from bench.providers.finish_reasons import LENGTH, reason_word
from bench.scoring.case import DimensionVerdict as Said
from bench.scoring.case import JudgeCase, Verdict
from bench.scoring.frameworks import on_scale
from bench.scoring.structured import Unread, stopped_reason

#: The outcome of a call whose reply could not be read and was asked for again.
UNREADABLE = "unreadable"
_LONGEST_REPLY = 20_000
_DIMENSION_FIELDS = ("judgement", "dimension", "direction", "strength", "evidence", "value", "missing_reason")


class Reading(NamedTuple):
    """What a reply comes to.

    ``row`` has state, value, missing reason, reason, refusal, raw text and finish reason; ``unread`` is set where
    the reply is to be asked for again instead.
    """

    row: tuple[Any, ...]
    dimensions: tuple[Said, ...] = ()
    unread: Unread | None = None


def read_reply(seated: SeatedJudge, completion: Completion, case: JudgeCase, n_repairs: int) -> Reading:
    """Return what ``completion`` comes to after ``n_repairs`` earlier replies that could not be read."""
    if seated.rubric.read is None:
        raise AssertionError("only what a language model replies is read")
    ended = reason_word(completion.finish_reason)
    stopped = stopped_reason(ended, refused=completion.refused)
    if stopped and not (seated.rubric.survives_cut and ended == LENGTH):
        return Reading(_row(Verdict(value=None, missing_reason=stopped), completion))
    verdict = seated.rubric.read(completion.text, case)
    if verdict.problem and n_repairs < seated.rubric.most_repairs:
        return Reading((), unread=Unread(completion.text[:_LONGEST_REPLY], verdict.problem))
    if verdict.value is None and stopped:
        verdict = Verdict(value=None, missing_reason=f"{stopped}; {verdict.missing_reason}")
    elif verdict.value is None and not verdict.dimensions and n_repairs:
        verdict = Verdict(value=None, missing_reason=f"{verdict.missing_reason}, after {n_repairs} repairs")
    return Reading(_row(verdict, completion), verdict.dimensions)


def _row(verdict: Verdict, completion: Completion) -> tuple[Any, ...]:
    state = (
        Judgement.State.SCORED if verdict.value is not None
        else Judgement.State.PROFILED if verdict.dimensions else Judgement.State.UNPARSABLE
    )
    return (
        state, verdict.value, verdict.missing_reason, verdict.reason, verdict.refusal, completion.text,
        completion.finish_reason,
    )


def write_dimensions(said: Iterable[tuple[int, SeatedJudge, Sequence[Said]]]) -> None:
    """Write what judges said of each dimension; what is on record stays."""
    rows = []
    for judgement, seated, dimensions in said:
        for each in dimensions:
            place = seated.dimensions.get(each.key)
            if place is None:
                continue
            value = None if each.value is None else on_scale(each.value, place.low, place.high)
            rows.append((
                judgement, place.pk, each.direction, each.strength, each.evidence, value, each.missing_reason,
            ))
    insert_ignoring_conflicts(DimensionVerdict, _DIMENSION_FIELDS, rows)


def unread_replies(judgements: Sequence[int]) -> dict[int, tuple[Unread, ...]]:
    """Return, for each of these judgements that has some, its replies that could not be read, in order."""
    found: dict[int, list[Unread]] = defaultdict(list)
    rows = FailedAttempt.objects.filter(judgement__in=judgements, outcome=UNREADABLE).order_by("number", "pk")
    for judgement, text, problem in rows.values_list("judgement_id", "text", "message"):
        found[judgement].append(Unread(text, problem))
    return {judgement: tuple(replies) for judgement, replies in found.items()}
