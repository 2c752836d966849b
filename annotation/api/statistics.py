"""Category frequencies and agreement: the same functions as the page, as JSON. Open rounds are in no number."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.category_statistics import Share, category_table, published_agreement
from annotation.models import Round
from annotation.round_agreement import agreement_of_round
from gvsir.api.resources import ReadOnlyView, described


class FrequencySerializer(serializers.Serializer[Any]):
    """``count`` of ``n`` incidents, with the Wilson interval of the share."""

    count = serializers.IntegerField()
    n = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class CoderCountSerializer(serializers.Serializer[Any]):
    """A coder and the number of incidents handed in."""

    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    n = serializers.IntegerField()


class CoderSharesSerializer(serializers.Serializer[Any]):
    """How often one coder gave a category: as the main one, and at all."""

    coder = serializers.CharField()
    main = FrequencySerializer()
    given = FrequencySerializer()


class CategoryRowSerializer(serializers.Serializer[Any]):
    """A category of the scale."""

    system = serializers.IntegerField()
    key = serializers.CharField()
    name = serializers.CharField()
    coders = CoderSharesSerializer(many=True)


class CategoryTableSerializer(serializers.Serializer[Any]):
    """Category frequencies by coder over closed rounds; ``origins`` says who coded."""

    coders = CoderCountSerializer(many=True)
    origins = serializers.ListField(child=serializers.CharField())
    categories = CategoryRowSerializer(many=True)


class RoundReferenceSerializer(serializers.Serializer[Any]):
    """A closed round that ``?round=`` takes."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    origin = serializers.CharField()


class AgreementSerializer(serializers.Serializer[Any]):
    """Agreement of a round in the shape of ``gvsir round_agreement --json``, or what there is to ask for.

    Without ``round``: ``rounds`` and ``published`` (the independent annotators of CSETv1, per field).
    """

    rounds = RoundReferenceSerializer(many=True, required=False)
    published = serializers.ListField(child=serializers.DictField(), required=False)
    statistic = serializers.CharField(required=False)
    value = serializers.FloatField(allow_null=True, required=False)
    undefined_reason = serializers.CharField(allow_null=True, required=False)
    interval = serializers.DictField(allow_null=True, required=False)
    n_units = serializers.IntegerField(required=False)
    n_units_used = serializers.IntegerField(required=False)
    n_coders = serializers.IntegerField(required=False)
    categories = serializers.ListField(child=serializers.CharField(), required=False)
    raw_agreement = serializers.FloatField(allow_null=True, required=False)
    per_category = serializers.DictField(child=serializers.DictField(), required=False)


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.of_n, "n": share.n, "share": share.share, "low": share.low, "high": share.high}


class CategoryStatisticsView(ReadOnlyView):
    """How often each category was given."""

    action_required = "statistics.view"

    @described("Category frequencies by coder, over closed rounds", responses=CategoryTableSerializer)
    def get(self, request: Request) -> Response:
        """Return the table of the statistics page."""
        table = category_table(request.user)
        return Response({
            "coders": [
                {"key": coder.key, "name": coder.name, "kind": coder.kind, "n": n}
                for coder, n in zip(table.coders, table.n, strict=True)
            ],
            "origins": table.origins,
            "categories": [
                {
                    "system": row.category.system_id,
                    "key": row.category.key,
                    "name": row.category.name,
                    "coders": [
                        {"coder": coder.key, "main": _share(main), "given": _share(given)}
                        for coder, main, given in zip(table.coders, row.main, row.given, strict=True)
                    ],
                }
                for row in table.rows
            ],
        })


class AgreementStatisticsView(ReadOnlyView):
    """How far coders agree."""

    action_required = "statistics.view"
    parameters = ("round",)

    @described(
        "Agreement of a closed round, or the rounds there are and the agreement of published classifications",
        responses=AgreementSerializer,
        parameters=[OpenApiParameter("round", OpenApiTypes.INT, description="Id of a closed round.")],
    )
    def get(self, request: Request) -> Response:
        """Return the agreement of ``round``; 409 while it is open."""
        asked = request.query_params.get("round", "")
        if asked:
            return Response(agreement_of_round(_round(asked)).as_json())
        closed = Round.objects.filter(status=Round.Status.CLOSED).order_by("pk")
        return Response({
            "rounds": [{"id": each.pk, "name": each.name, "origin": each.origin} for each in closed],
            "published": [
                {
                    "field": each.field,
                    "alpha": each.alpha.as_dict(),
                    "kappa": each.kappa.value if each.kappa else None,
                    "kappa_n_units": each.kappa.n_units if each.kappa else None,
                    "kappa_undefined_reason": each.kappa_reason or None,
                }
                for each in published_agreement()
            ],
        })


def _round(asked: str) -> Round:
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else None
    found = Round.objects.filter(pk=number).select_related("codebook").first() if number is not None else None
    if found is None:
        raise exceptions.ValidationError({"round": ["There is no such round."]})
    return found
