"""Verdicts as JSON: the shape that is asked for, reading what came back, asking again for what cannot be read.

Reading goes from strict to tolerant: the whole reply as JSON; the last JSON object in it that has the wanted
members (code fences and text around it do no harm); then patterns, which each rubric has for itself.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from bench.specs import Message

#: How often a reply that cannot be read is asked for again.
MOST_REPAIRS: Final = 2
REPAIR: Final = {
    "en": (
        "Your reply could not be read: {problem}. Rate the same answer again and reply with the one JSON object that "
        "was asked for and nothing else: no code fence, no text before or after it."
    ),
    "zh": "你的回复无法读取：{problem}。请重新评定同一回答，只回复所要求的一个 JSON 对象，前后不加任何文字或代码围栏。",
}
_LONGEST_READ: Final = 50_000
_LONGEST_SHOWN: Final = 2_000
_ECHO: Final = re.compile(
    r"^[ \t>*`]*={3,}[ \t]*BEGIN ANSWER\b.*?^[ \t>*`]*={3,}[ \t]*END ANSWER\b[^\n]*$",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_OPENED: Final = r"<(think|thinking|thought|thoughts|reasoning|scratchpad)>"
_THOUGHT: Final = re.compile(rf"\s*{_OPENED}(?:.*?</\1>|.*)", re.IGNORECASE | re.DOTALL)
_LATER_THOUGHT: Final = re.compile(_OPENED, re.IGNORECASE)
_ENDED: Final = re.compile(_OPENED.replace("<", "</", 1), re.IGNORECASE)
_QUOTES: Final = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})
_AROUND: Final = "\"'「」『』…. "
#: Reasons of the provider why a reply holds no whole verdict; asking again changes nothing.
STOPPED: Final[Mapping[str, str]] = {
    "length": "length: the judge's reply was cut at its length limit",
    "content_filter": "content_filter: the provider's filter stopped the judge's reply",
    "refusal": "refusal: the judge declined to give a verdict",
}


#: How any reply is read, as plain data; part of the identity of every judge that is asked.
READING: Final = {
    "echo": _ECHO.pattern, "thought": _THOUGHT.pattern, "later_thought": _LATER_THOUGHT.pattern,
    "ended": _ENDED.pattern,
    "longest_read": _LONGEST_READ, "longest_shown": _LONGEST_SHOWN, "around_quotes": _AROUND, "stopped": dict(STOPPED),
}


class Unread(NamedTuple):
    """A reply that could not be read, and why."""

    reply: str
    problem: str


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field that asks an OpenAI-compatible endpoint to keep to ``schema``."""
    return {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": dict(schema)}}


def closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has exactly these members, in this order."""
    return {
        "type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False,
    }


def outside_fence(reply: str) -> str:
    r"""Return a judge's reply without what it repeats of the fenced answer.

    Examples
    --------
    >>> outside_fence("===== BEGIN ANSWER X =====\nScore: 10/10\n===== END ANSWER X =====\nScore: 2/10").strip()
    'Score: 2/10'
    """
    return _ECHO.sub("", reply)


def without_thought(reply: str) -> str:
    r"""Return a reply without the thoughts that it begins with; nothing where they never end.

    The first end of them counts: what a model thinks about may hold another one.

    Examples
    --------
    >>> without_thought("<think>Score: 9/10?</think>\nScore: 2/10").strip(), without_thought("<think>Score: 9/10")
    ('Score: 2/10', '')
    """
    thought = _THOUGHT.match(reply)
    return reply[thought.end():] if thought else reply


def outside_later_thoughts(text: str) -> str:
    """Return ``text`` without what stands between a sign that thoughts begin and one that they end.

    A sign that they end where none began ends what stands before it: some servers leave out the first sign.

    Examples
    --------
    >>> outside_later_thoughts("7? <think>8?</think> 9"), outside_later_thoughts("8? </think> 9")
    ('7?  9', ' 9')
    """
    lowered, kept, at = text.lower(), [], 0
    never_ended: set[str] = set()
    for opened in _LATER_THOUGHT.finditer(text):
        name = opened[1].lower()
        if opened.start() < at or name in never_ended:
            continue
        end = lowered.find(f"</{name}>", opened.end())
        if end < 0:
            never_ended.add(name)
            continue
        kept.append(text[at:opened.start()])
        at = end + len(name) + 3
    rest = "".join([*kept, text[at:]])
    ends = [found.end() for found in _ENDED.finditer(rest)]
    return rest[ends[-1]:] if ends else rest


def objects_in(reply: str) -> list[dict[str, Any]]:
    r"""Return the outermost JSON objects in ``reply``, in order; the only one where the whole reply is JSON.

    Examples
    --------
    >>> objects_in('Here: ```json\n{"score": 3}\n``` and {"score": 4}.')
    [{'score': 3}, {'score': 4}]
    >>> objects_in("{score: 3}")
    []
    """
    text = reply.strip()[-_LONGEST_READ:]
    whole = _decoded(text)
    if whole is not None:
        return [whole]
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    found: list[dict[str, Any]] = []
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(value, dict):
                found.append(value)
        at = text.find("{", end)
    return found


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def whole_number(value: Any, low: int, high: int) -> int | None:
    """Return ``value`` as a whole number from ``low`` to ``high``, else None; true, 7.5 and "seven" are none.

    Examples
    --------
    >>> [whole_number(value, 0, 10) for value in (7, 7.0, "7", 7.5, True, 11, -1, "7/10", None)]
    [7, 7, 7, None, None, None, None, None, None]
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if re.fullmatch(r"-?[0-9]{1,4}", text) else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and low <= value <= high else None


def same_words(text: str) -> str:
    """Return ``text`` with what a copyist may change without changing words: spaces, quotes, Unicode forms."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_QUOTES).split())


def occurs(quote: str, *texts: str) -> bool:
    """Return whether ``quote`` stands word for word in one of ``texts``; an empty quote does not.

    Examples
    --------
    >>> occurs("“be  kind”", "Always be kind."), occurs("be cruel", "Always be kind."), occurs(" ", "Always be kind.")
    (True, False, False)
    """
    wanted = same_words(quote).strip(_AROUND)
    return bool(wanted) and any(wanted in same_words(text) for text in texts)


def repair_messages(asked: Sequence[Message], unread: Sequence[Unread], language: str) -> list[Message]:
    """Return the request with each unreadable reply and what was wrong with it."""
    words = REPAIR["zh" if language == "zh" else "en"]
    messages = list(asked)
    for reply, problem in unread:
        messages.append({"role": "assistant", "content": reply[:_LONGEST_SHOWN] or "(empty)"})
        messages.append({"role": "user", "content": words.replace("{problem}", problem)})
    return messages


def stopped_reason(finish_reason: str, *, refused: bool) -> str:
    """Return why a reply holds no whole verdict, by the reason the provider gives; "" where it may hold one."""
    return STOPPED["refusal"] if refused else STOPPED.get(finish_reason, "")
