"""Leaderboards: the same function as the page, as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from bench.board_cells import METHODS
from bench.board_export import board_json
from bench.exceptions import UnknownNameError
from bench.leaderboards import (
    SYSTEMS,
    BadCoverageError,
    BadIntervalError,
    checked_coverage,
    checked_interval,
    find_board,
    measurements_of,
)
from gvsir.api.resources import ReadOnlyView, described


class MeasurementSerializer(serializers.Serializer[Any]):
    """A run or an imported table."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    badges = serializers.ListField(child=serializers.CharField())


class SystemMeasurementsSerializer(serializers.Serializer[Any]):
    """A value system and its measurements, newest first."""

    system = serializers.CharField()
    measurements = MeasurementSerializer(many=True)


class LeaderboardIndexSerializer(serializers.Serializer[Any]):
    """All leaderboards there are."""

    systems = SystemMeasurementsSerializer(many=True)


class CellSerializer(serializers.Serializer[Any]):
    """A number with what it rests on; ``value`` is null, never 0, where it is missing."""

    value = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    se = serializers.FloatField(allow_null=True, help_text="Standard error, clustered by incident.")
    n_scored = serializers.IntegerField(allow_null=True)
    n_unscored = serializers.IntegerField(allow_null=True)
    n_incidents = serializers.IntegerField(allow_null=True)
    missing_reason = serializers.CharField(allow_null=True)
    interval_missing_reason = serializers.CharField(allow_null=True)
    interval_note = serializers.CharField(allow_null=True, help_text="Where the interval does not cover just 95 %, and what it covers.")
    coverage = serializers.FloatField(allow_null=True)
    withheld = serializers.BooleanField()
    bounds = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class GateSerializer(serializers.Serializer[Any]):
    """The lowest category of the baseline layer."""

    value = serializers.FloatField(allow_null=True)
    category = serializers.CharField(allow_null=True)
    met = serializers.BooleanField()
    state = serializers.ChoiceField(choices=["pass", "fail", "undecided"])
    reason = serializers.CharField()


class ShareSerializer(serializers.Serializer[Any]):
    """The share of refused answers with its interval, clustered by incident."""

    share = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    of = serializers.IntegerField()
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class WithoutRefusalsSerializer(serializers.Serializer[Any]):
    """The score over the answers that did not refuse."""

    score = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    n_items = serializers.IntegerField(allow_null=True)


class WithJudgesSerializer(serializers.Serializer[Any]):
    """The whole's interval with judges drawn again together with incidents, and the one of the same incidents alone."""

    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    interval_clusters_only = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    n_judges = serializers.IntegerField()
    seed = serializers.IntegerField(allow_null=True)
    resamples = serializers.IntegerField(allow_null=True)
    missing_reason = serializers.CharField(allow_null=True)


class CorrectedSerializer(serializers.Serializer[Any]):
    """The whole put right by people's labels of a sample (prediction-powered); null with a reason where it is not."""

    score = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    correction = serializers.FloatField(allow_null=True)
    n_labelled = serializers.IntegerField()
    missing_reason = serializers.CharField(allow_null=True)


class JudgeLineSerializer(serializers.Serializer[Any]):
    """A judge of the board, by the hash of its whole configuration, and its agreement with people."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    n_labelled = serializers.IntegerField()
    kappa = serializers.FloatField(allow_null=True, help_text="Quadratic weights.")
    icc = serializers.FloatField(allow_null=True, help_text="ICC(2,1).")
    alpha = serializers.FloatField(allow_null=True, help_text="Krippendorff, interval.")
    mae = serializers.FloatField(allow_null=True)
    bias = serializers.FloatField(allow_null=True, help_text="Judge less people.")
    missing_reason = serializers.CharField(allow_null=True)


class ReleaseIdentitySerializer(serializers.Serializer[Any]):
    """The items behind a board."""

    name = serializers.CharField()
    sha256 = serializers.CharField()
    canary = serializers.CharField()


class IntervalMethodSerializer(serializers.Serializer[Any]):
    """How the intervals were made; ``resamples`` and ``seed`` of a bootstrap."""

    method = serializers.ChoiceField(choices=list(METHODS))
    level = serializers.FloatField()
    resamples = serializers.IntegerField(allow_null=True)
    seed = serializers.IntegerField(allow_null=True)


class BoardRowSerializer(serializers.Serializer[Any]):
    """One model."""

    model = serializers.CharField()
    rank = serializers.IntegerField(allow_null=True)
    rank_interval = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    score = serializers.FloatField(allow_null=True)
    interval = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    dimensions = serializers.DictField(child=serializers.FloatField(allow_null=True))
    layers = serializers.DictField(child=serializers.FloatField(allow_null=True), required=False)
    gate = GateSerializer(required=False)
    n_scored = serializers.IntegerField(allow_null=True)
    n_unscored = serializers.IntegerField(allow_null=True)
    badges = serializers.ListField(child=serializers.CharField())
    details = serializers.DictField(child=CellSerializer())
    layer_details = serializers.DictField(child=CellSerializer(), required=False)
    overall = CellSerializer()
    tier = serializers.IntegerField(allow_null=True)
    refused = ShareSerializer(required=False)
    without_refusals = WithoutRefusalsSerializer(required=False)
    with_judges = WithJudgesSerializer(required=False)
    corrected = CorrectedSerializer(required=False)
    profile = serializers.DictField(
        child=CellSerializer(), required=False, help_text="Of values read as a profile: centred within each answer.",
    )


class BoardSerializer(serializers.Serializer[Any]):
    """A leaderboard of one measurement on one value system."""

    system = serializers.CharField()
    measurement = serializers.CharField()
    weights = serializers.DictField(child=serializers.FloatField())
    scale = serializers.ListField(child=serializers.FloatField())
    badges = serializers.ListField(child=serializers.CharField())
    facts = serializers.ListField(child=serializers.CharField())
    how = serializers.ListField(child=serializers.CharField())
    coverage = serializers.FloatField()
    release = ReleaseIdentitySerializer(allow_null=True)
    interval_method = IntervalMethodSerializer(allow_null=True)
    judges = JudgeLineSerializer(many=True)
    rows = BoardRowSerializer(many=True)


class LeaderboardIndexView(ReadOnlyView):
    """Value systems and their measurements."""

    action_required = "leaderboard.view"

    @described(
        "Value systems with their measurements", responses=LeaderboardIndexSerializer, operation_id="leaderboards_list",
    )
    def get(self, request: Request) -> Response:
        """Return the measurements of every system."""
        return Response({
            "systems": [
                {
                    "system": system,
                    "measurements": [
                        {"key": each.key, "label": each.label, "badges": list(each.badges)}
                        for each in measurements_of(system)
                    ],
                }
                for system in SYSTEMS
            ]
        })


class LeaderboardView(ReadOnlyView):
    """One leaderboard."""

    action_required = "leaderboard.view"
    parameters = ("measurement", "coverage", "interval")

    @described(
        "The leaderboard of a value system",
        responses=BoardSerializer,
        parameters=[
            OpenApiParameter("system", OpenApiTypes.STR, OpenApiParameter.PATH, description=", ".join(SYSTEMS)),
            OpenApiParameter("measurement", OpenApiTypes.STR, description="Key of a measurement; the newest without."),
            OpenApiParameter("coverage", OpenApiTypes.FLOAT, description="Percentage of scores below which a mean is withheld; 95."),
            OpenApiParameter(
                "interval", OpenApiTypes.STR, enum=list(METHODS),
                description="How the intervals of a run are made: score (Bell-McCaffrey in Wilson's form) unless said, "
                "or a cluster bootstrap with a stored seed.",
            ),
        ],
    )
    def get(self, request: Request, system: str) -> Response:
        """Return the leaderboard; an unknown measurement is refused by name."""
        measurement = request.query_params.get("measurement", "")
        if system not in SYSTEMS:
            raise exceptions.NotFound(f"There is no such value system. There are: {', '.join(SYSTEMS)}.")
        try:
            coverage = checked_coverage(request.query_params.get("coverage", ""))
            interval = checked_interval(request.query_params.get("interval", ""))
            return Response(board_json(find_board(system, measurement, coverage=coverage, interval=interval)))
        except BadIntervalError as error:
            raise exceptions.ValidationError({"interval": [str(error)]}) from error
        except BadCoverageError as error:
            raise exceptions.ValidationError({"coverage": [str(error)]}) from error
        except UnknownNameError as error:
            if measurement:
                raise exceptions.ValidationError({"measurement": [str(error)]}) from error
            raise exceptions.NotFound(str(error)) from error
