"""From a row of a language model or judge to its specification, its client and its queue."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bench.execution.lane import LaneSpec
from bench.execution.limits import Price
from bench.execution.prices import PricePerOutput
from bench.files.kinds import IMAGE, SPEECH, VIDEO
from bench.media_store import media_store
from bench.models import Judge, LanguageModel
from bench.providers import scripted
from bench.providers.base import LanguageModelClient
from bench.providers.chat_with_media import ChatClient
from bench.providers.image_generation import ImageClient
from bench.providers.media_endpoint import MediaEndpointClient
from bench.providers.openai_compatible import DEFAULT_KEY_VARIABLE, read_key
from bench.providers.speech import SpeechClient
from bench.providers.video import VideoClient
from bench.specs import ModelSpec

IN_PROCESS = "in process"
_ASKED_HERE = (LanguageModel.Kind.BASELINE, LanguageModel.Kind.RECORDED)
#: What a model produces -> who asks for it; all others are asked for text.
_MAKERS: dict[str, type[MediaEndpointClient]] = {IMAGE: ImageClient, SPEECH: SpeechClient, VIDEO: VideoClient}
_START = 20


def model_spec(language_model: LanguageModel) -> ModelSpec:
    """Return what identifies ``language_model`` in a specification."""
    if language_model.kind == LanguageModel.Kind.BASELINE:
        return ModelSpec(kind="baseline", model=language_model.model_identifier, version=scripted.VERSION)
    if language_model.kind == LanguageModel.Kind.RECORDED:
        return ModelSpec(
            kind="recorded", model=language_model.recorded_from, recording=language_model.recording_sha256
        )
    makes_files = language_model.output != LanguageModel.Output.TEXT
    return ModelSpec(
        kind="endpoint", model=language_model.model_identifier, base_url=language_model.base_url.rstrip("/"),
        output=language_model.output if makes_files else "",
        options=dict(language_model.output_options) if makes_files else None,
    )


def lane_name(language_model: LanguageModel) -> str:
    """Return the queue of ``language_model``: one for each address and key, as providers count."""
    if language_model.kind in _ASKED_HERE:
        return IN_PROCESS
    return f"{language_model.base_url.rstrip('/')}#{language_model.key_variable or DEFAULT_KEY_VARIABLE}"


def client_of(language_model: LanguageModel, *, connections: int, timeout: float) -> LanguageModelClient:
    """Return a new client."""
    if language_model.kind == LanguageModel.Kind.BASELINE:
        return scripted.ScriptedClient(language_model.model_identifier)
    endpoint: dict[str, Any] = {
        "base_url": language_model.base_url.rstrip("/"), "model": language_model.model_identifier,
        "key_variable": language_model.key_variable, "connections": connections, "timeout": timeout,
        "store": media_store(),
    }
    makes = _MAKERS.get(language_model.output)
    if makes is not None:
        return makes(**endpoint, options=language_model.output_options)
    return ChatClient(**endpoint, token_limit=language_model.token_limit)


def asked_models(language_models: Iterable[LanguageModel], judges: Iterable[Judge]) -> list[LanguageModel]:
    """Return every model a run asks, as subject or as judge, each once."""
    found = {model.pk: model for model in language_models}
    for judge in judges:
        if judge.language_model is not None:
            found.setdefault(judge.language_model.pk, judge.language_model)
    return list(found.values())


def lanes_of(
    language_models: Iterable[LanguageModel], *, concurrency: int | None, timeout: float
) -> dict[str, LaneSpec]:
    """Return the queues for these models; clients are named by the models' primary keys.

    Raises
    ------
    MissingKeyError
        A model's key is not in the environment; no connection has been opened then.
    """
    grouped: dict[str, list[LanguageModel]] = {}
    for language_model in language_models:
        if language_model.kind == LanguageModel.Kind.ENDPOINT:
            read_key(language_model.key_variable, language_model.name)
        members = grouped.setdefault(lane_name(language_model), [])
        if language_model.kind != LanguageModel.Kind.RECORDED:  # all it has to say is read before anybody is asked
            members.append(language_model)
    lanes = {}
    for name, members in grouped.items():
        most = concurrency or max((member.max_concurrency for member in members), default=1)
        clients = {str(each.pk): client_of(each, connections=most, timeout=timeout) for each in members}
        lanes[name] = LaneSpec(clients=clients, most_concurrent=most, start_concurrent=min(_START, most))
    return lanes


def price_of(language_model: LanguageModel) -> Price | None:
    """Return the price; zero for what answers in this process, None where nobody gave one."""
    if language_model.kind in _ASKED_HERE:
        return Price(input_usd=Decimal(0), output_usd=Decimal(0))
    if language_model.output != LanguageModel.Output.TEXT:
        per_output = language_model.price_per_output
        return None if per_output is None else PricePerOutput.of_one(per_output)
    if language_model.input_price is None or language_model.output_price is None:
        return None
    return Price(input_usd=language_model.input_price, output_usd=language_model.output_price)
