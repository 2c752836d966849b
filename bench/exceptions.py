"""What can go wrong in a run: refusals of the whole run, and failures of one call."""

from __future__ import annotations

from typing import ClassVar

from gvsir.exceptions import GvsirError


class BenchError(GvsirError):
    """A run, a model or a judge was refused."""

    code = "bench_refused"


class UnknownNameError(BenchError):
    """A model, judge, policy or release of this name does not exist."""

    code = "unknown_name"


class BadWeightsError(GvsirError):
    """Weights are not numbers from 0 up, name no dimension, or are all 0."""

    code = "bad_weights"


class BadEndpointError(BenchError):
    """An endpoint's address or key variable is not acceptable."""

    code = "bad_endpoint"


class EmptyRunError(BenchError):
    """A run would have nothing to ask."""

    code = "empty_run"


class BadNumberError(BenchError):
    """A number is outside what a run or a model may have."""

    code = "bad_number"


class RunBusyError(BenchError):
    """Another process executes this run and shows signs of life."""

    code = "run_busy"


class RunClosedError(BenchError):
    """The run is cancelled, finished or cited; this cannot be done to it."""

    code = "run_closed"


class NothingFailedError(BenchError):
    """There is nothing to put again."""

    code = "nothing_failed"


class MissingReasonError(BenchError):
    """The log keeps why this was done, and nobody said."""

    code = "missing_reason"


class MissingPriceError(BenchError):
    """A budget was set, but a model has no price."""

    code = "missing_price"


class MissingKeyError(BenchError):
    """The environment variable that should hold a key is not set."""

    code = "missing_key"


class BadPanelError(BenchError):
    """Votes cannot be made into a headline by this rule."""

    code = "bad_panel"


class BatchError(BenchError):
    """A batch API refused something, or batches that were sent are not read in."""

    code = "batch_refused"


class BadMediaError(BenchError):
    """A file is not the image, audio or video it should be, or too large."""

    code = "bad_media"


class MissingMediaError(BenchError):
    """A file that a record names is not in the media folder."""

    code = "missing_media"


class CallError(GvsirError):
    """One call gave no answer.

    Parameters
    ----------
    message : str
        What came back, in a sentence; never a key.
    http_status : int, optional
        The status code, where there was one.
    retry_after : float, optional
        Seconds the server asked to wait.
    """

    code = "call_failed"
    outcome: ClassVar[str] = "failed"
    is_permanent: ClassVar[bool] = False
    may_be_charged: ClassVar[bool] = False

    def __init__(self, message: str, *, http_status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.retry_after = retry_after


class RateLimitedError(CallError):
    """429: too many calls."""

    outcome = "rate_limited"


class ServerError(CallError):
    """5xx, or a server that answers nonsense about itself."""

    outcome = "server_error"


class DroppedConnectionError(CallError):
    """The connection could not be made or was lost."""

    outcome = "dropped"
    may_be_charged = True


class CallTimeoutError(CallError):
    """No answer in time."""

    outcome = "timeout"
    may_be_charged = True


class MalformedReplyError(CallError):
    """A 200 whose body is not the JSON of a chat completion."""

    outcome = "malformed"
    may_be_charged = True


class RefusedByProviderError(CallError):
    """The provider's policy refused the request; asking again changes nothing."""

    outcome = "refused_by_provider"
    is_permanent = True


class ClientRequestError(CallError):
    """A 4xx that asking again does not cure: wrong key, wrong model name, bad request."""

    outcome = "request_refused"
    is_permanent = True


class KeyRefusedError(ClientRequestError):
    """401 or 403: the key is wrong, or not allowed to ask this model; no question can be answered with it."""

    outcome = "key_refused"


class QuotaSpentError(ClientRequestError):
    """402, or 429 of an account without money: waiting does not help."""

    outcome = "quota_spent"


class BrokenOffError(CallError):
    """The provider says itself that it broke the answer off; what came of it is no answer."""

    outcome = "broken_off"
    may_be_charged = True


class SchemaRefusedError(CallError):
    """A 4xx to a request with a JSON Schema; the endpoint may well answer the same request without one."""

    outcome = "schema_refused"


#: Outcomes of calls that gave no answer and may be charged all the same: the server may have done its work.
MAY_BE_CHARGED = frozenset(error.outcome for error in CallError.__subclasses__() if error.may_be_charged)
