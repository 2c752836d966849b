"""What a run would send, cost and be able to show, before anything is sent. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Length

from bench.actions.create_run import create_run
from bench.actions.open_judgements import GIVEN_UP
from bench.actions.register_language_model import rubric_word
from bench.endpoints import price_of
from bench.execution.prices import PricePerOutput
from bench.execution_session import JUDGEABLE
from bench.files.kinds import IMAGE, SPEECH, TEXT, VIDEO
from bench.left_out import LeftOutLine, left_out_lines
from bench.models import Judge, Judgement, LanguageModel, Response, Run, Trial
from bench.prompts import files_of, text_of
from bench.recordings import Question as Recorded
from bench.recordings import recorded_answers
from bench.run_power import NO_POWER, Power, power_of
from bench.scoring import ITEM_SYSTEM, RUBRICS
from bench.specs import Message, sha256

#: Answers that are there.
_ANSWERED: Final = (
    Response.State.ANSWERED, Response.State.LENGTH, Response.State.REFUSED, Response.State.CONTENT_FILTER,
)
#: Rough size of a model's answer in tokens, and seconds a call takes.
_ANSWER_TOKENS, _SECONDS = 400, 5.0
#: Rough size of a verdict: two lines, a JSON object, a JSON object with each dimension.
_VERDICT_TOKENS, _OBJECT_TOKENS, _DIMENSION_TOKENS = 60, 80, 35
#: Facts of the incident and one category's anchors, which an anchored judge reads.
_FACTS_TOKENS = 500
_BYTES_PER_TOKEN = 3.5
#: An image of ordinary size, with the providers known here.
_IMAGE_TOKENS = 1200
#: What a model produces -> what a judge must accept.
_SHOWN_AS: Final = {IMAGE: "image", SPEECH: "audio", VIDEO: "video"}
#: How the tokens of a plan were estimated.
HOW_TOKENS: Final = (
    f"estimate: a token for every {_BYTES_PER_TOKEN} bytes of a prompt, {_ANSWER_TOKENS} for an answer, "
    f"{_VERDICT_TOKENS} and more for a verdict by its rubric"
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An estimate; ``prompt_tokens`` and ``completion_tokens`` are rough, ``calls`` is exact if none fails."""

    items: int
    left_out: int
    trials: int
    answered_already: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    seconds: float
    power: Power | None
    left_out_by_model: tuple[LeftOutLine, ...] = ()
    judges: tuple[Judge, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "dry_run": True, "judges": [{"judge": judge.name, "rubric": rubric_word(judge)} for judge in self.judges],
            "items": self.items, "left_out": self.left_out, "trials": self.trials,
            "answered_already": self.answered_already, "calls": self.calls,
            "tokens": {"prompt": self.prompt_tokens, "completion": self.completion_tokens, "how": HOW_TOKENS},
            "cost_usd": None if self.cost_usd is None else round(float(self.cost_usd), 4),
            "seconds": round(self.seconds, 1),
            **(NO_POWER if self.power is None else self.power.as_json()),
            "left_out_by_model": [
                {"model": line.model, "items": line.items, "why": line.sentence()} for line in self.left_out_by_model
            ],
        }


class _Asked(NamedTuple):
    """A trial of a run, and what there is of its answer."""

    trial: int
    item: str
    language: str
    epoch: int
    response: int
    state: str
    messages: list[Message]
    length: int

    @property
    def is_pending(self) -> bool:
        """Whether its answer is still to come."""
        return self.state == Response.State.PENDING


def plan_run(*, concurrency: int | None = None, **arguments: Any) -> Plan:
    """Return what the run of these arguments of :func:`bench.actions.create_run.create_run` would send.

    The run is made, looked at and taken back: what is counted is what would be asked.
    """
    with transaction.atomic():
        plan = plan_missing(create_run(concurrency=concurrency, actor=None, **arguments))
        transaction.set_rollback(True)
    return plan


def plan_missing(run: Run) -> Plan:
    """Return what ``run`` still lacks: answers that are not there, and verdicts on them and on those that are."""
    language_models = list(run.language_models.order_by("pk"))
    seated = tuple(run.judges.select_related("language_model").order_by("pk"))
    judges = [judge for judge in seated if judge.language_model]
    bill = _Bill(run.concurrency)
    trials, answered = 0, 0
    for language_model in language_models:
        asked = _trials(run, language_model)
        trials += len(asked)
        answered += sum(each.state in _ANSWERED for each in asked)
        if language_model.kind == LanguageModel.Kind.RECORDED:
            on_record = _on_record(language_model, asked)
            answered += sum(each.is_pending and each.trial in on_record for each in asked)
            asked = [each for each in asked if not each.is_pending or each.trial in on_record]
        if language_model.kind == LanguageModel.Kind.ENDPOINT:
            to_ask = {each.response: prompt_tokens(each.messages) for each in asked if each.is_pending}
            said = _ANSWER_TOKENS if language_model.output == TEXT else 0
            bill.add(language_model, len(to_ask), sum(to_ask.values()), said * len(to_ask))
        for judge in judges:
            _bill_verdicts(bill, run, language_model, judge, asked)
    release, spec = run.release, run.spec
    n_items = Trial.objects.filter(run=run).values("release_item").distinct().count()
    return Plan(
        items=n_items, left_out=release.release_items.count() - n_items, trials=trials, answered_already=answered,
        calls=bill.calls, prompt_tokens=bill.prompt, completion_tokens=bill.completion, cost_usd=bill.cost,
        seconds=max(bill.seconds.values(), default=0.0), power=power_of(run),
        left_out_by_model=tuple(left_out_lines(release, language_models, languages=spec["languages"])), judges=seated,
    )


def _trials(run: Run, language_model: LanguageModel) -> list[_Asked]:
    rows = Trial.objects.filter(run=run, language_model=language_model).order_by("pk").values_list(
        "pk", "release_item__content__id", "language", "epoch", "response_id", "response__state", "response__messages",
        Length("response__text"),
    )
    return [_Asked(*row) for row in rows.iterator(chunk_size=500)]


def _bill_verdicts(
    bill: _Bill, run: Run, language_model: LanguageModel, judge: Judge, asked: Sequence[_Asked]
) -> None:
    """Add the verdicts of ``judge`` that are lacking: on answers to come, and on those that are there."""
    if judge.language_model is None or not can_judge(language_model, judge.language_model, judge.config.get("rubric", "")):
        return
    given = Judgement.objects.filter(
        ~Q(state__in=[*GIVEN_UP, Judgement.State.PENDING]) | Q(state__in=GIVEN_UP, executor__run=run),
        judge=judge, response=OuterRef("response"), release_item=OuterRef("release_item"), language=OuterRef("language"),
    )
    lacking = set(
        Trial.objects.filter(run=run, language_model=language_model)
        .filter(Q(response__state=Response.State.PENDING) | Q(response__state__in=JUDGEABLE))
        .filter(~Exists(given)).values_list("pk", flat=True)
    )
    told, said = verdict_tokens(judge)
    to_ask = [
        each for each in asked
        if each.trial in lacking and (each.is_pending or each.length or language_model.output != TEXT)
        and all(file.kind in judge.language_model.accepted for file in files_of(each.messages))
    ]
    read = sum(
        prompt_tokens(each.messages) + told + (_ANSWER_TOKENS if each.is_pending else int(each.length / _BYTES_PER_TOKEN))
        for each in to_ask
    )
    bill.add(judge.language_model, len(to_ask), read, said * len(to_ask))


class _Bill:
    """What calls add up to."""

    def __init__(self, concurrency: int | None) -> None:
        self.calls = self.prompt = self.completion = 0
        self.cost: Decimal | None = Decimal(0)
        self.seconds: dict[str, float] = {}
        self._concurrency = concurrency

    def add(self, language_model: LanguageModel, calls: int, prompt: int, completion: int) -> None:
        """Add ``calls`` to one model."""
        if not calls:
            return
        self.calls, self.prompt, self.completion = self.calls + calls, self.prompt + prompt, self.completion + completion
        self.cost = _add(self.cost, language_model, prompt, completion, calls)
        _take(self.seconds, language_model, calls, self._concurrency)


def prompt_tokens(messages: Sequence[Message]) -> int:
    """Return about how many tokens a question has, with the images it shows."""
    words = sum(len(text_of(message).encode()) for message in messages)
    return int(words / _BYTES_PER_TOKEN) + _IMAGE_TOKENS * len(files_of(messages))


def verdict_tokens(judge: Judge) -> tuple[int, int]:
    """Return about how many tokens ``judge`` is told besides the answer, and says."""
    rubric = RUBRICS.get(judge.config.get("rubric", ""))
    if rubric is None:
        return 0, _VERDICT_TOKENS
    told = int(len(rubric.words.get("instruction", {}).get("en", "")) / _BYTES_PER_TOKEN)
    framework = rubric.words.get("framework")
    if framework is not None:
        size = sum(len(each["definition"]["en"]) + 2 * len(each["name"]["en"]) for each in framework["dimensions"])
        return told + int(size / _BYTES_PER_TOKEN), _DIMENSION_TOKENS * len(framework["dimensions"])
    if rubric.reads_facts:
        return told + _FACTS_TOKENS, _OBJECT_TOKENS
    return told, _VERDICT_TOKENS


def _on_record(language_model: LanguageModel, asked: Sequence[_Asked]) -> set[int]:
    """Return the trials whose question the recording answers."""
    found: set[int] = set()
    waiting = [each for each in asked if each.is_pending]
    for start in range(0, len(waiting), 500):
        named = {
            each.trial: Recorded(str(each.item), sha256(text_of(each.messages[-1])), each.language, each.epoch)
            for each in waiting[start : start + 500]
        }
        answers = recorded_answers(language_model, list(named.values()))
        found |= {trial for trial, question in named.items() if question in answers}
    return found


def can_judge(language_model: LanguageModel, judge: LanguageModel, rubric: str) -> bool:
    """Return whether ``judge`` can be sent what ``language_model`` produces."""
    if language_model.output == TEXT:
        return True
    reads_words = rubric in RUBRICS and RUBRICS[rubric].system != ITEM_SYSTEM
    return _SHOWN_AS[language_model.output] in judge.accepted and not reads_words


def _add(
    cost: Decimal | None, language_model: LanguageModel, prompt: int, completion: int, calls: int
) -> Decimal | None:
    price = price_of(language_model)
    if cost is None or price is None:
        return None
    return cost + (price.per_output * calls if isinstance(price, PricePerOutput) else price.of(prompt, completion))


def _take(seconds: dict[str, float], language_model: LanguageModel, calls: int, concurrency: int | None) -> None:
    at_once = concurrency or language_model.max_concurrency
    seconds[language_model.base_url] = seconds.get(language_model.base_url, 0.0) + calls * _SECONDS / at_once
