"""Begin a verdict for each answer that is durable: decided at once by rules, or pending for a model to give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from bench.execution.calls import Call
from bench.execution_session import JUDGEABLE, SeatedJudge, Session
from bench.fast_rows import insert_ignoring_conflicts
from bench.files.kinds import MediaFile
from bench.models import Judgement, Trial
from bench.scoring import ITEM_SYSTEM
from bench.scoring.case import JudgeCase
from bench.scoring.media_words import why_unfit, with_files
from bench.scoring.structured import Unread, repair_messages
from bench.specs import judgement_key

_CHUNK = 200
#: Verdicts that another run may ask for anew: a judge may be there again, or take images by now.
GIVEN_UP: Final = (Judgement.State.FAILED, Judgement.State.UNFIT)
#: What tells of the file an answer is.
OUTPUT_OF_RESPONSE: Final = ("response__output_sha256", "response__output_media_type", "response__output_size")
_FIELDS = (
    "key", "judge", "response", "release_item", "language", "state", "value", "missing_reason", "reason", "refusal",
    "raw_text", "finish_reason", "attempts", "judged_at", "executor",
)


class Answered(NamedTuple):
    """A durable answer to one item in one language."""

    response_id: int
    key: str
    release_item_id: int
    language: str
    content: Mapping[str, Any]
    text: str
    text_sha256: str
    output: MediaFile | None = None

    @property
    def content_sha256(self) -> str:
        """The hash of what is judged."""
        return self.text_sha256 if self.output is None else self.output.sha256

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to judge."""
        return self.output is None and not self.text.strip()


def output_of(sha256: str, media_type: str, size: int | None) -> MediaFile | None:
    """Return the file that a response is; None where it is text."""
    return MediaFile(sha256=sha256, media_type=media_type, size=size or 0) if sha256 else None


class _Opening(NamedTuple):
    answer: Answered
    seated: SeatedJudge
    case: JudgeCase


def open_judgements(session: Session, answers: Sequence[Answered], *, hold: bool) -> list[Call]:
    """Write the verdicts that ``answers`` need and do not have; return the calls this process may now send.

    Must run in the transaction that makes the answers durable, or after it. With ``hold``, new pending verdicts
    belong to this process at once and come back as calls; without, they are left to be claimed.
    """
    openings = {}
    for answer in answers:
        if answer.is_blank:
            continue
        for seated in session.judges.values():
            case = session.case(seated, answer.content, answer.language, answer.text, answer.output)
            key = judgement_key(seated.spec, case.identity(), answer.key, answer.content_sha256)
            openings[key] = _Opening(answer, seated, case)
    calls: list[Call] = []
    series = 1
    while openings:
        inserted = _insert(session, openings, hold=hold)
        for key, pk, state in inserted:
            if state == Judgement.State.PENDING and hold:
                opening = openings[key]
                calls.append(judgement_call(session, opening.seated.row.pk, pk, key, opening.case, 0))
            elif state == Judgement.State.PENDING:
                session.saw_foreign = True
        anew = {}
        existed = openings.keys() - {key for key, _pk, _state in inserted}
        rows = Judgement.objects.filter(key__in=existed).values_list(
            "key", "pk", "state", "executor_id", "attempts", "judge_id"
        )
        for key, pk, state, executor_id, attempts, judge_id in rows:
            opening = openings[key]
            if state in GIVEN_UP and not session.owns(executor_id):
                anew[judgement_key(
                    opening.seated.spec, opening.case.identity(), opening.answer.key, opening.answer.content_sha256,
                    series=series + 1,
                )] = opening
            elif state == Judgement.State.PENDING and hold and executor_id == session.executor.pk:
                calls.append(judgement_call(session, judge_id, pk, key, opening.case, attempts))
            elif state == Judgement.State.PENDING:
                session.saw_foreign = True
        openings = anew
        series += 1
    return calls


def judgement_call(
    session: Session, judge_id: int, pk: int, key: str, case: JudgeCase, attempts: int,
    unread: tuple[Unread, ...] = (),
) -> Call:
    """Return the call that asks for the verdict kept in row ``pk`` under ``key``.

    ``unread`` are the replies to it that could not be read; with them it is a repair.
    """
    seated = session.judges[judge_id]
    if seated.rubric.ask is None or seated.row.language_model_id is None:
        raise AssertionError("only a language model is asked for a verdict")
    asked = with_files(
        seated.rubric.ask(case, key), output=case.output, shown=case.shown, language=case.language
    )
    return Call(
        key=key,
        kind="judgement",
        lane=session.lanes[seated.row.language_model_id],
        client=str(seated.row.language_model_id),
        asked=f"judge-{judge_id}",
        messages=repair_messages(asked, unread, case.language),
        generation=seated.generation,
        attempts=attempts,
        context=(pk, judge_id, case, unread),
        response_format=seated.rubric.response_format,
    )


def open_missing_judgements(session: Session) -> int:
    """Write the verdicts that durable answers of the run still lack; return how many answers lacked one.

    They lack one where another run answered the question, or where this run was given a new judge.
    """
    opened = 0
    for judge_id in session.judges:
        given = Judgement.objects.filter(
            ~Q(state__in=GIVEN_UP) | Q(executor__run=session.run),
            judge=judge_id, response=OuterRef("response"), release_item=OuterRef("release_item"),
            language=OuterRef("language"),
        )
        lacking = (
            Trial.objects.filter(run=session.run, response__state__in=JUDGEABLE)
            .exclude(response__text="", response__output_sha256="").filter(~Exists(given)).order_by("pk")
        )
        last = 0
        while True:
            rows = list(
                lacking.filter(pk__gt=last).values_list(
                    "pk", "response_id", "response__key", "release_item_id", "language", "release_item__content", "response__text",
                    "response__text_sha256", *OUTPUT_OF_RESPONSE,
                )[:_CHUNK]
            )
            if not rows:
                break
            last = rows[-1][0]
            answers = [Answered(*(*row[:7], output_of(*row[7:]))) for _pk, *row in rows]
            with transaction.atomic():
                open_judgements(session, answers, hold=False)
            opened += sum(not answer.is_blank for answer in answers)
    return opened


def _insert(session: Session, openings: Mapping[str, _Opening], *, hold: bool) -> list[tuple[Any, ...]]:
    """Write what is not there yet; return key, primary key and state of each row written."""
    now = timezone.now()
    rows: list[tuple[Any, ...]] = []
    for key, (answer, seated, case) in openings.items():
        head = (key, seated.row.pk, answer.response_id, answer.release_item_id, answer.language)
        unfit = why_unfit(
            output=case.output, shown=case.shown, accepts=seated.accepts, quotes=seated.rubric.system != ITEM_SYSTEM
        ) if case.output is not None or case.shown else ""
        if unfit:
            rows.append((
                *head, Judgement.State.UNFIT, None, unfit, "", "", "", "", 0, now, session.executor.pk,
            ))
            continue
        if seated.rubric.decide is None:
            rows.append((
                *head, Judgement.State.PENDING, None, "", "", "", "", "", 0, None,
                session.executor.pk if hold else None,
            ))
            continue
        verdict = seated.rubric.decide(case)
        state = Judgement.State.UNPARSABLE if verdict.value is None else Judgement.State.SCORED
        rows.append((
            *head, state, verdict.value, verdict.missing_reason, verdict.reason, verdict.refusal, "", "", 0, now,
            session.executor.pk,
        ))
    return insert_ignoring_conflicts(Judgement, _FIELDS, rows, returning=("key", "pk", "state"))
