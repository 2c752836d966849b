"""Cells that a spreadsheet would run as a formula: kept as they are, made harmless on the way out."""

from __future__ import annotations

from typing import Final

#: First characters that make a spreadsheet read a cell as a formula (OWASP, CSV Injection).
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet could read ``cell`` as a formula."""
    return cell.startswith(FORMULA_STARTS)


def neutralise(cell: str) -> str:
    """Return ``cell`` with an apostrophe in front if a spreadsheet could read it as a formula.

    Examples
    --------
    >>> neutralise("=1+1")
    "'=1+1"
    >>> neutralise("a sum")
    'a sum'
    """
    return f"'{cell}" if is_formula(cell) else cell
