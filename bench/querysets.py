"""Named reads of items, releases and scores."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, Prefetch, Q, QuerySet

from annotation.models import Coding
from bench.models import Attachment, Item, LanguageModel, Release, ReleaseItem, Run, Score


def items_for_list() -> QuerySet[Item]:
    """Return items with what a list shows of them."""
    return Item.objects.select_related("category", "incident").annotate(
        n_codings=Count("codings", distinct=True), n_releases=Count("release_items", distinct=True)
    )


def items_to_release() -> QuerySet[Item]:
    """Return items with all that goes into a release, in the order of a release."""
    return (
        Item.objects.select_related("category", "incident", "twin_of")
        .prefetch_related(
            Prefetch("codings", Coding.objects.order_by("pk")), Prefetch("attachments", Attachment.objects.order_by("pk"))
        )
        .order_by("modality", "number")
    )


def item_by_public_id(public_id: str) -> Item | None:
    """Return the item called ``public_id``, e.g. T-7, or None."""
    modality, _, number = public_id.partition("-")
    if not number.isdecimal() or len(number) > 9:
        return None
    return (
        Item.objects.select_related("category", "incident", "author", "reviewer")
        .filter(modality=modality, number=int(number)).first()
    )


def codings_of_items() -> QuerySet[Coding]:
    """Return codings with their passage, code, category, coder and round."""
    return Coding.objects.select_related(
        "segment__document", "code__category", "assignment__coder", "assignment__round"
    ).order_by("assignment__coder__key", "segment__start_codepoint", "pk")


def releases_for_list() -> QuerySet[Release]:
    """Return releases with the number of their items and runs."""
    return Release.objects.annotate(
        n_items=Count("release_items", distinct=True), n_runs=Count("runs", distinct=True)
    )


def measured_models() -> QuerySet[LanguageModel]:
    """Return the language models of a finished run or a published measurement, baseline policies left out, by name."""
    return LanguageModel.objects.exclude(kind=LanguageModel.Kind.BASELINE).filter(
        Q(published_scores__isnull=False) | Q(runs__status=Run.Status.FINISHED)
    ).distinct().order_by("name")


def release_items(release: Release) -> QuerySet[ReleaseItem]:
    """Return the frozen items of ``release`` in order."""
    return ReleaseItem.objects.filter(release=release).select_related("item__category", "item__incident")


def scores_of_cell(
    *, run: int | None = None, language_model: int | None = None, dimensions: Sequence[str] = (), layer: str = "",
    system: str = "", item: int | None = None,
) -> QuerySet[Score]:
    """Return the scores behind a cell of a leaderboard, or of one item; without an argument, all of them.

    ``dimensions`` and ``layer`` are keys of the value system ``system``, or of whichever has them.
    """
    scores = Score.objects.order_by("run", "trial__release_item__position", "trial__language", "trial__epoch", "pk")
    if run is not None:
        scores = scores.filter(run=run)
    if language_model is not None:
        scores = scores.filter(trial__language_model=language_model)
    if system:
        scores = scores.filter(dimension__system__key=system)
    if dimensions:
        scores = scores.filter(dimension__key__in=dimensions)
    if layer:
        scores = scores.filter(dimension__parents__key=layer)
    if item is not None:
        scores = scores.filter(trial__release_item__item=item)
    return scores
