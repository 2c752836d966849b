"""Specifications as frozen values, and the content keys under which answers and verdicts are kept.

What changes an answer is in the key (endpoint, model name, messages, generation settings, epoch); what does
not (the variable that holds the key, prices, concurrency, timeout, what the endpoint calls the token limit) is left
out. A verdict's key has the judge's whole configuration, what it reads, and whose answer. The seed of a run is part
of the configuration of those judges that it makes ask in another order (:class:`JudgeSpec`), and of nothing else: a
run with another seed asks their verdicts anew, and no answer and no other verdict.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

Message = dict[str, Any]


def canonical_json(value: Any) -> str:
    """Return ``value`` as JSON with sorted keys, no blanks and no escapes, so that equal data is equal text.

    Raises
    ------
    ValueError
        A number is not finite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str) -> str:
    """Return the SHA-256 of ``text`` in UTF-8, in hexadecimal; lone surrogates are kept apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """How an answer is drawn; the defaults are those of the published GVS-Bench generator.

    A temperature or nucleus of None is not sent, and left to the endpoint: some models refuse any.
    """

    temperature: float | None = 0.7
    top_p: float | None = 0.9
    max_tokens: int = 2000
    seed: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the settings that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GenerationConfig:
        """Return the settings that :meth:`as_json` wrote: what it left out is not set."""
        return cls(**{"temperature": None, "top_p": None, **data})


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Who is asked: an endpoint (``base_url`` and the name it knows), a built-in policy, or a recording.

    Of a recording ``model`` is who really answered, and ``recording`` the SHA-256 of the file. Of an endpoint that
    makes images, speech or videos, ``output`` says which, and ``options`` how.
    """

    kind: str
    model: str = ""
    base_url: str = ""
    version: int | None = None
    recording: str = ""
    output: str = ""
    options: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what identifies the model."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None, {})}


@dataclass(frozen=True, kw_only=True)
class JudgeSpec:
    """Who judges, with which rubric and settings; its hash is the judge's identity.

    Of a judge that reads a framework, ``seed`` draws the order in which the dimensions are named: it is part of the
    identity, which is part of each verdict's key, from which the order is drawn.
    """

    kind: str
    rubric: str
    rubric_version: int
    rubric_sha256: str = ""
    repairs: int = 0
    model: ModelSpec | None = None
    generation: GenerationConfig | None = None
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return everything that matters for a verdict."""
        data: dict[str, Any] = {"kind": self.kind, "rubric": self.rubric, "rubric_version": self.rubric_version}
        if self.rubric_sha256:
            data["rubric_sha256"] = self.rubric_sha256
        if self.repairs:
            data["repairs"] = self.repairs
        if self.model is not None:
            data["model"] = self.model.as_json()
        if self.generation is not None:
            data["generation"] = self.generation.as_json()
        if self.seed:
            data["seed"] = self.seed
        return data

    @cached_property
    def sha256(self) -> str:
        """The judge's identity."""
        return sha256(canonical_json(self.as_json()))


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A whole run, frozen before the first call.

    ``seed`` is that of the judges among ``judges`` whose requests have an order that is drawn; it changes nothing else.
    """

    release_sha256: str
    models: Sequence[ModelSpec]
    judges: Sequence[JudgeSpec]
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    epochs: int = 1
    languages: Sequence[str] = ("en",)
    seed: int = 0
    budget_usd: str | None = None
    max_calls: int | None = None
    panel: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the specification as plain data."""
        data: dict[str, Any] = {
            "release_sha256": self.release_sha256,
            "models": [model.as_json() for model in self.models],
            "judges": [judge.as_json() for judge in self.judges],
            "generation": self.generation.as_json(),
            "epochs": self.epochs,
            "languages": list(self.languages),
            "seed": self.seed,
        }
        if self.budget_usd is not None:
            data["budget_usd"] = self.budget_usd
        if self.max_calls is not None:
            data["max_calls"] = self.max_calls
        if self.panel:
            data["panel"] = dict(self.panel)
        return data

    @property
    def sha256(self) -> str:
        """The hash that names this specification."""
        return sha256(canonical_json(self.as_json()))


def response_key(
    model: ModelSpec,
    messages: Sequence[Message],
    generation: GenerationConfig,
    epoch: int,
    *,
    series: int = 1,
) -> str:
    """Return the key of an answer: same key, same question to the same model.

    ``series`` counts from 1 how often the question was put anew after all calls of a series failed.
    """
    data: dict[str, Any] = {
        "model": model.as_json(), "messages": list(messages), "generation": generation.as_json(), "epoch": epoch,
    }
    return _key(data, series)


def judgement_key(
    judge: JudgeSpec, case: Mapping[str, Any], answer_key: str, answer_sha256: str, *, series: int = 1
) -> str:
    """Return the key of a verdict: the hash of the judge's whole configuration, what it reads, whose answer, its hash.

    The answer's own key is part of it: two answers of the same words (two epochs, two models that refuse alike)
    are judged apart, so that a judge's noise stays visible and each verdict leads to one answer.
    """
    data = {"judge": judge.sha256, "case": dict(case), "answer": answer_key, "sha256": answer_sha256}
    return _key(data, series)


def verdict_key_in(release_sha256: str, key: str) -> str:
    """Return the key of the verdict ``key`` where a later release holds the same item: there it is kept again."""
    return sha256(canonical_json({"release": release_sha256, "verdict": key}))


def _key(data: dict[str, Any], series: int) -> str:
    if series > 1:
        data["series"] = series
    return sha256(canonical_json(data))
