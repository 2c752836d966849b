"""Addresses of items, releases, models, runs, responses and scores."""

from __future__ import annotations

import re
from typing import Any, Final

import django_filters
from django.db.models import Count, Prefetch, QuerySet
from rest_framework import exceptions
from rest_framework.serializers import BaseSerializer

from annotation.querysets import visible_codings
from bench.api.serializers import (
    ItemSerializer,
    LanguageModelSerializer,
    ReleaseSerializer,
    ResponseSerializer,
    RunDetailSerializer,
    RunSerializer,
    ScoreDetailSerializer,
    ScoreSerializer,
)
from bench.models import (
    Attachment,
    Item,
    Judgement,
    LanguageModel,
    Release,
    ReleaseItem,
    Response,
    Run,
    Score,
    Trial,
)
from gvsir.api.filters import (
    FilterSet,
    IncidentNumberFilter,
    KnownNumberFilter,
    KnownTextFilter,
    StrictBooleanFilter,
    every,
)
from gvsir.api.resources import ReadOnlyResource, read_only
from gvsir.models import ValueDimension, ValueSystem

_PUBLIC_ID: Final = re.compile(r"([A-Z])-([0-9]{1,9})")


def place_of(public_id: str) -> tuple[str, int] | None:
    """Return modality and number of an item's public id, e.g. T-7; None where it is none."""
    match = _PUBLIC_ID.fullmatch(public_id)
    return (match[1], int(match[2])) if match else None


class PublicIdFilter(django_filters.CharFilter):  # type: ignore[misc]
    """Public id of an item, e.g. T-7; ``field_name`` leads to the item."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep what belongs to the item."""
        if not value:
            return qs
        place = place_of(value)
        if place is None:
            raise exceptions.ValidationError({"item": ["Give a public id such as T-7."]})
        if not Item.objects.filter(modality=place[0], number=place[1]).exists():
            raise exceptions.ValidationError({"item": [f"There is no item {value!r} here."]})
        return qs.filter(**{f"{self.field_name}__modality": place[0], f"{self.field_name}__number": place[1]})


class ItemFilter(FilterSet):
    """Filters of items."""

    release = KnownTextFilter(
        known=every(Release), by="name", field_name="release_items__release__name", label="Name of a release.",
    )
    incident = IncidentNumberFilter(field_name="incident__number")
    category = KnownTextFilter(known=every(ValueDimension), by="key", field_name="category__key", label="Key of the category.")
    modality = django_filters.ChoiceFilter(choices=Item.Modality.choices, label="Modality.")
    stance = django_filters.ChoiceFilter(choices=Item.Stance.choices, label="Expected stance.")
    status = django_filters.ChoiceFilter(choices=Item.Status.choices, label="State of review.")


@read_only("Items", "One item by its public id", ItemSerializer)
class ItemResource(ReadOnlyResource[Item]):
    """Items; prompts and focuses for signed-in roles only."""

    action_required = "item.view"
    queryset = Item.objects.none()
    serializer_class = ItemSerializer
    filterset_class = ItemFilter
    lookup_field = "public_id"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Item]:
        """Return the items with what they are derived from."""
        return Item.objects.select_related("category__system", "incident").prefetch_related(
            Prefetch("codings", visible_codings(self.request.user).order_by("pk")),
            Prefetch("attachments", Attachment.objects.order_by("pk")),
            Prefetch("release_items", ReleaseItem.objects.select_related("release").order_by("pk")),
        )

    def get_object(self) -> Item:
        """Return the item of a public id."""
        place = place_of(self.kwargs["public_id"])
        item = self.get_queryset().filter(modality=place[0], number=place[1]).first() if place else None
        if item is None:
            raise exceptions.NotFound
        return item


class ReleaseFilter(FilterSet):
    """Filters of releases."""

    demonstration = StrictBooleanFilter(field_name="is_demonstration", label="Not reviewed by people.")
    imported = StrictBooleanFilter(field_name="is_imported", label="Made elsewhere.")


@read_only("Releases", "One release by its name", ReleaseSerializer)
class ReleaseResource(ReadOnlyResource[Release]):
    """Releases."""

    action_required = "release.view"
    queryset = Release.objects.none()
    serializer_class = ReleaseSerializer
    filterset_class = ReleaseFilter
    lookup_field = "name"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Release]:
        """Return the releases with the number of their items."""
        return Release.objects.annotate(n_items=Count("release_items"))


class LanguageModelFilter(FilterSet):
    """Filters of language models."""

    name = django_filters.CharFilter(label="Name.")
    kind = django_filters.ChoiceFilter(choices=LanguageModel.Kind.choices, label="Kind.")
    family = KnownTextFilter(label="Maker's family.")


@read_only("Language models, baseline policies and models known from publications", "One model",
           LanguageModelSerializer)
class LanguageModelResource(ReadOnlyResource[LanguageModel]):
    """Language models; where they are reached for curators only."""

    action_required = "language_model.view"
    queryset = LanguageModel.objects.none()
    serializer_class = LanguageModelSerializer
    filterset_class = LanguageModelFilter

    def get_queryset(self) -> QuerySet[LanguageModel]:
        """Return all language models."""
        return LanguageModel.objects.all()


class RunFilter(FilterSet):
    """Filters of runs."""

    release = KnownTextFilter(known=every(Release), by="name", field_name="release__name", label="Name of the release.")
    model = KnownNumberFilter(known=every(LanguageModel), field_name="language_models__id", label="Id of a language model.")
    status = django_filters.ChoiceFilter(choices=Run.Status.choices, label="State.")
    demonstration = StrictBooleanFilter(field_name="is_demonstration", label="Run on a demonstration release.")


@read_only("Runs", "One run with its outcomes counted", RunSerializer, RunDetailSerializer)
class RunResource(ReadOnlyResource[Run]):
    """Runs."""

    action_required = "run.view"
    queryset = Run.objects.none()
    serializer_class = RunSerializer
    filterset_class = RunFilter

    def get_serializer_class(self) -> type[BaseSerializer[Run]]:
        """Return the serializer of the detail, or of the list."""
        return RunDetailSerializer if self.action == "retrieve" else RunSerializer

    def get_queryset(self) -> QuerySet[Run]:
        """Return the runs with models and judges."""
        return Run.objects.select_related("release").prefetch_related("language_models", "judges")


class ResponseFilter(FilterSet):
    """Filters of responses."""

    run = KnownNumberFilter(known=every(Run), field_name="trials__run_id", distinct=True, label="Id of a run.")
    model = KnownNumberFilter(known=every(LanguageModel), field_name="language_model_id", label="Id of the language model.")
    state = django_filters.ChoiceFilter(choices=Response.State.choices, label="State.")
    item = PublicIdFilter(field_name="trials__release_item__item", distinct=True, label="Public id of an item.")


def _judgements() -> QuerySet[Judgement]:
    return Judgement.objects.select_related("judge").order_by("pk")


@read_only("Responses with their judgements", "One response", ResponseSerializer)
class ResponseResource(ReadOnlyResource[Response]):
    """Responses; texts for signed-in roles only."""

    action_required = "response.view"
    queryset = Response.objects.none()
    serializer_class = ResponseSerializer
    filterset_class = ResponseFilter

    def get_queryset(self) -> QuerySet[Response]:
        """Return the responses with trials and judgements."""
        return Response.objects.select_related("language_model").prefetch_related(
            Prefetch("trials", Trial.objects.select_related("release_item__item").order_by("pk")),
            Prefetch("judgements", _judgements()),
        )


def _layers(user: Any) -> QuerySet[ValueDimension]:
    return ValueDimension.objects.filter(children__isnull=False)


class ScoreFilter(FilterSet):
    """Filters of scores."""

    run = KnownNumberFilter(known=every(Run), field_name="run_id", label="Id of the run.")
    model = KnownNumberFilter(known=every(LanguageModel), field_name="trial__language_model_id", label="Id of the language model.")
    system = KnownTextFilter(
        known=every(ValueSystem), by="key", field_name="dimension__system__key", label="Key of the value system.",
    )
    dimension = KnownTextFilter(
        known=every(ValueDimension), by="key", field_name="dimension__key", label="Key of the dimension.",
    )
    layer = KnownTextFilter(
        known=_layers, by="key", field_name="dimension__parents__key", label="Key of the dimension's layer.",
    )
    item = PublicIdFilter(field_name="trial__release_item__item", label="Public id of the item.")
    response = KnownNumberFilter(known=every(Response), field_name="trial__response_id", label="Id of the response.")
    missing = StrictBooleanFilter(field_name="value", lookup_expr="isnull", label="Has no value.")


@read_only("Scores", "One score with the judgements behind it", ScoreSerializer, ScoreDetailSerializer)
class ScoreResource(ReadOnlyResource[Score]):
    """Scores."""

    action_required = "score.view"
    queryset = Score.objects.none()
    serializer_class = ScoreSerializer
    filterset_class = ScoreFilter

    def get_serializer_class(self) -> type[BaseSerializer[Score]]:
        """Return the serializer of the detail, or of the list."""
        return ScoreDetailSerializer if self.action == "retrieve" else ScoreSerializer

    def get_queryset(self) -> QuerySet[Score]:
        """Return the scores with trial and dimension, for the detail with judgements."""
        scores = Score.objects.select_related(
            "trial__release_item__item", "trial__language_model", "dimension__system"
        )
        if self.action == "retrieve":
            scores = scores.prefetch_related(Prefetch("judgements", _judgements()))
        return scores
