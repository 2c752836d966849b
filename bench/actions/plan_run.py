"""What a run would send, cost and be able to show, before anything is sent. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from bench.actions.create_run import questions
from bench.endpoints import model_spec, price_of
from bench.execution.prices import PricePerOutput
from bench.files.kinds import IMAGE, SPEECH, TEXT, VIDEO
from bench.left_out import LeftOutLine, left_out_lines
from bench.models import Judge, LanguageModel, Release, Response
from bench.prompts import files_of, text_of
from bench.recordings import Question as Recorded
from bench.recordings import recorded_answers
from bench.scoring import ITEM_SYSTEM, RUBRICS
from bench.specs import GenerationConfig, Message, response_key, sha256

#: Assumed standard deviation, over items, of the difference of two models' scores; no run is needed to know it.
ASSUMED_SD: Final = 3.0
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
    resolvable_difference: float | None
    left_out_by_model: tuple[LeftOutLine, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "dry_run": True, "items": self.items, "left_out": self.left_out, "trials": self.trials,
            "answered_already": self.answered_already, "calls": self.calls,
            "tokens": {"prompt": self.prompt_tokens, "completion": self.completion_tokens, "how": HOW_TOKENS},
            "cost_usd": None if self.cost_usd is None else round(float(self.cost_usd), 4),
            "seconds": round(self.seconds, 1),
            "resolvable_difference": (
                None if self.resolvable_difference is None else round(self.resolvable_difference, 3)
            ),
            "assumed_sd_of_difference": ASSUMED_SD,
            "left_out_by_model": [
                {"model": line.model, "items": line.items, "why": line.sentence()} for line in self.left_out_by_model
            ],
        }


def plan_run(
    *, release: Release, language_models: Sequence[LanguageModel], judges: Sequence[Judge],
    generation: GenerationConfig | None = None, epochs: int = 1, languages: Sequence[str] = ("en",),
    concurrency: int | None = None,
) -> Plan:
    """Return what the run of these arguments would send."""
    from bench.metrics.power import PairedDesign, smallest_difference  # scipy: only a plan needs it

    generation = generation or GenerationConfig()
    specs = {model.pk: model_spec(model) for model in language_models}
    asked: dict[int, list[tuple[str, int]]] = {model.pk: [] for model in language_models}
    items = set()
    replayed: dict[int, list[tuple[str, Recorded]]] = {
        model.pk: [] for model in language_models if model.kind == LanguageModel.Kind.RECORDED
    }
    names = dict(release.release_items.values_list("pk", "content__id")) if replayed else {}
    for question in questions(release, language_models, languages=languages, epochs=epochs):
        items.add(question.release_item_id)
        model = question.language_model.pk
        key = response_key(specs[model], question.messages, generation, question.epoch)
        if model in replayed:
            words = sha256(text_of(question.messages[0]))
            replayed[model].append(
                (key, Recorded(names[question.release_item_id], words, question.language, question.epoch))
            )
        asked[model].append((key, prompt_tokens(question.messages)))
    model_judges = [
        (judge.language_model, *verdict_tokens(judge), str(judge.config.get("rubric", "")))
        for judge in judges if judge.language_model is not None
    ]
    trials = sum(len(each) for each in asked.values())
    known, calls, prompt, completion = 0, 0, 0, 0
    cost: Decimal | None = Decimal(0)
    seconds: dict[str, float] = {}
    for language_model in language_models:
        keys = dict(asked[language_model.pk])
        if language_model.pk in replayed:
            on_record = _on_record(language_model, replayed[language_model.pk])
            keys = {key: tokens for key, tokens in keys.items() if key in on_record}
        had = _answered(list(keys))
        known += len(had)
        if language_model.kind == LanguageModel.Kind.ENDPOINT:
            to_ask = [tokens for key, tokens in keys.items() if key not in had]
            written = _ANSWER_TOKENS * len(to_ask) if language_model.output == TEXT else 0
            cost = _add(cost, language_model, sum(to_ask), written, len(to_ask))
            calls, prompt, completion = calls + len(to_ask), prompt + sum(to_ask), completion + written
            _take(seconds, language_model, len(to_ask), concurrency)
        for judge, told, said in (each[:3] for each in model_judges if can_judge(language_model, *each[::3])):
            read = sum(keys.values()) + len(keys) * (told + _ANSWER_TOKENS)
            cost = _add(cost, judge, read, said * len(keys), len(keys))
            calls, prompt, completion = calls + len(keys), prompt + read, completion + said * len(keys)
            _take(seconds, judge, len(keys), concurrency)
    design = PairedDesign(between=ASSUMED_SD**2)
    return Plan(
        items=len(items), left_out=release.release_items.count() - len(items), trials=trials, answered_already=known,
        calls=calls, prompt_tokens=prompt, completion_tokens=completion, cost_usd=cost,
        seconds=max(seconds.values(), default=0.0),
        resolvable_difference=smallest_difference(design, len(items)) if items else None,
        left_out_by_model=tuple(left_out_lines(release, language_models, languages=languages)),
    )


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


def _on_record(language_model: LanguageModel, asked: Sequence[tuple[str, Recorded]]) -> set[str]:
    """Return the keys of the questions that the recording answers."""
    found: set[str] = set()
    for start in range(0, len(asked), 500):
        part = asked[start : start + 500]
        answers = recorded_answers(language_model, [question for _key, question in part])
        found |= {key for key, question in part if question in answers}
    return found


def _answered(keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), 500):
        rows = Response.objects.filter(key__in=keys[start : start + 500]).exclude(
            state__in=[
                Response.State.PENDING, Response.State.FAILED, Response.State.CANCELLED, Response.State.UNRECORDED,
            ]
        )
        found |= set(rows.values_list("key", flat=True))
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
