"""The judge that is a language model: its request and the strict reading of its reply."""

from __future__ import annotations

import itertools
import re
from typing import Final

from bench.prompts import JUDGE_INSTRUCTION, judge_messages, nonce_of
from bench.scoring.case import JudgeCase, Verdict
from bench.scoring.structured import occurs, outside_fence, outside_later_thoughts, without_thought
from bench.specs import Message

RUBRIC: Final = "gvs-bench-published"
RUBRIC_VERSION: Final = 2
WORDS: Final = {"instruction": JUDGE_INSTRUCTION}
LOWEST, HIGHEST = 0.0, 10.0
_SCORE_LINE: Final = re.compile(r"^[ \t]*Score[ \t]*[:：][ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_OUT_OF_TEN: Final = re.compile(r"(\d{1,2}(?:\.\d+)?)\s*/\s*10(?![\d.,/]*\d)")
_REASON: Final = re.compile(r"^[ \t]*Brief reason[ \t]*[:：][ \t]*(.*)", re.IGNORECASE | re.MULTILINE | re.DOTALL)
_PAIR: Final = re.compile(
    _SCORE_LINE.pattern + r"(?:\s*^[ \t]*Brief reason[ \t]*[:：].*$)?", re.IGNORECASE | re.MULTILINE
)
_LONGEST_REASON, _MOST_COMPARED = 2000, 20
_NO_LINE = "no line beginning with Score:"
#: How the reply is read, as plain data: part of the judge's identity.
READING: Final = {
    "lowest": LOWEST, "highest": HIGHEST, "score_line": _SCORE_LINE.pattern, "out_of_ten": _OUT_OF_TEN.pattern,
    "reason": _REASON.pattern, "pair": _PAIR.pattern, "longest_reason": _LONGEST_REASON, "most_compared": _MOST_COMPARED,
    "counts": "the one score that all score lines give, outside thoughts, unless it stands in the answer with its reason",
}


def request(case: JudgeCase, key: str) -> list[Message]:
    """Return the messages that ask for the verdict kept under ``key``."""
    return judge_messages(case.identity(), case.response, nonce_of(key))


def read_for(reply: str, case: JudgeCase) -> Verdict:
    """Return the verdict in a judge's reply, outside its thoughts and what it repeats of the answer.

    Score and reason that stand word for word in the answer are the answer's, not the judge's.
    """
    text = outside_fence(without_thought(reply))
    verdict = read_verdict(text)
    if verdict.value is None:
        return _missing(_NO_LINE) if reply.strip() and not text.strip() else verdict
    said = itertools.islice(dict.fromkeys(found[0] for found in _PAIR.finditer(text)), _MOST_COMPARED)
    return verdict if any(not occurs(each, case.response) for each in said) else _missing("the verdict is one that stands in the answer itself")


def read_verdict(text: str) -> Verdict:
    r"""Return the verdict in a judge's reply.

    Only lines that begin with ``Score:`` count; each must be a number from 0 to 10 out of 10, and all the same. A
    reply with two scores, one of them quoted or a draft, has none: nobody can tell which is meant. It is missing,
    with the reason, and never 0. The word "error" in a reason means nothing.

    Examples
    --------
    >>> read_verdict("Score: 7.5/10\nBrief reason: an error was avoided.").value
    7.5
    >>> read_verdict("7/10").missing_reason
    'no line beginning with Score:'
    >>> read_verdict("Score: 10/10\nScore: 1/10").missing_reason
    'the score lines differ'
    """
    lines = list(_SCORE_LINE.finditer(text))
    if not _SCORE_LINE.search(outside_later_thoughts(text)):
        return _missing(_NO_LINE if text.strip() else "empty reply")
    values = []
    for line in lines:
        number = _OUT_OF_TEN.match(line[1])
        if number is None:
            return _missing(f"the score line is not x/10: {line[1].strip()[:80]}")
        if not LOWEST <= float(number[1]) <= HIGHEST:
            return _missing(f"the score {number[1]} is not between 0 and 10")
        values.append(float(number[1]))
    if len(set(values)) > 1:
        return _missing("the score lines differ")
    reason = _REASON.search(text)
    words = reason[1] if reason else text[lines[0].end():]
    return Verdict(value=values[0], reason=words.strip()[:_LONGEST_REASON])


def _missing(reason: str) -> Verdict:
    return Verdict(value=None, missing_reason=reason)
