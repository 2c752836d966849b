"""Hand missing calls to the providers' batch APIs, and fetch what came back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from bench.actions.batch_budget import give_back, reserve_calls
from bench.actions.batch_work import BatchWork, batch_work
from bench.actions.draw_budget import why_spent
from bench.actions.import_batch import BatchImport, import_batch
from bench.exceptions import BatchError, ClientRequestError, MissingKeyError
from bench.execution.calls import Call
from bench.formats.batch_jsonl import ENDPOINT, MOST_BYTES, in_files, request_line
from bench.media_store import media_store
from bench.models import Batch, LanguageModel, Run
from bench.prompts import files_of
from bench.providers.chat_with_media import with_files
from bench.providers.openai_compatible import DEFAULT_KEY_VARIABLE
from bench.specs import Message
from gvsir.models import LogEntry

_WINDOW = "24h"
_OVER = frozenset({"completed", "failed", "expired", "cancelled"})
_MARK = "gvsir_batch"


class Part(NamedTuple):
    """One file of requests, all to one model, and the calls they are."""

    language_model: LanguageModel
    lines: list[str]
    calls: list[Call]


@transaction.atomic
def parts_of(work: BatchWork) -> list[Part]:
    """Return all that is missing and fits in the run's limits, one model and one file's worth at a time.

    What it can cost at most is set aside. Files that are shown stand in the lines, as data URLs.

    Raises
    ------
    BatchError
        A file that is shown is not there, or all of them are more than one batch file holds.
    """
    _check_files(work)
    by_model: dict[int, list[Call]] = {}
    for call in reserve_calls(work.session, work.calls):
        by_model.setdefault(work.model_of(call).pk, []).append(call)
    parts = []
    for pk, calls in by_model.items():
        language_model = work.session.language_models[pk]
        lines = (
            request_line(
                work.session.run.pk, call, language_model.model_identifier, language_model.token_limit,
                messages=_with_files(call),
            )
            for call in calls
        )
        waiting = iter(calls)
        parts += [Part(language_model, part, list(islice(waiting, len(part)))) for part in in_files(lines)]
    return parts


def _check_files(work: BatchWork) -> None:
    """Refuse what would be in memory, and sent, as more than one file's worth of data URLs."""
    size = sum(file.size for call in work.calls for file in files_of(call.messages)) * 4 // 3
    if size > MOST_BYTES:
        raise BatchError(
            gettext(
                "The calls of run {run} show files of {size} MB; batch files carry {most} MB of them at most. "
                "Execute it with: gvsir bench_run --resume {run}"
            ).format(run=work.session.run.pk, size=size // 1_000_000, most=MOST_BYTES // 1_000_000)
        )


def _with_files(call: Call) -> list[Message] | None:
    if not files_of(call.messages):
        return None
    try:
        return with_files(call.messages, media_store())
    except ClientRequestError as error:
        raise BatchError(str(error)) from error


def what_did_not_fit(work: BatchWork, parts: Sequence[Part]) -> str:
    """Return how many calls the run's limits keep here, as a sentence; "" where none."""
    kept = len(work.calls) - sum(len(part.calls) for part in parts)
    return f"{kept} calls are kept back: {why_spent(work.session.run)}" if kept else ""


def open_batches(run: Run) -> QuerySet[Batch]:
    """Return the batches of ``run`` that have not been read in."""
    return Batch.objects.filter(run=run, closed_at__isnull=True).select_related("language_model")


def submit_batches(*, run: Run, actor: User | None) -> list[Batch]:
    """Send all that ``run`` lacks as batches; return them.

    Raises
    ------
    BatchError
        Earlier batches of the run are not read in yet, or the provider refused.
    """
    if open_batches(run).filter(batch_id__gt="").exists():
        raise BatchError(f"Run {run.pk} waits for batches; collect them first: gvsir bench_batch {run.pk} --collect")
    made: list[Batch] = []
    kept = ""
    with batch_work(run, actor=actor) as work:
        lost = list(open_batches(run))
        for batch in lost:  # submitted by a process that died before it heard the batch's name
            _recover(batch)
        if not open_batches(run).exists():
            parts = parts_of(work)
            kept = what_did_not_fit(work, parts)
            made = _submit_all(work, parts)
        made = made or list(open_batches(run))
        waiting = (
            f"Waiting for {len(made)} batches of {sum(batch.requests for batch in made)} calls. Read them in with: "
            f"gvsir bench_batch {run.pk} --collect"
        ) if made else ""
        work.reason = " ".join(filter(None, (waiting, kept)))
        LogEntry.objects.record(run, "run.submit_batches", actor=actor, data={"batches": [each.pk for each in made]})
    return made


def collect_batches(*, run: Run, actor: User | None) -> tuple[BatchImport, list[Batch]]:
    """Read in every batch of ``run`` that is over; return what came, and the batches still to wait for."""
    found, waiting = BatchImport(), []
    with batch_work(run, actor=actor) as work:
        for batch in open_batches(run):
            client = _client(batch.language_model)
            try:
                state = _told(client.batches.retrieve, batch.batch_id) if batch.batch_id else None
                if state is None or state.status not in _OVER:
                    waiting.append(batch)
                    continue
                for file_id in (state.output_file_id, state.error_file_id):
                    if file_id:
                        text = _told(client.files.content, file_id).text
                        import_batch(work, text.splitlines(), source=f"{batch.batch_id}/{file_id}", found=found)
            finally:
                client.close()
            batch.state, batch.closed_at = state.status, timezone.now()
            batch.save(update_fields=["state", "closed_at"])
        work.reason = (
            f"Waiting for {len(waiting)} more batches." if waiting
            else f"{len(work.calls)} calls are missing; send them with: gvsir bench_batch {run.pk} --submit"
        )
    return found, waiting


def abandon_batches(*, run: Run, actor: User | None) -> list[Batch]:
    """Give up the batches of ``run`` that are not read in; what they answer is lost, and may be charged.

    Raises
    ------
    BatchError
        A provider does not let go of one that it still works on.
    """
    given_up = list(open_batches(run))
    for batch in given_up:
        client = _client(batch.language_model)
        try:
            if batch.batch_id and _told(client.batches.retrieve, batch.batch_id).status not in _OVER:
                _told(client.batches.cancel, batch.batch_id)
        finally:
            client.close()
        batch.state, batch.closed_at = "abandoned", timezone.now()
        batch.save(update_fields=["state", "closed_at"])
    LogEntry.objects.record(run, "run.abandon_batches", actor=actor, data={"batches": [each.pk for each in given_up]})
    return given_up


def _submit_all(work: BatchWork, parts: Sequence[Part]) -> list[Batch]:
    made: list[Batch] = []
    for part in parts:
        try:
            made.append(_submit(work.session.run, part))
        except BatchError:
            give_back(work.session, [call for each in parts[len(made) :] for call in each.calls])
            raise
    return made


def _submit(run: Run, part: Part) -> Batch:
    batch = Batch.objects.create(run=run, language_model=part.language_model, requests=len(part.lines))
    client = _client(part.language_model)
    try:
        content = ("\n".join(part.lines) + "\n").encode()
        batch.input_file_id = _told(client.files.create, file=("requests.jsonl", content), purpose="batch").id
        batch.save(update_fields=["input_file_id"])
        made = _told(
            client.batches.create, input_file_id=batch.input_file_id, endpoint=ENDPOINT, completion_window=_WINDOW,
            metadata={_MARK: f"{run.spec_sha256[:16]}-{batch.pk}"},
        )
    except BatchError:
        batch.delete()  # nothing was accepted
        raise
    finally:
        client.close()
    batch.batch_id, batch.state = made.id, made.status
    batch.save(update_fields=["batch_id", "state"])
    return batch


def _recover(batch: Batch) -> None:
    """Find a batch whose name was never heard; forget it where the provider has none."""
    client = _client(batch.language_model)
    try:
        for each in _told(client.batches.list, limit=100):
            if (each.metadata or {}).get(_MARK) == f"{batch.run.spec_sha256[:16]}-{batch.pk}":
                batch.batch_id, batch.state = each.id, each.status
                batch.save(update_fields=["batch_id", "state"])
                return
    finally:
        client.close()
    batch.delete()


def _client(language_model: LanguageModel) -> Any:
    import openai

    variable = language_model.key_variable or DEFAULT_KEY_VARIABLE
    key = os.environ.get(variable, "")
    if not key and variable != DEFAULT_KEY_VARIABLE:
        raise MissingKeyError(f"The environment variable {variable}, named for {language_model.name}, is not set.")
    return openai.OpenAI(base_url=language_model.base_url, api_key=key or "none", timeout=300.0, max_retries=2)


def _told(ask: Any, *arguments: Any, **options: Any) -> Any:
    """Return what the provider says; its refusal becomes ours."""
    import openai

    try:
        return ask(*arguments, **options)
    except openai.OpenAIError as error:
        raise BatchError(f"The batch API did not accept this: {' '.join(str(error).split())[:300]}") from error
