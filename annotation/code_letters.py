"""Letter keys for codes: short, easy to guess, and still while a document is being coded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: Letters with another meaning on the page: g goes, z takes back.
RESERVED: Final = frozenset("gz")
_FREE: Final = tuple(letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in RESERVED)


def letters_for(names: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Return a letter for each (id, name), first come first served; "" when all 24 are taken.

    The first letter of a word of the name is preferred, then any letter in it, then any.

    Examples
    --------
    >>> letters_for([(1, "wrong advice"), (2, "wild claim"), (3, "谎言")])
    {1: 'w', 2: 'c', 3: 'a'}
    """
    taken: set[str] = set()
    letters = {}
    for key, name in names:
        words = name.casefold().split()
        wanted = [*(word[0] for word in words), *"".join(words), *_FREE]
        letter = next((each for each in wanted if each in _FREE and each not in taken), "")
        taken.add(letter)
        letters[key] = letter
    return letters
