"""Files of recorded responses: one JSON object a line, in one of four shapes, told apart by their keys.

Ours (``item`` or ``prompt``, ``response``, and what else is known), pages or rows of ``/api/v1/responses/``,
``samples_*.jsonl`` of lm-eval, and the output file of an OpenAI batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from bench.exceptions import CallError
from bench.providers.openai_compatible import completion_of, storable
from gvsir.exceptions import FormatError

#: A longer line is no answer of a model; it is refused without being read.
LONGEST_LINE: Final = 16_000_000
LONGEST_TEXT: Final = 1_000_000
_LONGEST_NAME, _LONGEST_ITEM, _LONGEST_REASON = 200, 80, 40
_MOST_EPOCHS, _MOST_TOKENS = 100, 2_000_000_000
_LANGUAGES: Final = ("en", "zh")
_OK: Final = 200
_ANSWERED: Final = ("answered", "length")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What was said to one question, or that nothing is on record.

    Parameters
    ----------
    line : int
        Its line, from 1.
    item : str
        Public id of the item; "" where only the prompt is known.
    prompt : str or None
        The exact words that were put; None where only the item is known.
    language : str
        "" where the prompt alone decides.
    text : str or None
        None: the line says that there is no answer.
    model : str
        Who answered; "" where the line does not say.
    """

    line: int
    item: str = ""
    prompt: str | None = None
    language: str = ""
    epoch: int = 1
    text: str | None
    model: str = ""
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _BadFieldError(ValueError):
    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message)
        self.field = field


def read_recorded(stream: BinaryIO, source: str) -> Iterator[Recorded | FormatError]:
    """Yield each recorded response, or what is wrong with its line; blank lines are passed over.

    NUL characters and halves of surrogate pairs in an answer become U+FFFD or "?", as with a live endpoint; in a
    name they are refused.
    """
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            yield FormatError(f"The line is longer than {LONGEST_LINE:,} bytes.", source=source, line=number)
            return
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw.strip():
            continue
        try:
            yield from _records(_parsed(raw), number)
        except _BadFieldError as error:
            yield FormatError(str(error), source=source, line=number, field=error.field)


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise _BadFieldError(None, "It is not UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise _BadFieldError(None, "It is not JSON.") from error
    if not isinstance(data, dict):
        raise _BadFieldError(None, "It is JSON, but no object.")
    return data


def _records(data: dict[str, Any], line: int) -> Iterator[Recorded]:
    for keys, read in _SHAPES.items():
        if keys <= data.keys():
            yield from read(data, line)
            return


# ------------------------------------------------------------------------ shapes


def _ours(data: Mapping[str, Any], line: int) -> Iterator[Recorded]:
    item, prompt = _name(data, "item", _LONGEST_ITEM), _words(data, "prompt")
    if not item and not prompt:
        raise _BadFieldError("item", "Neither an item nor a prompt says what was asked.")
    if "response" not in data:
        raise _BadFieldError("response", "There is no response; null says that none is on record.")
    language = _language(data)
    yield Recorded(
        line=line, item=item, prompt=prompt or None, language=language or ("" if prompt else "en"),
        epoch=_epoch(data), text=_answer(data, "response"), model=_name(data, "model", _LONGEST_NAME),
        finish_reason=_name(data, "finish_reason", _LONGEST_REASON) or "stop",
        prompt_tokens=_tokens(data, "prompt_tokens"), completion_tokens=_tokens(data, "completion_tokens"),
    )


def _page_of_api(data: Mapping[str, Any], line: int) -> Iterator[Recorded]:
    if not isinstance(data["results"], list):
        raise _BadFieldError("results", "It is no list.")
    for row in data["results"]:
        if not isinstance(row, dict) or not row.keys() >= _API_ROW:
            raise _BadFieldError("results", "It holds something that is no response of this API.")
        yield from _row_of_api(row, line)


def _row_of_api(data: Mapping[str, Any], line: int) -> Iterator[Recorded]:
    if data.get("withheld"):
        raise _BadFieldError("text", "The texts are withheld; export them with an account that may see them.")
    try:
        prompt, model = data["messages"][-1]["content"], data["language_model"]["name"]
    except (TypeError, KeyError, IndexError) as error:
        raise _BadFieldError("messages", "It is no response of this API.") from error
    is_answered = data.get("state") in _ANSWERED
    yield Recorded(
        line=line, prompt=_words({"messages": prompt}, "messages"), epoch=_epoch(data),
        text=_answer(data, "text") if is_answered else None,
        model=_name({"language_model": model}, "language_model", 300),
        finish_reason=_name(data, "finish_reason", _LONGEST_REASON) or "stop",
        prompt_tokens=_tokens(data, "prompt_tokens"), completion_tokens=_tokens(data, "completion_tokens"),
    )


def _lm_eval(data: Mapping[str, Any], line: int) -> Iterator[Recorded]:
    """Read a sample: the id of its document names the item, else the prompt in its arguments; repeats are epochs."""
    document = data.get("doc")
    known = document.get("id") if isinstance(document, dict) else None
    item = _name({"doc.id": known}, "doc.id", _LONGEST_ITEM) if isinstance(known, str) else ""
    prompt = None if item else _words({"arguments": _argument(data.get("arguments"))}, "arguments")
    if not item and not prompt:
        raise _BadFieldError("doc_id", "The number alone names no item; doc needs an id, or arguments the prompt.")
    said = data["resps"]
    while isinstance(said, list) and said and isinstance(said[0], list):
        said = said[0]
    if not isinstance(said, list) or not said:
        raise _BadFieldError("resps", "It holds no text.")
    if len(said) > _MOST_EPOCHS:
        raise _BadFieldError("resps", f"There are more than {_MOST_EPOCHS} repeats.")
    given = document.get("language") if isinstance(document, dict) else None
    language = given if given in _LANGUAGES else ""
    for epoch, text in enumerate(said, start=1):
        yield Recorded(
            line=line, item=item, prompt=prompt, language=language or ("en" if item else ""), epoch=epoch,
            text=_answer({"resps": text}, "resps"), model=_name(data, "model", _LONGEST_NAME),
        )


def _argument(arguments: Any) -> Any:
    """Return the prompt among a sample's arguments: a list of pairs, or numbered objects, by version of lm-eval."""
    try:
        if isinstance(arguments, dict):
            return arguments["gen_args_0"]["arg_0"]
        return arguments[0][0]
    except (KeyError, IndexError, TypeError):
        return None


def _batch_output(data: Mapping[str, Any], line: int) -> Iterator[Recorded]:
    """Read a reply: its custom_id is the item, or ``ITEM/LANGUAGE/EPOCH``; one that failed is no answer."""
    item, _, rest = _name(data, "custom_id", _LONGEST_ITEM).partition("/")
    language, _, number = rest.partition("/")
    if not item:
        raise _BadFieldError("custom_id", "It names no item.")
    if number and not (number.isascii() and number.isdecimal() and len(number) < 4):
        raise _BadFieldError("custom_id", "It is no ITEM, and no ITEM/LANGUAGE/EPOCH.")
    place: dict[str, Any] = {
        "line": line, "item": item, "language": _language({"language": language}, "custom_id") or "en",
        "epoch": _epoch({"epoch": int(number or 1)}),
    }
    response = data["response"]
    if not isinstance(response, dict) or response.get("status_code") != _OK:
        yield Recorded(**place, text=None)
        return
    body = response.get("body")
    try:
        completion = completion_of(body)
    except CallError as error:
        raise _BadFieldError("response", str(error)) from error
    yield Recorded(
        **place, text=_answer({"response": completion.text}, "response"),
        model=_name(body, "model", _LONGEST_NAME) if isinstance(body, dict) else "",
        finish_reason=completion.finish_reason or "stop",
        prompt_tokens=_tokens({"usage": completion.prompt_tokens}, "usage"),
        completion_tokens=_tokens({"usage": completion.completion_tokens}, "usage"),
    )


_API_ROW: Final = frozenset({"language_model", "messages", "text"})
#: Keys by which a shape is known -> its reader; the last one fits everything.
_SHAPES: Final[Mapping[frozenset[str], Callable[[Any, int], Iterator[Recorded]]]] = {
    frozenset({"doc_id", "resps"}): _lm_eval,
    frozenset({"custom_id", "response"}): _batch_output,
    frozenset({"next", "results"}): _page_of_api,
    _API_ROW: _row_of_api,
    frozenset(): _ours,
}


# ------------------------------------------------------------------------ fields


def _words(data: Mapping[str, Any], field: str) -> str:
    """Return a text as it is; "" where there is none."""
    value = data.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _BadFieldError(field, "It is no text.")
    if len(value) > LONGEST_TEXT:
        raise _BadFieldError(field, f"It is longer than {LONGEST_TEXT:,} characters.")
    return value


def _answer(data: Mapping[str, Any], field: str) -> str | None:
    return None if data.get(field) is None else storable(_words(data, field))


def _name(data: Mapping[str, Any], field: str, longest: int) -> str:
    value = _words(data, field).strip()
    if len(value) > longest:
        raise _BadFieldError(field, f"It is longer than {longest} characters.")
    if not value.isprintable():
        raise _BadFieldError(field, "It holds a character that cannot be seen.")
    return value


def _language(data: Mapping[str, Any], field: str = "language") -> str:
    language = _words(data, "language")
    if language and language not in _LANGUAGES:
        raise _BadFieldError(field, f"It is none of {', '.join(_LANGUAGES)}.")
    return language


def _epoch(data: Mapping[str, Any]) -> int:
    epoch = data.get("epoch", 1)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 1 <= epoch <= _MOST_EPOCHS:
        raise _BadFieldError("epoch", f"It is no number from 1 to {_MOST_EPOCHS}.")
    return epoch


def _tokens(data: Mapping[str, Any], field: str) -> int | None:
    value = data.get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        raise _BadFieldError(field, "It is no number of tokens.")
    return value
