"""The largest numbers a run or a model may have: what the columns hold, and what one process can carry out."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.utils.translation import gettext

from bench.exceptions import BadNumberError
from bench.specs import GenerationConfig

#: US dollars of one run. Purses hold eight places after the point and eight digits before it.
MOST_BUDGET: Final = Decimal(10_000_000)
#: US dollars for a million tokens, or for one image, speech or video.
MOST_PRICE: Final = Decimal(9_999)
MOST_CALLS: Final = 1_000_000_000
#: Every call at once has a task and a connection of its own.
MOST_AT_ONCE: Final = 2_000
#: What any endpoint known here can be asked for.
MOST_TEMPERATURE: Final = 2.0
MOST_TOKENS: Final = 1_000_000
#: Seconds that one call may take.
LEAST_TIMEOUT: Final = 1.0
MOST_TIMEOUT: Final = 3_600.0
#: What fits in 64 bits with its sign: other programs read the specification too.
MOST_SEED: Final = 2**63 - 1


def check_amount(what: str, amount: Decimal | None, *, most: Decimal, places: int) -> None:
    """Refuse an amount of US dollars that is negative, too large, or finer than ``places`` after the point.

    Raises
    ------
    BadNumberError
        It is; None is no amount and passes.
    """
    if amount is None:
        return
    exponent = amount.as_tuple().exponent
    if not amount.is_finite() or not 0 <= amount <= most:
        raise BadNumberError(gettext("{what} is an amount from 0 to {most} US dollars.").format(what=what, most=most))
    if isinstance(exponent, int) and -exponent > places and amount != round(amount, places):
        raise BadNumberError(
            gettext("{what} has at most {places} places after the point.").format(what=what, places=places)
        )


def check_count(what: str, number: int | None, *, most: int, least: int = 1) -> None:
    """Refuse a number outside ``least`` to ``most``.

    Raises
    ------
    BadNumberError
        It is; None is no number and passes.
    """
    if number is not None and not least <= number <= most:
        raise BadNumberError(
            gettext("{what} is a number from {least} to {most}.").format(what=what, least=least, most=most)
        )


def check_measure(what: str, number: float | None, *, least: float, most: float) -> None:
    """Refuse a measure outside ``least`` to ``most``, or that is no number.

    Raises
    ------
    BadNumberError
        It is; None is no measure and passes.
    """
    if number is not None and not least <= number <= most:
        raise BadNumberError(
            gettext("{what} is a number from {least} to {most}.").format(what=what, least=f"{least:g}", most=f"{most:g}")
        )


def check_generation(generation: GenerationConfig) -> None:
    """Refuse settings that no endpoint takes.

    Raises
    ------
    BadNumberError
        One is outside its bounds.
    """
    check_measure(gettext("A temperature"), generation.temperature, least=0.0, most=MOST_TEMPERATURE)
    check_measure(gettext("Top-p"), generation.top_p, least=0.0, most=1.0)
    check_count(gettext("The most tokens of an answer"), generation.max_tokens, most=MOST_TOKENS)
