"""Labels as numbers: incidents, categories and other names, for arrays that are summed by them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Coded(NamedTuple):
    """Distinct ``names`` in order of appearance, and the place of each label among them."""

    names: tuple[Hashable, ...]
    codes: NDArray[np.intp]


def coded(labels: Iterable[Hashable]) -> Coded:
    """Return ``labels`` as numbers.

    Examples
    --------
    >>> found = coded(["b", "a", "b"])
    >>> found.names, found.codes.tolist()
    (('b', 'a'), [0, 1, 0])
    """
    given = tuple(labels)
    names = tuple(dict.fromkeys(given))
    place = {name: number for number, name in enumerate(names)}
    return Coded(names, np.fromiter(map(place.__getitem__, given), dtype=np.intp, count=len(given)))
