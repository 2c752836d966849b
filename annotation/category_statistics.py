"""How often each category was given in closed rounds, and how far published classifications agree."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final, NamedTuple

from django.db.models import Count, QuerySet

from annotation.agreement.cohen import Kappa, kappa
from annotation.agreement.reliability_data import from_ratings
from annotation.agreement.summary import AlphaSummary, summarise
from annotation.models import Assignment, CategoryAssignment
from annotation.querysets import categories_of, submitted_of_closed_rounds
from gvsir.exceptions import UndefinedStatisticError
from gvsir.models import Coder, Incident, ValueDimension
from gvsir.querysets import classification_ratings

#: 97.5 % point of the standard normal distribution.
Z_95: Final = 1.959963984540054

#: Fields of CSETv1 that its three annotators filled in apart from one another: key, shown name.
CSET_FIELDS: Final = (
    "AI System", "Tangible Harm", "AI Harm Level", "Protected Characteristic", "Location Country (two letters)",
    "Harm Domain", "Sector of Deployment", "Detrimental Content",
)
CSET_ANNOTATORS: Final = ("csetv1-annotator-1", "csetv1-annotator-2", "csetv1-annotator-3")


class Share(NamedTuple):
    """``of_n`` of ``n`` with a Wilson interval of the share; all None where n is 0."""

    of_n: int
    n: int
    share: float | None
    low: float | None
    high: float | None


def wilson(count: int, n: int, *, z: float = Z_95) -> Share:
    """Return the share of ``count`` in ``n`` with its Wilson score interval (95 % by default).

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
       the American Statistical Association 22(158), 1927.

    Examples
    --------
    >>> [round(each, 4) for each in wilson(8, 10)[2:]]
    [0.8, 0.4902, 0.9433]
    """
    if n == 0:
        return Share(count, n, None, None, None)
    share = count / n
    middle = share + z * z / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return Share(count, n, share, max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


@dataclass(frozen=True, kw_only=True)
class CategoryRow:
    """One category with its share per coder, in the order of the coders: as the main one, and given at all."""

    category: ValueDimension
    main: list[Share]
    given: list[Share]


@dataclass(frozen=True, kw_only=True)
class CategoryTable:
    """Category frequencies over the incidents that each coder handed in, in closed rounds."""

    coders: list[Coder]
    n: list[int]
    rows: list[CategoryRow]
    origins: list[str]


def category_table(user: Any) -> CategoryTable:
    """Return how many incidents got each category, by coder; an incident counts once."""
    done = submitted_of_closed_rounds(user)
    codebooks = {each.round.codebook_id: each.round.codebook for each in done.select_related("round__codebook")}
    totals = dict(done.order_by().values_list("coder").annotate(n=Count("document__incident", distinct=True)))
    coders = list(Coder.objects.filter(pk__in=totals).order_by("key"))
    given = CategoryAssignment.objects.filter(assignment__in=done).order_by()
    counts = {
        is_main: {
            (category, coder): n
            for category, coder, n in (given.filter(is_main=True) if is_main else given)
            .values_list("category", "assignment__coder")
            .annotate(n=Count("assignment__document__incident", distinct=True))
        }
        for is_main in (True, False)
    }
    categories = {each.pk: each for codebook in codebooks.values() for each in categories_of(codebook)}
    rows = [
        CategoryRow(
            category=category,
            main=[wilson(counts[True].get((category.pk, coder.pk), 0), totals[coder.pk]) for coder in coders],
            given=[wilson(counts[False].get((category.pk, coder.pk), 0), totals[coder.pk]) for coder in coders],
        )
        for category in sorted(categories.values(), key=lambda each: (each.system_id, each.order))
    ]
    origins = sorted(set(done.values_list("round__origin", flat=True)))
    return CategoryTable(coders=coders, n=[totals[coder.pk] for coder in coders], rows=rows, origins=origins)


def coded_incidents(
    user: Any, *, category: str = "", coder: str = "", main_only: bool = False, round_id: int | None = None
) -> QuerySet[Incident]:
    """Return exactly the incidents behind a count of :func:`category_table`."""
    done: QuerySet[Assignment] = submitted_of_closed_rounds(user)
    if coder:
        done = done.filter(coder__key=coder)
    if round_id is not None:
        done = done.filter(round=round_id)
    if category:
        given = CategoryAssignment.objects.filter(assignment__in=done, category__key=category, category__level="category")
        if main_only:
            given = given.filter(is_main=True)
        done = done.filter(pk__in=given.values("assignment"))
    found: QuerySet[Incident] = Incident.objects.filter(pk__in=done.values("document__incident")).order_by("-date", "-number")
    return found


@dataclass(frozen=True, kw_only=True)
class FieldAgreement:
    """Agreement on one field of a published taxonomy; ``kappa`` is of annotators 1 and 2, None with a reason."""

    field: str
    alpha: AlphaSummary
    kappa: Kappa | None
    kappa_reason: str


def published_agreement(*, resamples: int = 1000, seed: int = 0) -> list[FieldAgreement]:
    """Return how far the three annotators of CSETv1 agree, computed from the database; blanks are missing.

    Empty where none of their classifications is loaded.
    """
    result = []
    for field in CSET_FIELDS:
        ratings = classification_ratings("CSETv1", None, field)
        by_annotator: dict[Hashable, dict[Hashable, Hashable | None]] = {
            key: {unit: value for unit, value in ratings.get(key, {}).items()} for key in CSET_ANNOTATORS  # noqa: C416
        }
        if not any(by_annotator.values()):
            continue
        first, second = (by_annotator[key] for key in CSET_ANNOTATORS[:2])
        units = sorted({*first, *second}, key=str)
        pair, reason = None, ""
        try:
            pair = kappa([first.get(unit) for unit in units], [second.get(unit) for unit in units])
        except UndefinedStatisticError as error:
            reason = str(error)
        alpha = summarise(from_ratings(by_annotator), resamples=resamples, seed=seed)
        result.append(FieldAgreement(field=field, alpha=alpha, kappa=pair, kappa_reason=reason))
    return result
