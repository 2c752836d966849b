"""From the votes of several judges to one headline: who counts, how many are needed, what is left out.

Every vote is kept; this only says which of them the headline rests on. The answering model itself, and a
judge of its own family, never count (models prefer their own kind [1]_), not even alone.

References
----------
.. [1] A. Panickssery et al., LLM Evaluators Recognize and Favor Their Own Generations, 2024, arXiv 2404.13076.
.. [2] P. Verga et al., Replacing Judges with Juries, 2024, arXiv 2404.18796.
"""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.exceptions import BadPanelError
from bench.model_families import families_in, family_of
from bench.scoring.case import NOT_ENGAGED

MEDIAN, TRIMMED_MEAN = "median", "trimmed_mean"
HEADLINES: Final = (MEDIAN, TRIMMED_MEAN)
#: Share of the votes that a trimmed mean leaves out at each end; one vote at least where there are three.
TRIM: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class PanelRule:
    """How the votes of a run become headlines.

    Parameters
    ----------
    headline : str
        median, or trimmed_mean.
    least_votes : int or None
        Valid votes a headline needs; None: the majority of the judges who may count.

    Raises
    ------
    BadPanelError
        There is no such headline, or fewer than one vote would do.
    """

    headline: str = MEDIAN
    least_votes: int | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be followed."""
        if self.headline not in HEADLINES:
            raise BadPanelError(f"A headline is {' or '.join(HEADLINES)}, not {self.headline!r}.")
        if self.least_votes is not None and self.least_votes < 1:
            raise BadPanelError("A headline needs at least one valid vote.")

    def as_json(self) -> dict[str, Any]:
        """Return what departs from the default; nothing for the default rule."""
        data: dict[str, Any] = {} if self.headline == MEDIAN else {"headline": self.headline}
        return data if self.least_votes is None else {**data, "least_votes": self.least_votes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> PanelRule:
        """Return the rule that :meth:`as_json` wrote."""
        return cls(**(data or {}))

    def needed(self, n_eligible: int) -> int:
        """Return how many valid votes a headline needs of ``n_eligible`` judges."""
        return self.least_votes if self.least_votes is not None else n_eligible // 2 + 1


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What one judge says of one trial on one dimension.

    Parameters
    ----------
    ref : hashable
        The record of the vote.
    value : float or None
        None is no valid vote, and ``missing_reason`` says why.
    family : str
        The judge's family of models; "" for rules, and where it is not known.
    is_own : bool
        The judge is the answering model itself, or of its family.
    """

    ref: Hashable
    value: float | None
    missing_reason: str = ""
    family: str = ""
    is_own: bool = False


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Who answers, or who judges: the names a model goes by and its families; empty for rules."""

    key: int | None = None
    names: frozenset[str] = frozenset()
    families: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, key: int | None, identifier: str, family: str) -> Maker:
        """Return the maker of the model that its endpoint calls ``identifier``; its family read there if not given."""
        name = identifier.strip().casefold().rpartition("/")[2]
        return cls(
            key=key, names=frozenset({name}) - {""}, families=families_in(family) or families_in(family_of(identifier))
        )

    def is_same_kind(self, other: Maker) -> bool:
        """Return whether both are one model, go by one name, or share a family."""
        same = self.key is not None and self.key == other.key
        return same or bool(self.names & other.names or self.families & other.families)


@dataclass(frozen=True, kw_only=True)
class Headline:
    """A value or why there is none; the votes behind it; the votes that were valid but of the model's own family."""

    value: float | None
    missing_reason: str = ""
    counted: tuple[Any, ...] = ()
    left_out: tuple[Any, ...] = ()


def headline_of(votes: Sequence[Vote], *, family: str = "", rule: PanelRule | None = None) -> Headline:
    """Return the headline of ``votes`` on an answer of a model of ``family`` ("" where it is not known).

    Examples
    --------
    >>> votes = [Vote(ref=1, value=2.0), Vote(ref=2, value=8.0), Vote(ref=3, value=10.0, family="llama")]
    >>> headline_of(votes).value, headline_of(votes, family="llama").value
    (8.0, 5.0)
    """
    rule = rule or PanelRule()
    families = families_in(family)
    own = [vote for vote in votes if vote.is_own or families & families_in(vote.family)]
    eligible = [vote for vote in votes if not (vote.is_own or families & families_in(vote.family))]
    left_out = tuple(vote.ref for vote in own if vote.value is not None)
    if own and not eligible:
        reason = "only the model itself and its own family were asked"
        if family:
            reason = f"only judges of the model's own family ({family}) were asked"
        return Headline(value=None, missing_reason=reason, left_out=left_out)
    valid = [(vote.ref, vote.value) for vote in eligible if vote.value is not None]
    needed = rule.needed(len(eligible))
    if valid and len(valid) >= needed:
        values = [value for _ref, value in valid]
        value = statistics.median(values) if rule.headline == MEDIAN else trimmed_mean(values)
        return Headline(value=value, counted=tuple(ref for ref, _value in valid), left_out=left_out)
    if sum(vote.missing_reason == NOT_ENGAGED for vote in eligible) >= needed:
        return Headline(value=None, missing_reason=NOT_ENGAGED, left_out=left_out)
    reasons = "; ".join(dict.fromkeys(vote.missing_reason for vote in eligible if vote.value is None))
    if valid:
        reasons = f"{len(valid)} of {len(eligible)} votes valid, {needed} needed" + (f"; {reasons}" if reasons else "")
    return Headline(value=None, missing_reason=reasons or "not judged yet", left_out=left_out)


def trimmed_mean(values: Sequence[float]) -> float:
    """Return the mean without the lowest and highest fifth; of three votes or more, without one at each end.

    Examples
    --------
    >>> trimmed_mean([0, 6, 7, 8, 10]), trimmed_mean([0, 6, 7]), trimmed_mean([4, 5])
    (7.0, 6.0, 4.5)
    """
    ordered = sorted(values)
    cut = max(int(TRIM * len(ordered)), 1 if len(ordered) >= 3 else 0)
    return statistics.fmean(ordered[cut : len(ordered) - cut])
