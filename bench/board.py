"""A leaderboard as plain values: columns, rows and cells, whatever they were computed from. No Django here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bench.metrics.ranks import ranks

#: From this share of its width on, an interval's lean to one side is shown.
LEANS: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number with what it rests on.

    Parameters
    ----------
    value : float or None
        None is missing, and ``reason`` says why.
    low, high : float or None
        The 95 % interval; None where there is none, and ``interval_reason`` says why.
    interval_note : str
        What to know of the interval: where it errs to the safe side.
    n_scored, n_unscored : int or None
        Scores behind the value, and scores without a value; None where the publisher does not say.
    url : str
        The list of scores behind it, or the provenance of a published number.
    digits : int
        Decimals it is shown with; :func:`digits_for` says how many suit a scale.
    bounds : (low, high) or None
        What the value would be if every missing score were the lowest, and the highest, possible.
    is_withheld : bool
        Too few answers are scored for the value to be shown; ``bounds`` stand in its place.
    se : float or None
        Standard error, clustered by incident.
    n_clusters : int or None
        Incidents behind the value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n_scored: int | None = None
    n_unscored: int | None = None
    reason: str = ""
    interval_reason: str = ""
    interval_note: str = ""
    url: str = ""
    digits: int = 1
    bounds: tuple[float, float] | None = None
    is_withheld: bool = False
    se: float | None = None
    n_clusters: int | None = None

    @property
    def coverage(self) -> float | None:
        """The share of answers with a score, 0 to 1; None where nothing was asked or nobody says."""
        total = (self.n_scored or 0) + (self.n_unscored or 0)
        return (self.n_scored or 0) / total if self.n_scored is not None and total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return (self.low, self.high) if self.low is not None and self.high is not None else None

    @property
    def written(self) -> str:
        """The value to its decimals; "" if there is none."""
        return "" if self.value is None else _to(self.value, self.digits)

    @property
    def interval_text(self) -> str:
        """Both ends to two decimals with what to know of them, or why there is no interval."""
        if self.low is None or self.high is None:
            return self.interval_reason
        ends = f"{_to(self.low, 2)} – {_to(self.high, 2)}"
        return f"{ends}. {self.interval_note}" if self.interval_note else ends

    @property
    def spread(self) -> str:
        """The interval in few words: "± 0.3", or both ends where it leans to one side; "" if there is none."""
        if self.value is None or self.low is None or self.high is None:
            return ""
        below, above = self.value - self.low, self.high - self.value
        if abs(above - below) > LEANS * (above + below):
            ends = f"{self.low:.{self.digits}f}{' … ' if self.low < 0 else '–'}{self.high:.{self.digits}f}"
            return ends.replace("-", "−")
        return f"± {(above + below) / 2:.{self.digits}f}"


def _to(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # the sum takes the sign from a zero


def digits_for(scale: tuple[float, float]) -> int:
    """Return how many decimals suit ``scale``: one from 0 to 10 or 100, two on a shorter one."""
    return 1 if scale[1] - scale[0] >= 10 else 2


@dataclass(frozen=True, kw_only=True)
class Column:
    """A dimension of the value system that has scores; ``groups`` are the keys of its layers or groups."""

    key: str
    label: str
    order: int
    groups: tuple[str, ...] = ()
    dimension: Any = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """A layer or a higher-order group of columns."""

    key: str
    label: str
    gist: str = ""
    order: int = 0
    members: tuple[str, ...] = ()
    dimension: Any = None


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of answers with its interval, clustered by incident; ``value`` None where of none it is known."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    of: int = 0
    url: str = ""

    @property
    def percent(self) -> str:
        """The share as "12 %"."""
        return "" if self.value is None else f"{self.value * 100:.0f} %"

    @property
    def percent_interval(self) -> str:
        """The interval as "8–17 %"."""
        return "" if self.low is None or self.high is None else f"{self.low * 100:.0f}–{self.high * 100:.0f} %"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The lowest category of the baseline layer; it may not be made up for by the others.

    ``state`` goes by the intervals: "pass" where every category's lies at or above what is asked, "fail" where one
    lies below it, else "undecided".
    """

    value: float | None
    column: Column | None
    is_met: bool
    is_complete: bool
    state: str = "undecided"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class WithJudges:
    """The whole of a model with the choice of judges in its interval.

    Parameters
    ----------
    low, high : float or None
        Percentile interval over drawn incidents and drawn judges; None where there is none, and ``reason`` says why.
    clusters_low, clusters_high : float or None
        The same draws of incidents under the panel as it is.
    n_judges : int
    seed, resamples : int or None
        What repeats it.
    """

    low: float | None = None
    high: float | None = None
    clusters_low: float | None = None
    clusters_high: float | None = None
    n_judges: int = 0
    seed: int | None = None
    resamples: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """The whole of a model put right by what people say of a sample of its answers; None where ``reason`` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    correction: float | None = None
    n_labelled: int = 0
    reason: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return (self.low, self.high) if self.low is not None and self.high is not None else None

    @property
    def shift(self) -> str:
        """What the correction adds, with its sign."""
        return "" if self.correction is None else f"{self.correction:+.2f}".replace("-", "−")


@dataclass(frozen=True, kw_only=True)
class JudgeAgreementLine:
    """A judge of a board and how it agrees with people; a number is None where ``reason`` says why."""

    name: str
    url: str
    sha256: str
    n_labelled: int = 0
    kappa: float | None = None
    icc: float | None = None
    alpha: float | None = None
    mae: float | None = None
    bias: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class IntervalMethod:
    """How the intervals of a board were made; ``resamples`` and ``seed`` repeat a bootstrap."""

    key: str
    label: str
    level: float = 0.95
    resamples: int | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model; ``place_reason`` says why a model with a rank has no range of ranks and no tier.

    ``centred`` are the cells of its profile, each answer's values less their own mean; empty where none is made.
    """

    model: int
    name: str
    url: str
    overall: Cell
    cells: Mapping[str, Cell]
    groups: Mapping[str, Cell] = field(default_factory=dict)
    gate: Gate | None = None
    badges: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    rank: int | None = None
    rank_range: tuple[int, int] | None = None
    tier: int | None = None
    place_reason: str = ""
    refused: Share | None = None
    without_refusals: Cell | None = None
    with_judges: WithJudges | None = None
    corrected: Corrected | None = None
    centred: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Board:
    """A leaderboard of one measurement on one value system.

    ``key`` names what it was computed from and changes with it; "" where nobody keeps it. ``release``,
    ``release_sha256`` and ``canary`` are those of the items behind a run's board, "" for a published table.
    Without ``has_whole`` there is no mean over all dimensions, and so no rank.
    """

    system: str
    system_label: str
    measurement: str
    measurement_label: str
    scale: tuple[float, float]
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    weights: Mapping[str, float]
    is_imported: bool
    badges: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    has_layers: bool = False
    coverage: float = 0.0
    key: str = ""
    release: str = ""
    release_sha256: str = ""
    canary: str = ""
    has_whole: bool = True
    has_profile: bool = False
    interval: IntervalMethod | None = None
    judges: tuple[JudgeAgreementLine, ...] = ()

    @property
    def unit(self) -> str:
        """The ends of the scale, as a column's head says them."""
        low, high = self.scale
        return f"−{-low:g} … {high:g}" if low < 0 else f"{low:g}–{high:g}"

    @property
    def is_weighted(self) -> bool:
        """Whether the weights differ from each other."""
        return len(set(self.weights.values())) > 1

    def chosen(self, models: Sequence[int]) -> tuple[Row, ...]:
        """Return the rows of ``models``, in the order of the board."""
        return tuple(row for row in self.rows if row.model in models)


def ranked(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return ``rows`` with their ranks (ties share one), best first; models without a value last."""
    places = ranks([row.overall.value for row in rows]).tolist()
    known = [replace(row, rank=place or None) for row, place in zip(rows, places, strict=True)]
    return tuple(sorted(known, key=lambda row: (row.rank is None, row.rank or 0, row.name.casefold())))


def sort_value(row: Row, column: str) -> float | str | None:
    """Return what ``row`` is sorted by in ``column``; None is missing."""
    if column == "model":
        return row.name.casefold()
    if column == "gate":
        return row.gate.value if row.gate else None
    if column in row.cells:
        return row.cells[column].value
    if column in row.groups:
        return row.groups[column].value
    return row.overall.value


def sorted_rows(rows: Sequence[Row], sort: str) -> tuple[Row, ...]:
    """Return ``rows`` by column ``sort`` (with "-" before it: highest first); missing values always last."""
    key = sort.removeprefix("-")
    there = [row for row in rows if sort_value(row, key) is not None]
    missing = [row for row in rows if sort_value(row, key) is None]
    there.sort(key=lambda row: (sort_value(row, key), row.name.casefold()), reverse=sort.startswith("-"))
    return (*there, *missing)
