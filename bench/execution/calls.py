"""What travels between the engine and whoever keeps the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.providers.base import Completion
from bench.specs import GenerationConfig, Message


@dataclass(kw_only=True, slots=True)
class Call:
    """One question to one endpoint; ``key`` names the record it settles.

    Parameters
    ----------
    kind : str
        ``response`` or ``judgement``.
    lane : str
        Which endpoint's queue it waits in.
    client : str
        Which client of that lane asks.
    asked : str
        As what its progress is counted: ``subject-`` or ``judge-`` and a number.
    attempts : int
        Calls already sent for this record, over all runs and resumptions.
    context : object
        What the recorder needs back; the engine does not look at it.
    response_format : dict, optional
        A JSON Schema to hold the answer to, where the endpoint can.
    """

    key: str
    kind: str
    lane: str
    client: str
    messages: Sequence[Message]
    generation: GenerationConfig
    asked: str = ""
    epoch: int = 1
    attempts: int = 0
    context: Any = None
    response_format: dict[str, Any] | None = None
    failures: int = field(default=0, repr=False)
    rate_limits: int = field(default=0, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedCall:
    """One call that gave no answer; another may follow."""

    call: Call
    number: int
    outcome: str
    message: str
    at: float
    http_status: int | None = None
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The end of a question: an answer, a refusal by the provider, or no answer after all retries.

    Parameters
    ----------
    call : Call
        Its ``attempts`` now counts this call too.
    completion : Completion or None
        None where there is no answer.
    outcome : str
        answered, refused_by_provider, or failed.
    error : str
        Why there is none.
    seconds : float
        How long the last call took; None where nobody waited for it.
    at : float
        When, in seconds since 1970.
    """

    call: Call
    completion: Completion | None
    outcome: str
    error: str
    seconds: float | None
    at: float


Event = FailedCall | Settled


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some work; ``is_last`` where no more will come for this lane, however long one waits."""

    calls: Sequence[Call] = ()
    is_last: bool = False
