"""Names that people type: one line, and nothing in them that cannot be seen but changes what is."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Joiners that scripts and emoji need; every other format character is dropped.
_JOINERS: Final = "\u200c\u200d"


def plain_name(text: str) -> str:
    """Return ``text`` with runs of blanks as one, without characters that hide or turn text; "" if nothing shows.

    Examples
    --------
    >>> plain_name("  made-up   citation ")
    'made-up citation'
    >>> plain_name("abc\u202egnp")  # a right-to-left override
    'abcgnp'
    >>> plain_name("\u200b\u2060")
    ''
    """
    kept = "".join(each for each in text if each in _JOINERS or unicodedata.category(each) not in {"Cf", "Co", "Cn"})
    name = " ".join(kept.split())
    return name if any(unicodedata.category(each)[0] in "LNPS" for each in name) else ""
