"""How far the coders of a closed round agree, on categories, stance and stage of the life cycle."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.agreement.reliability_data import from_ratings
from annotation.agreement.summary import AlphaSummary, summarise
from annotation.models import Assignment, Document, Round
from annotation.querysets import categories_of
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import Coder, ValueDimension

Ratings = dict[Hashable, dict[Hashable, Hashable | None]]
RESAMPLES = 1000
SEED = 20260417


@dataclass(frozen=True, kw_only=True)
class CategoryAgreement:
    """One category: how often it was given, and two alphas of "given or not".

    ``as_main`` counts a category only where it is the main one; ``given`` wherever it was given.
    """

    category: ValueDimension
    n_main: dict[int, int]
    n_given: dict[int, int]
    as_main: AlphaSummary
    given: AlphaSummary


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A document whose coders chose different main categories, in the order of the coders."""

    document: Document
    mains: list[ValueDimension | None]


@dataclass(frozen=True, kw_only=True)
class RoundAgreement:
    """All of it; the unit is the document."""

    round: Round
    coders: list[Coder]
    main: AlphaSummary
    stance: AlphaSummary
    lifecycle: AlphaSummary
    categories: list[CategoryAgreement]
    disagreements: list[Disagreement]

    def as_json(self) -> dict[str, Any]:
        """Return what ``gvsir round_agreement --json`` prints: the contract's shape, and the rest beside it."""
        return {
            **self.main.as_dict(),
            "per_category": {each.category.key: _short(each.as_main) for each in self.categories},
            "round": self.round.name,
            "origin": self.round.origin,
            "codebook": str(self.round.codebook),
            "unit": "document",
            "variable": "main category",
            "coders": [{"key": coder.key, "name": coder.name, "kind": coder.kind} for coder in self.coders],
            "given": {each.category.key: _short(each.given) for each in self.categories},
            "stance": _short(self.stance),
            "lifecycle_stage": _short(self.lifecycle),
            "n_disagreements": len(self.disagreements),
        }


def _short(summary: AlphaSummary) -> dict[str, Any]:
    kept = ("value", "undefined_reason", "interval", "n_units_used", "raw_agreement")
    return {key: value for key, value in summary.as_dict().items() if key in kept}


def agreement_of_round(of_round: Round, *, resamples: int = RESAMPLES, seed: int = SEED) -> RoundAgreement:
    """Return the agreement of a closed round, over what was handed in.

    Raises
    ------
    InvalidTransitionError
        The round is open: its codings are hidden from everybody but their makers, and so is any number
        computed from them.
    """
    if of_round.status != Round.Status.CLOSED:
        raise InvalidTransitionError(
            _(
                "The round {name} is open. Agreement is computed when it closes, so that no coder learns "
                "from a number what another one chose."
            ).format(name=of_round.name)
        )
    assignments = list(
        Assignment.objects.filter(round=of_round, status=Assignment.Status.SUBMITTED)
        .select_related("coder", "document__incident")
        .prefetch_related("categories__category")
        .order_by("coder__key", "document_id")
    )
    coders = list({each.coder_id: each.coder for each in assignments}.values())
    categories = list(categories_of(of_round.codebook))

    def summary(ratings: Ratings, possible: list[Hashable]) -> AlphaSummary:
        return summarise(from_ratings(ratings, categories=possible), resamples=resamples, seed=seed)

    mains, given = _categories_given(assignments)
    by_category = [
        CategoryAgreement(
            category=category,
            n_main={coder.pk: _count(mains[coder.pk], category.key) for coder in coders},
            n_given={coder.pk: sum(category.key in keys for keys in given[coder.pk].values()) for coder in coders},
            as_main=summary(
                {pk: {unit: key == category.key for unit, key in units.items() if key} for pk, units in mains.items()},
                [False, True],
            ),
            given=summary(
                {pk: {unit: category.key in keys for unit, keys in units.items()} for pk, units in given.items()},
                [False, True],
            ),
        )
        for category in categories
    ]
    return RoundAgreement(
        round=of_round,
        coders=coders,
        main=summary(mains, [each.key for each in categories]),
        stance=summary(_field(assignments, "stance"), list(Assignment.Stance.values)),
        lifecycle=summary(_field(assignments, "lifecycle_stage"), list(Assignment.Stage.values)),
        categories=by_category,
        disagreements=_disagreements(assignments, coders),
    )


def _categories_given(assignments: list[Assignment]) -> tuple[Ratings, dict[int, dict[int, set[str]]]]:
    """Return main[coder][document] and given[coder][document], by keys of categories."""
    mains: Ratings = {}
    given: dict[int, dict[int, set[str]]] = {}
    for assignment in assignments:
        chosen = list(assignment.categories.all())
        main = next((each.category.key for each in chosen if each.is_main), None)
        mains.setdefault(assignment.coder_id, {})[assignment.document_id] = main
        given.setdefault(assignment.coder_id, {})[assignment.document_id] = {each.category.key for each in chosen}
    return mains, given


def _field(assignments: list[Assignment], field: str) -> Ratings:
    ratings: Ratings = {}
    for assignment in assignments:
        ratings.setdefault(assignment.coder_id, {})[assignment.document_id] = getattr(assignment, field) or None
    return ratings


def _count(units: dict[Hashable, Hashable | None], key: str) -> int:
    return sum(value == key for value in units.values())


def _disagreements(assignments: list[Assignment], coders: list[Coder]) -> list[Disagreement]:
    by_document: dict[int, dict[int, ValueDimension]] = {}
    documents: dict[int, Document] = {}
    for assignment in assignments:
        main = next((each.category for each in assignment.categories.all() if each.is_main), None)
        documents[assignment.document_id] = assignment.document
        if main is not None:
            by_document.setdefault(assignment.document_id, {})[assignment.coder_id] = main
    return [
        Disagreement(document=documents[pk], mains=[chosen.get(coder.pk) for coder in coders])
        for pk, chosen in sorted(by_document.items(), key=lambda item: documents[item[0]].incident.number)
        if len({category.pk for category in chosen.values()}) > 1
    ]
