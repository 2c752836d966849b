"""Addresses of samples of human labels, and of the labels.

Raters stay blind: only curators and researchers read here, a label of somebody else only once its sample is closed,
and nothing here says what a judge gave.
"""

from __future__ import annotations

import django_filters
from django.db.models import Count, Q, QuerySet
from rest_framework import serializers

from bench.models import HumanLabel, LabelSample, Response, Run
from gvsir.api.filters import (
    FilterSet,
    KnownNumberFilter,
    KnownTextFilter,
    StrictBooleanFilter,
    every,
    known_coders,
)
from gvsir.api.resources import ReadOnlyResource, read_only


class LabelSampleSerializer(serializers.ModelSerializer[LabelSample]):
    """A sample: how it was drawn, by which words people label it, how far they are."""

    url = serializers.CharField(source="get_absolute_url")
    run = serializers.IntegerField(source="run_id")
    responses = serializers.IntegerField(source="n_tasks")
    labels = serializers.IntegerField(source="n_labels")

    class Meta:
        model = LabelSample
        fields = [
            "id", "url", "run", "name", "seed", "strata_by", "per_stratum", "raters_per_response", "least_labels",
            "rubric", "rubric_version", "rubric_sha256", "responses", "labels", "created_at", "closed_at",
        ]


class LabelSerializer(serializers.ModelSerializer[HumanLabel]):
    """What one person says of one response."""

    sample = serializers.IntegerField(source="task.sample_id")
    trial = serializers.IntegerField(source="task.trial_id")
    response = serializers.IntegerField(source="task.trial.response_id", allow_null=True)
    item = serializers.CharField(source="task.trial.release_item.item.public_id")
    language = serializers.CharField(source="task.trial.language")
    stratum = serializers.CharField(source="task.stratum")
    rater = serializers.CharField(source="rater.key")

    class Meta:
        model = HumanLabel
        fields = [
            "id", "sample", "trial", "response", "item", "language", "stratum", "rater", "value", "cannot_tell",
            "refusal", "note", "created_at", "updated_at",
        ]


class LabelSampleFilter(FilterSet):
    """Filters of samples."""

    run = KnownNumberFilter(known=every(Run), field_name="run_id", label="Id of the run.")
    name = django_filters.CharFilter(label="Name.")
    closed = StrictBooleanFilter(field_name="closed_at", lookup_expr="isnull", exclude=True,
        label="No label changes any more."
    )


@read_only("Samples of human labels", "One sample", LabelSampleSerializer)
class LabelSampleResource(ReadOnlyResource[LabelSample]):
    """Samples of responses for people to label; for curators and researchers."""

    action_required = "label.view"
    queryset = LabelSample.objects.none()
    serializer_class = LabelSampleSerializer
    filterset_class = LabelSampleFilter

    def get_queryset(self) -> QuerySet[LabelSample]:
        """Return the samples with how many responses and labels they have."""
        return LabelSample.objects.annotate(
            n_tasks=Count("tasks", distinct=True), n_labels=Count("tasks__labels", distinct=True)
        )


class LabelFilter(FilterSet):
    """Filters of labels."""

    sample = KnownNumberFilter(known=every(LabelSample), field_name="task__sample_id", label="Id of the sample.")
    run = KnownNumberFilter(known=every(Run), field_name="task__sample__run_id", label="Id of the run.")
    response = KnownNumberFilter(known=every(Response), field_name="task__trial__response_id", label="Id of the response.")
    rater = KnownTextFilter(known=known_coders, by="key", field_name="rater__key", label="Key of the person.")


@read_only("Human labels", "One label", LabelSerializer)
class LabelResource(ReadOnlyResource[HumanLabel]):
    """Labels of closed samples, and one's own; for curators and researchers."""

    action_required = "label.view"
    queryset = HumanLabel.objects.none()
    serializer_class = LabelSerializer
    filterset_class = LabelFilter

    def get_queryset(self) -> QuerySet[HumanLabel]:
        """Return the labels that the viewer may see without having been influenced by them."""
        user = self.request.user
        own = Q(rater__user=user) if user.is_authenticated else Q(pk__in=())
        return (
            HumanLabel.objects.filter(Q(task__sample__closed_at__isnull=False) | own)
            .select_related("task__trial__release_item__item", "rater")
        )
