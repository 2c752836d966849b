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
from bench.models import DimensionVerdict, Judgement, Trial
from bench.scoring import ITEM_SYSTEM
from bench.scoring.case import JudgeCase
from bench.scoring.media_words import why_unfit, with_files
from bench.scoring.structured import Unread, repair_messages
from bench.specs import judgement_key, verdict_key_in

_CHUNK = 200
#: Verdicts that another run may ask for anew: a judge may be there again, or take images by now.
GIVEN_UP: Final = (Judgement.State.FAILED, Judgement.State.UNFIT)
#: What tells of the file an answer is.
OUTPUT_OF_RESPONSE: Final = ("response__output_sha256", "response__output_media_type", "response__output_size")
_FIELDS = (
    "key", "judge", "response", "release_item", "language", "state", "value", "missing_reason", "reason", "refusal",
    "raw_text", "finish_reason", "attempts", "judged_at", "executor",
)


#: What is taken over from a verdict on the same item in another release; what it cost belongs to that one.
_GIVEN: Final = (
    "state", "value", "missing_reason", "reason", "refusal", "raw_text", "finish_reason", "judged_at",
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
    copy_of: int | None = None


def open_judgements(session: Session, answers: Sequence[Answered], *, hold: bool) -> list[Call]:
    """Write the verdicts that ``answers`` need and do not have; return the calls this process may now send.

    Must run in the transaction that makes the answers durable, or after it. With ``hold``, new pending verdicts
    belong to this process at once and come back as calls; without, they are left to be claimed. A verdict that was
    given on the same item in another release is written down for this one too, not asked for again.
    """
    return _open(session, answers, hold=hold)[0]


def _open(session: Session, answers: Sequence[Answered], *, hold: bool) -> tuple[list[Call], int]:
    """Do what :func:`open_judgements` says; return also how many verdicts were written."""
    openings: dict[str, _Opening] = {}
    for answer in answers:
        if answer.is_blank:
            continue
        for seated in session.judges.values():
            case = session.case(seated, answer.content, answer.language, answer.text, answer.output)
            key = judgement_key(seated.spec, case.identity(), answer.key, answer.content_sha256)
            openings[key] = _Opening(answer, seated, case)
    calls: list[Call] = []
    series, written = 1, 0
    while openings:
        inserted = _insert(session, openings, hold=hold)
        written += len(inserted)
        for key, pk, state in inserted:
            if state == Judgement.State.PENDING and hold:
                opening = openings[key]
                calls.append(judgement_call(session, opening.seated.row.pk, pk, key, opening.case, 0))
            elif state == Judgement.State.PENDING:
                session.saw_foreign = True
        anew = {}
        existed = openings.keys() - {key for key, _pk, _state in inserted}
        rows = Judgement.objects.filter(key__in=existed).values_list(
            "key", "pk", "state", "executor_id", "attempts", "judge_id", "release_item_id"
        )
        for key, pk, state, executor_id, attempts, judge_id, release_item_id in rows:
            opening = openings[key]
            if release_item_id != opening.answer.release_item_id:
                is_given = state not in (*GIVEN_UP, Judgement.State.PENDING, Judgement.State.CANCELLED)
                placed = verdict_key_in(session.run.release.sha256, key)
                anew[placed] = opening._replace(copy_of=pk if is_given else None)
            elif state in GIVEN_UP and not session.owns(executor_id):
                anew[judgement_key(
                    opening.seated.spec, opening.case.identity(), opening.answer.key, opening.answer.content_sha256,
                    series=series + 1,
                )] = opening._replace(copy_of=None)
            elif state == Judgement.State.PENDING and hold and executor_id == session.executor.pk:
                calls.append(judgement_call(session, judge_id, pk, key, opening.case, attempts))
            elif state == Judgement.State.PENDING:
                session.saw_foreign = True
        openings = anew
        series += 1
    return calls, written


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
    for judge_id, seated in session.judges.items():
        # Where facts are not frozen, only the key tells whether a verdict was given on what is known now.
        by_key = seated.rubric.reads_facts and bool(session.facts)
        given = Judgement.objects.filter(
            ~Q(state__in=GIVEN_UP) | Q(executor__run=session.run),
            judge=judge_id, response=OuterRef("response"), release_item=OuterRef("release_item"),
            language=OuterRef("language"),
        )
        lacking = (
            Trial.objects.filter(run=session.run, response__state__in=JUDGEABLE)
            .exclude(response__text="", response__output_sha256="").order_by("pk")
        )
        if not by_key:
            lacking = lacking.filter(~Exists(given))
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
                written = _open(session, answers, hold=False)[1]
            opened += written if by_key else sum(not answer.is_blank for answer in answers)
    return opened


def _insert(session: Session, openings: Mapping[str, _Opening], *, hold: bool) -> list[tuple[Any, ...]]:
    """Write what is not there yet; return key, primary key and state of each row written."""
    now = timezone.now()
    rows: list[tuple[Any, ...]] = []
    copied = [opening.copy_of for opening in openings.values() if opening.copy_of is not None]
    given = {row[0]: row[1:] for row in Judgement.objects.filter(pk__in=copied).values_list("pk", *_GIVEN)}
    for key, (answer, seated, case, copy_of) in openings.items():
        head = (key, seated.row.pk, answer.response_id, answer.release_item_id, answer.language)
        if copy_of in given:
            *verdict, judged_at = given[copy_of]
            rows.append((*head, *verdict, 0, judged_at, None))
            continue
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
    inserted = insert_ignoring_conflicts(Judgement, _FIELDS, rows, returning=("key", "pk", "state"))
    _copy_dimensions({openings[key].copy_of: pk for key, pk, _state in inserted if openings[key].copy_of is not None})
    return inserted


def _copy_dimensions(copies: Mapping[int | None, int]) -> None:
    """Write what a judge said of each dimension for the copies of its verdicts, too."""
    fields = ("dimension_id", "direction", "strength", "evidence", "value", "missing_reason")
    said = DimensionVerdict.objects.filter(judgement__in=list(copies)).order_by("pk").values("judgement_id", *fields)
    DimensionVerdict.objects.bulk_create(
        DimensionVerdict(judgement_id=copies[row.pop("judgement_id")], **row) for row in said
    )
