"""Write a run down before its first call: its frozen specification, its trials, its pending responses."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.bounds import (
    LEAST_TIMEOUT,
    MOST_AT_ONCE,
    MOST_SEED,
    MOST_TIMEOUT,
    check_count,
    check_generation,
    check_measure,
)
from bench.endpoints import model_spec
from bench.environment import describe_environment
from bench.exceptions import EmptyRunError, RunClosedError
from bench.fast_rows import insert_ignoring_conflicts
from bench.left_out import LeftOutLine, left_out_lines
from bench.modality import needs_of, why_left_out
from bench.models import Judge, LanguageModel, Release, ReleaseItem, Response, Run, Trial
from bench.prompts import asked_of
from bench.run_limits import check_limits
from bench.scoring import ITEM_SYSTEM, RUBRICS
from bench.scoring.case import in_language
from bench.scoring.panel import PanelRule
from bench.specs import GenerationConfig, JudgeSpec, Message, ModelSpec, RunSpec, response_key
from bench.voting_judges import check_panel
from gvsir.models import LogEntry
from gvsir.permissions import require

LANGUAGES = ("en", "zh")
_CHUNK = 500
_ORDER = re.compile(r" \(order -?\d+\)\Z")
_MOST_EPOCHS = 100


class Question(NamedTuple):
    """One trial to be: an item for a model in a language, the n-th time."""

    release_item_id: int
    language_model: LanguageModel
    language: str
    epoch: int
    messages: list[Message]


def create_run(
    *,
    release: Release,
    language_models: Sequence[LanguageModel],
    judges: Sequence[Judge],
    generation: GenerationConfig | None = None,
    epochs: int = 1,
    languages: Sequence[str] = ("en",),
    seed: int = 0,
    concurrency: int | None = None,
    budget_usd: Decimal | None = None,
    max_calls: int | None = None,
    panel: PanelRule | None = None,
    timeout_seconds: float | None = None,
    actor: User | None,
) -> Run:
    """Return a new queued run with everything it will ask; nothing is sent yet.

    An answer that any run already has to the same question is used again; only what is missing will be sent.

    Raises
    ------
    BadPanelError
        Fewer judges can vote than the panel's rule asks for.
    BadNumberError
        A limit, the concurrency, the seed, a setting of the answers or the timeout is outside its bounds.
    EmptyRunError
        No model, no judge, or no item that can be asked in these languages.
    MissingPriceError
        A budget is given and a model has no price.
    PermissionRefusedError
        ``actor`` may not execute runs.
    """
    if actor is not None:
        require(actor, "run.execute")
    language_models = list({model.pk: model for model in language_models}.values())
    check_count(gettext("A seed"), seed, least=-MOST_SEED, most=MOST_SEED)
    judges = list({judge.pk: judge for judge in (with_seed(judge, seed) for judge in judges)}.values())
    generation = generation or GenerationConfig()
    _check(language_models, judges, epochs=epochs, languages=languages, concurrency=concurrency)
    check_panel(panel or PanelRule(), language_models, judges)
    check_limits(language_models, judges, budget_usd=budget_usd, max_calls=max_calls)
    for each in [generation, *(made for judge in judges if (made := judge_spec(judge).generation))]:
        check_generation(each)
    check_measure(gettext("A timeout in seconds"), timeout_seconds, least=LEAST_TIMEOUT, most=MOST_TIMEOUT)
    spec = RunSpec(
        release_sha256=release.sha256,
        models=[model_spec(model) for model in language_models],
        judges=[judge_spec(judge) for judge in judges],
        generation=generation,
        epochs=epochs,
        languages=list(dict.fromkeys(languages)),
        seed=seed,
        budget_usd=None if budget_usd is None else str(budget_usd),
        max_calls=max_calls,
        panel=(panel or PanelRule()).as_json(),
    )
    environment = describe_environment()
    with transaction.atomic():
        run = Run.objects.create(
            release=release, spec=spec.as_json(), spec_sha256=spec.sha256, environment=environment,
            is_demonstration=release.is_demonstration, created_by=actor, concurrency=concurrency, budget_usd=budget_usd,
            max_calls=max_calls, timeout_seconds=timeout_seconds,
        )
        run.language_models.set(language_models)
        run.judges.set(judges)
        count = 0
        for chunk in _chunks(questions(release, language_models, languages=spec.languages, epochs=epochs)):
            add_trials(run, chunk, generation)
            count += len(chunk)
        left_out = left_out_lines(release, language_models, languages=spec.languages)
        if not count:
            raise EmptyRunError(_nothing_to_ask(release, left_out))
        LogEntry.objects.record(
            run, "run.create", actor=actor,
            data={"spec_sha256": spec.sha256, "trials": count} | ({"left_out": left_out} if left_out else {}),
        )
    return run


def _nothing_to_ask(release: Release, left_out: Sequence[LeftOutLine]) -> str:
    if not left_out:
        return gettext("Release {name} has no items.").format(name=release.name)
    told = "; ".join(f"{line.model}: {line.sentence()}" for line in left_out[:6])
    return gettext("Nothing of release {name} can be asked. {told}.").format(name=release.name, told=told)


def judge_spec(judge: Judge) -> JudgeSpec:
    """Return the specification that ``judge.config`` holds."""
    config = judge.config
    model, generation = config.get("model"), config.get("generation")
    return JudgeSpec(
        kind=config.get("kind", judge.kind),
        rubric=config.get("rubric", ""),
        rubric_version=int(config.get("rubric_version", 0)),
        rubric_sha256=config.get("rubric_sha256", ""),
        repairs=int(config.get("repairs", 0)),
        model=ModelSpec(**model) if model else None,
        generation=GenerationConfig.from_json(generation) if generation else None,
        seed=int(config.get("seed", 0)),
    )


def with_seed(judge: Judge, seed: int) -> Judge:
    """Return the judge that is ``judge`` but for the order, drawn by ``seed``, in which it is asked for dimensions.

    A judge that is asked for one number or dimension has no such order and is the same under every seed.
    """
    spec = judge_spec(judge)
    rubric = RUBRICS.get(spec.rubric)
    if rubric is None or rubric.system == ITEM_SYSTEM or rubric.alone or spec.seed == seed:
        return judge
    seeded = replace(spec, seed=seed)
    name = _ORDER.sub("", judge.name)
    return Judge.objects.get_or_create(
        sha256=seeded.sha256,
        defaults={
            "name": f"{name} (order {seed})"[:300] if seed else name, "kind": judge.kind,
            "language_model": judge.language_model, "config": seeded.as_json(),
        },
    )[0]


def questions(
    release: Release, language_models: Sequence[LanguageModel], *, languages: Sequence[str], epochs: int
) -> Iterator[Question]:
    """Yield every question of a run: items with a prompt in the language, for the models that can take and do them."""
    rows = ReleaseItem.objects.filter(release=release).order_by("position").values_list("pk", "content")
    for release_item_id, content in rows.iterator(chunk_size=_CHUNK):
        needs = needs_of(content)
        asked = [
            model for model in language_models
            if why_left_out(needs, output=model.output, accepts=model.accepted) is None
        ]
        for language in languages if asked else ():
            prompt = in_language(content.get("prompt"), language)
            if not prompt.strip():
                continue
            messages = asked_of(prompt, needs.files)
            for language_model, epoch in itertools.product(asked, range(1, epochs + 1)):
                yield Question(release_item_id, language_model, language, epoch, messages)


def add_trials(run: Run, chunk: Sequence[Question], generation: GenerationConfig) -> None:
    """Write the responses that are missing for these questions, and the trials that point to them."""
    specs = {question.language_model.pk: model_spec(question.language_model) for question in chunk}

    def key(question: Question, series: int) -> str:
        spec = specs[question.language_model.pk]
        return response_key(spec, question.messages, generation, question.epoch, series=series)

    keyed = {index: key(question, 1) for index, question in enumerate(chunk)}
    settled: dict[str, int] = {}
    series = 1
    open_indices = list(keyed)
    while open_indices:
        # A question whose every call failed in an earlier run is put anew, under a key of its own.
        known = dict(
            Response.objects.filter(key__in=[keyed[i] for i in open_indices], state=Response.State.FAILED)
            .values_list("key", "pk")
        )
        open_indices = [i for i in open_indices if keyed[i] in known]
        series += 1
        for index in open_indices:
            keyed[index] = key(chunk[index], series)
    insert_ignoring_conflicts(
        Response,
        ("key", "language_model", "messages", "epoch", "state", "text", "text_sha256", "finish_reason", "error", "attempts"),
        [
            (keyed[i], question.language_model.pk, question.messages, question.epoch, Response.State.PENDING, "", "", "", "", 0)
            for i, question in enumerate(chunk)
        ],
    )
    settled = dict(Response.objects.filter(key__in=set(keyed.values())).values_list("key", "pk"))
    insert_ignoring_conflicts(
        Trial,
        ("run", "release_item", "language_model", "language", "epoch", "response"),
        [
            (run.pk, question.release_item_id, question.language_model.pk, question.language, question.epoch, settled[keyed[i]])
            for i, question in enumerate(chunk)
        ],
    )


def _check(
    language_models: Sequence[LanguageModel], judges: Sequence[Judge], *, epochs: int, languages: Sequence[str],
    concurrency: int | None,
) -> None:
    if not language_models:
        raise EmptyRunError(gettext("A run needs at least one model."))
    if not judges:
        raise EmptyRunError(gettext("A run needs at least one judge; 'heuristic' needs no endpoint."))
    if not 1 <= epochs <= _MOST_EPOCHS:
        raise EmptyRunError(
            gettext("Epochs are a number from 1 to {most_epochs}.").format(most_epochs=_MOST_EPOCHS)
        )
    check_count(gettext("Concurrency"), concurrency, most=MOST_AT_ONCE)
    if unknown := set(languages) - set(LANGUAGES):
        raise EmptyRunError(
            gettext("Languages are {languages}; {unknown} is none of them.").format(
                languages=", ".join(LANGUAGES), unknown=", ".join(sorted(unknown))
            )
        )
    published = [model.name for model in language_models if model.kind == LanguageModel.Kind.PUBLISHED]
    if published:
        raise RunClosedError(
            gettext("{published}: known only from a publication; it cannot be asked.").format(
                published=", ".join(published)
            )
        )


def _chunks(rows: Iterable[Question]) -> Iterator[list[Question]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk
