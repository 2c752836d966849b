"""Two models of a run on the items both answered: by category, layer and whole, and in what they refuse."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bench.board import Board, Row
from bench.layer_weights import layer_weights
from bench.metrics.category_table import weighted_table
from bench.metrics.comparison import McNemar, mcnemar, without_noise
from bench.metrics.multiplicity import benjamini_hochberg, holm
from bench.metrics.power import smallest_resolvable
from bench.metrics.sign_flips import sign_flips
from bench.models import Run
from bench.score_arrays import read_scores
from bench.score_units import ScoreArrays

Floats = NDArray[np.float64]

SEED: Final = 0
PATTERNS: Final = 10_000
ALPHA: Final = 0.05
POWER: Final = 0.8
HOLM: Final = "holm"
#: What p-values can be adjusted by: for claims, and for exploring.
ADJUSTMENTS: Final[Mapping[str, Callable[[Sequence[float]], Floats]]] = {HOLM: holm, "bh": benjamini_hochberg}


@dataclass(frozen=True, kw_only=True)
class PairedLine:
    """Model A less model B on the items both answered; what is undefined is None, and ``reason`` says why.

    Attributes
    ----------
    kind : str
        "whole", "layer" or "category": the family its p-value is adjusted in.
    difference, low, high, se : float or None
        Mean difference, its clustered 95 % interval and standard error.
    n_shared, n_clusters, only_a, only_b : int
        Items both answered in the same language, the incidents they come from, items with a score of one that are
        not among them (in no number here).
    correlation : float or None
        Pearson's r of the two models' scores on the shared items.
    p_value, adjusted : float or None
        Sign-flip permutation over incidents, and after Holm within the family.
    patterns, is_exact
        Sign patterns behind p, and whether these are all there are.
    resolvable : float or None
        The smallest true difference this comparison shows with power 80 % at the 5 % level.
    """

    kind: str
    key: str
    label: str
    dimension: Any = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    n_shared: int = 0
    n_clusters: int = 0
    only_a: int = 0
    only_b: int = 0
    correlation: float | None = None
    p_value: float | None = None
    adjusted: float | None = None
    patterns: int = 0
    is_exact: bool = False
    resolvable: float | None = None
    reason: str = ""
    url_a: str = ""
    url_b: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return (self.low, self.high) if self.low is not None and self.high is not None else None

    @property
    def is_resolved(self) -> bool:
        """Whether the adjusted p-value tells the models apart at the 5 % level."""
        return self.adjusted is not None and self.adjusted <= ALPHA


@dataclass(frozen=True, kw_only=True)
class RefusedPair:
    """Which items one of two models refused and the other did not; None where it cannot be said."""

    n_shared: int
    both: int = 0
    neither: int = 0
    test: McNemar | None = None
    adjusted: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PairReading:
    """All comparisons of models ``a`` and ``b``."""

    a: Row
    b: Row
    lines: tuple[PairedLine, ...]
    refusals: RefusedPair

    @property
    def whole(self) -> PairedLine | None:
        """The line over all layers; None on a board without wholes."""
        return next((line for line in self.lines if line.kind == "whole"), None)


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """A line without its test, and the summed differences of each incident that the test is on."""

    line: PairedLine
    sums: Floats | None = None


def paired_readings(
    run: Run, board: Board, rows: Sequence[Row], *, adjust: str = HOLM
) -> list[PairReading]:
    """Return the comparison of every pair of ``rows``; p-values adjusted within a kind over all pairs.

    ``adjust`` is one of `ADJUSTMENTS`: Holm for claims, Benjamini-Hochberg for exploring. Reads the scores once, whatever the number of models.
    """
    scores = read_scores(run).of_system(board.system).on([column.key for column in board.columns])
    place = {int(pk): index for index, pk in enumerate(scores.models)}
    pairs = [
        _Pair(board, scores, first, second, place[first.model], place[second.model])
        for first, second in itertools.combinations(rows, 2)
        if first.model in place and second.model in place
    ]
    drafts = [pair.drafts() for pair in pairs]
    lines = iter(_tested([draft for each in drafts for draft in each]))
    return _adjusted([
        PairReading(a=pair.a, b=pair.b, lines=tuple(itertools.islice(lines, len(each))), refusals=pair.refusals())
        for pair, each in zip(pairs, drafts, strict=True)
    ], ADJUSTMENTS[adjust])


class _Pair:
    """Computes one pair."""

    def __init__(self, board: Board, scores: ScoreArrays, a: Row, b: Row, row_a: int, row_b: int) -> None:
        self.board, self.scores, self.a, self.b = board, scores, a, b
        self.rows = [row_a, row_b]
        self.values = scores.of_pair(self.rows)
        self.has_score = ~np.isnan(scores.values[self.rows])
        self.scale = board.scale[1] - board.scale[0]
        self.difference = without_noise(self.values[0] - self.values[1], self.scale)
        names = {name: code for code, name in enumerate(dict.fromkeys(scores.clusters_of_items))}
        self.n_codes = len(names)
        self.codes = np.array([names[name] for name in scores.clusters], dtype=np.intp)

    def drafts(self) -> list[_Draft]:
        keys = [column.key for column in self.board.columns]
        shared = ~np.isnan(self.difference)
        present = [key for key in keys if (shared & self.scores.units_on([key])).any()]
        members = {group.key: group.members for group in self.board.groups} if self.board.has_layers else {"": keys}
        weights = layer_weights(dict.fromkeys(keys, 1.0), members, present)
        first = PairedLine(
            kind="whole", key="all", label=_("Mean of layers") if self.board.has_layers else _("Mean"), url_a=self.a.overall.url, url_b=self.b.overall.url
        )
        found = [self._mean(first, weights, keys)] if self.board.has_whole else []
        for group in self.board.groups:
            line = PairedLine(
                kind="layer", key=group.key, label=group.label, dimension=group.dimension,
                url_a=self.a.groups[group.key].url, url_b=self.b.groups[group.key].url,
            )
            found.append(self._mean(line, {key: 1.0 for key in group.members if key in present}, group.members))
        for column in self.board.columns:
            line = PairedLine(
                kind="category", key=column.key, label=column.label, dimension=column.dimension,
                url_a=self.a.cells[column.key].url, url_b=self.b.cells[column.key].url,
            )
            found.append(self._mean(line, {column.key: 1.0}, [column.key]))
        return found

    def _mean(self, line: PairedLine, weights: Mapping[str, float], keys: Sequence[str]) -> _Draft:
        """Return the difference of weighted means of categories; of one category, its plain mean."""
        asked = self.scores.units_on(keys)
        shared = ~np.isnan(self.difference) & asked
        where = np.flatnonzero(shared)
        only_a, only_b = (int((has & asked & ~shared).sum()) for has in self.has_score)
        line = replace(line, n_shared=len(where), only_a=only_a, only_b=only_b)
        if not len(where):
            return _Draft(line=replace(line, reason=_no_item() if asked.any() else _("No item of the release measures this.")))
        difference, codes = self.difference[where], self.codes[where]
        names = [self.scores.dimensions[unit] for unit in where.tolist()]
        table = weighted_table(difference[None, :], names, codes, weights=cast("dict[Any, float]", dict(weights)))
        value = float(without_noise(table.value, self.scale)[0, 0])
        se, low, high = (float(part[0, 0]) for part in (table.se, table.low, table.high))
        counts, total = Counter(names), sum(weights.values())
        share = {name: weights[name] / total / n for name, n in counts.items()}
        parts = difference * np.array([share[name] for name in names])
        sums = without_noise(np.bincount(codes, weights=parts, minlength=self.n_codes).astype(np.float64), self.scale)
        n_clusters = int(table.n_clusters[0, 0])
        has_spread = not math.isnan(se) and se > 1e-12
        reason = "" if has_spread else _one_incident() if n_clusters < 2 else _no_spread()
        return _Draft(
            line=replace(
                line, difference=value, low=low if has_spread else None, high=high if has_spread else None,
                se=se if has_spread else None, n_clusters=n_clusters, correlation=_correlation(self.values[:, where]), reason=reason,
                resolvable=smallest_resolvable(se, alpha=ALPHA, power=POWER) if has_spread else None,
            ),
            sums=sums if n_clusters > 1 else None,
        )

    def refusals(self) -> RefusedPair:
        """Return in which items one of the two refused and the other did not."""
        refused, told = self.scores.refusals_of_pair(self.rows)
        share = np.where(told > 0, refused / np.maximum(told, 1), np.nan)
        state = np.where(np.isnan(share) | (share == 0.5), np.nan, (share > 0.5).astype(np.float64))
        both = ~np.isnan(state).any(0)
        if not both.any():
            return RefusedPair(n_shared=0, reason=_("Of no item it is known whether both models refused."))
        return RefusedPair(
            n_shared=int(both.sum()), both=int((state[:, both].sum(0) == 2).sum()),
            neither=int((state[:, both].sum(0) == 0).sum()), test=mcnemar(state[0], state[1]),
        )


def _tested(drafts: Sequence[_Draft]) -> list[PairedLine]:
    """Return the lines with the p-values of their tests, made together."""
    sums = [draft.sums for draft in drafts if draft.sums is not None]
    tests = iter(sign_flips(np.array(sums), rng=np.random.default_rng(SEED), patterns=PATTERNS) if sums else [])
    lines = []
    for draft in drafts:
        line = draft.line
        if draft.sums is not None:
            test = next(tests)
            line = replace(line, p_value=test.p_value, patterns=test.patterns, is_exact=test.exact)
        lines.append(line)
    return lines


def _correlation(values: Floats) -> float | None:
    if values.shape[1] < 2 or (np.ptp(values, axis=1) == 0).any():
        return None
    return float(np.corrcoef(values)[0, 1])


def _adjusted(pairs: Sequence[PairReading], adjusted: Callable[[Sequence[float]], Floats]) -> list[PairReading]:
    """Return ``pairs`` with adjusted p-values: wholes, layers, categories, refusals, each a family."""
    families: dict[str, list[float]] = {}
    for pair in pairs:
        for line in pair.lines:
            if line.p_value is not None:
                families.setdefault(line.kind, []).append(line.p_value)
    refusals = [pair.refusals.test.p_value for pair in pairs if pair.refusals.test]
    found = {kind: iter(adjusted(values).tolist()) for kind, values in families.items()}
    of_refusals = iter(adjusted(refusals).tolist())
    return [
        replace(
            pair,
            lines=tuple(
                line if line.p_value is None else replace(line, adjusted=next(found[line.kind])) for line in pair.lines
            ),
            refusals=replace(pair.refusals, adjusted=next(of_refusals)) if pair.refusals.test else pair.refusals,
        )
        for pair in pairs
    ]


def _no_item() -> str:
    return _("The two models share no item with a score.")


def _one_incident() -> str:
    return _("All shared items come from one incident; the spread between incidents is unknown.")


def _no_spread() -> str:
    return _("The difference is the same in every incident; its spread, and so an interval, cannot be estimated.")


def how_compared(adjust: str = HOLM) -> tuple[str, ...]:
    """Return how the numbers of a comparison are made, with the sources of the formulas."""
    # xgettext:no-python-format
    by_holm = _("Adjusted p: Holm 1979, within a family: the wholes of all pairs shown, their layers, their categories, their refusals. At 5 % or less the models are told apart.")
    # xgettext:no-python-format
    by_bh = _("Adjusted p: Benjamini and Hochberg 1995, within a family: the wholes of all pairs shown, their layers, their categories, their refusals. For exploring: of the pairs with 5 % or less, one in twenty is expected to be no difference. Claims need Holm's.")
    return (
        _("Only items that both models have a score on in the same language are compared; an item's score is the mean over its repeats, then over the languages that both have. Category: mean of A − B over its items. Layer: mean of its categories; whole: mean of the layers, over the categories with a shared item."),
        # xgettext:no-python-format
        _("Interval: 95 %, paired and clustered by incident (Miller 2024, arXiv 2411.00640, section 4), Bell-McCaffrey variance with Satterthwaite degrees of freedom (Bell and McCaffrey 2002). Not adjusted for the number of comparisons."),
        _("p: sign-flip permutation of whole incidents (Fisher 1935); all patterns up to 16 incidents, above that {patterns} random ones with seed {seed}, (1 + hits) / (1 + patterns) (Phipson and Smyth 2010).").format(patterns=f"{PATTERNS:,}", seed=SEED),
        by_holm if adjust == HOLM else by_bh,
        _("Correlation: Pearson's r of the two models' scores on the shared items; the higher, the smaller the difference that can be seen."),
        # xgettext:no-python-format
        _("Smallest resolvable: (1.96 + 0.84) standard errors of the difference, what a comparison of this size shows in 80 % of cases at the 5 % level (Miller 2024, section 5)."),
        _("Refused: an item counts as refused by a model where more than half of its answers refuse; McNemar's exact test on the items where one refuses and the other does not (McNemar 1947). It takes items as independent."),
    )
