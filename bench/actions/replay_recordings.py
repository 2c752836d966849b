"""Settle the questions to models of recorded responses: nothing is sent, and what is not on record stays missing."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from bench.execution_session import Session, state_of_answer
from bench.fast_rows import update_where
from bench.models import LanguageModel, RecordedAnswer, Response, Trial
from bench.prompts import text_of
from bench.recordings import Question, recorded_answers
from bench.specs import sha256

NO_RECORD = "no recorded response"
_CHUNK = 500
_FIELDS = (
    "state", "text", "text_sha256", "finish_reason", "error", "prompt_tokens", "completion_tokens", "answered_at",
    "executor",
)


def replay_recordings(session: Session) -> int:
    """Write down the recorded answers of the run's models that consist of such; return how many questions it settled.

    Each write is guarded by ``state = pending``, and each chunk is a transaction: killed at any moment, it goes on
    where it was.
    """
    count = 0
    for language_model in session.subjects:
        if language_model.kind == LanguageModel.Kind.RECORDED:
            count += _replay(session, language_model)
    return count


def _replay(session: Session, language_model: LanguageModel) -> int:
    waiting = Trial.objects.filter(
        run=session.run, language_model=language_model, response__state=Response.State.PENDING
    ).order_by("pk")
    count, last = 0, 0
    while chunk := list(
        waiting.filter(pk__gt=last).values_list(
            "pk", "response_id", "release_item__content__id", "language", "epoch", "response__messages"
        )[:_CHUNK]
    ):
        last = chunk[-1][0]
        questions: dict[int, list[Question]] = {}
        for _pk, response_id, item, language, epoch, messages in chunk:
            question = Question(str(item), sha256(text_of(messages[-1])), language, epoch)
            questions.setdefault(response_id, []).append(question)
        found = recorded_answers(language_model, [each for asked in questions.values() for each in asked])
        rows = []
        for response_id, asked in questions.items():  # items of the same words share a response, and so an answer
            answer = next((found[each] for each in asked if each in found), None)
            rows.append((*_values(answer, session.executor.pk), response_id, Response.State.PENDING))
        with transaction.atomic():
            count += update_where(Response, _FIELDS, ("pk", "state"), rows)
    return count


def _values(answer: RecordedAnswer | None, executor_id: int) -> tuple[object, ...]:
    now = timezone.now()
    if answer is None:
        return (Response.State.UNRECORDED, "", "", "", NO_RECORD, None, None, now, executor_id)
    state, error = state_of_answer(answer.finish_reason)
    return (
        state, answer.text, sha256(answer.text), answer.finish_reason, error, answer.prompt_tokens,
        answer.completion_tokens, now, executor_id,
    )
