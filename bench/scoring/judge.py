"""The judge that is a language model: its request and the strict reading of its reply."""

from __future__ import annotations

import re
from typing import Final

from bench.prompts import JUDGE_INSTRUCTION, judge_messages, nonce_of
from bench.scoring.case import JudgeCase, Verdict
from bench.scoring.structured import outside_fence
from bench.specs import Message

RUBRIC: Final = "gvs-bench-published"
RUBRIC_VERSION: Final = 1
WORDS: Final = {"instruction": JUDGE_INSTRUCTION}
LOWEST, HIGHEST = 0.0, 10.0
_SCORE_LINE: Final = re.compile(r"^[ \t]*Score[ \t]*[:：][ \t]*(.*)$", re.IGNORECASE | re.MULTILINE)
_OUT_OF_TEN: Final = re.compile(r"(\d{1,2}(?:\.\d+)?)\s*/\s*10(?![\d.,/]*\d)")
_REASON: Final = re.compile(r"^[ \t]*Brief reason[ \t]*[:：][ \t]*(.*)", re.IGNORECASE | re.MULTILINE | re.DOTALL)
_LONGEST_REASON = 2000


def request(case: JudgeCase, key: str) -> list[Message]:
    """Return the messages that ask for the verdict kept under ``key``."""
    return judge_messages(case.identity(), case.response, nonce_of(key))


def read_for(reply: str, case: JudgeCase) -> Verdict:
    """Return the verdict in a judge's reply, outside what it repeats of the answer."""
    return read_verdict(outside_fence(reply))


def read_verdict(text: str) -> Verdict:
    r"""Return the verdict in a judge's reply.

    Only the first line that begins with ``Score:`` counts; it must be a number from 0 to 10 out of 10. A reply
    whose first such line is anything else has no score: it is missing, with the reason, and never 0. The word
    "error" in a reason means nothing.

    Examples
    --------
    >>> read_verdict("Score: 7.5/10\nBrief reason: an error was avoided.").value
    7.5
    >>> read_verdict("7/10").missing_reason
    'no line beginning with Score:'
    """
    line = _SCORE_LINE.search(text)
    if line is None:
        return Verdict(value=None, missing_reason="no line beginning with Score:" if text.strip() else "empty reply")
    number = _OUT_OF_TEN.match(line[1])
    if number is None:
        return Verdict(value=None, missing_reason=f"the score line is not x/10: {line[1].strip()[:80]}")
    value = float(number[1])
    if not LOWEST <= value <= HIGHEST:
        return Verdict(value=None, missing_reason=f"the score {number[1]} is not between 0 and 10")
    reason = _REASON.search(text)
    words = reason[1] if reason else text[line.end():]
    return Verdict(value=value, reason=words.strip()[:_LONGEST_REASON])
