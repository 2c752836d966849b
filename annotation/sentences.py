"""The sentences around a passage, for the end of a chain of evidence."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_END: Final = re.compile(r"""[.!?]+["'\u201d\u2019)\]]*\s+(?=["'\u201c\u2018(\[]*[A-Z0-9\u00c0-\u00de])|[\u3002\uff01\uff1f]+["\u201d\u2019\u300d\uff09]*\s*|\n+""")
_SHORT: Final = re.compile(
    r"(?:^|[\s(\"'\u201c])(?:[A-Z]|[A-Z](?:\.[A-Z])+|Mr|Mrs|Ms|Dr|Prof|Rep|Sen|Gov|St|Jr|Sr|Inc|Corp|Ltd|Co|No|vs|v|e\.g|i\.e|etc|approx)\.\s$"
)


class Context(NamedTuple):
    """What stands before the passage in its sentence, the passage, and what stands after."""

    before: str
    quote: str
    after: str


def sentence_of(text: str, start: int, end: int) -> Context:
    """Return the sentence or sentences that hold ``text[start:end]``, cut at the passage.

    A full stop after an initial or a usual abbreviation ends no sentence.

    Examples
    --------
    >>> sentence_of("One. The bot of Dr. No lied. Two.", 20, 27)
    Context(before='The bot of Dr. ', quote='No lied', after='.')
    """
    first, last = 0, len(text)
    for found in _END.finditer(text):
        if "\n" not in found.group() and _SHORT.search(text[max(0, found.start() - 12) : found.start() + 1] + " "):
            continue
        if found.end() <= start:
            first = found.end()
        elif found.start() >= end - 1 and found.end() > end - 1:
            last = max(end, found.start() + len(found.group().rstrip()))
            break
    return Context(text[first:start], text[start:end], text[end:last])
