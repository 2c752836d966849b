"""Dividing what many processes want of one endpoint."""

from __future__ import annotations

from collections.abc import Mapping


def fair_shares(pool: int, wanted: Mapping[int, int]) -> dict[int, int]:
    """Return how many of ``pool`` places each claimant gets: as many as it wants, or an equal part.

    Whoever wants less than an equal part leaves the rest to the others (max-min fairness [1]_); places that
    cannot be divided go to the lowest numbers.

    References
    ----------
    .. [1] D. Bertsekas and R. Gallager, Data Networks, 2nd ed., Prentice Hall, 1992, section 6.5.2.

    Examples
    --------
    >>> fair_shares(10, {1: 2, 2: 9, 3: 9})
    {1: 2, 2: 4, 3: 4}
    >>> fair_shares(2, {5: 1, 6: 1, 7: 1})
    {5: 1, 6: 1, 7: 0}
    """
    shares = dict.fromkeys(sorted(wanted), 0)
    left = pool
    hungry = [name for name in shares if wanted[name] > 0]
    while left > 0 and hungry:
        part, extra = divmod(left, len(hungry))
        for rank, name in enumerate(hungry):
            given = min(wanted[name] - shares[name], part + (rank < extra))
            shares[name] += given
            left -= given
        hungry = [name for name in hungry if shares[name] < wanted[name]]
    return shares
