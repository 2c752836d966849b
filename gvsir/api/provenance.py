"""The chain of evidence of any record, as a list of typed links."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gvsir import provenance
from gvsir.api.moved import MovedSerializer, moved
from gvsir.api.resources import ReadOnlyView, described
from gvsir.redirects import redirect_chain


class ReferenceSerializer(serializers.Serializer[Any]):
    """Which record a link rests on."""

    kind = serializers.CharField()
    id = serializers.CharField()


class FactSerializer(serializers.Serializer[Any]):
    """A label and a value."""

    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()


class StepSerializer(serializers.Serializer[Any]):
    """One link of the chain; ``ends`` says why the trail stops before a report."""

    kind = serializers.CharField()
    id = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField(allow_null=True)
    url = serializers.CharField()
    badges = serializers.ListField(child=serializers.CharField())
    facts = FactSerializer(many=True)
    withheld = serializers.CharField()
    ends = serializers.CharField()
    next = ReferenceSerializer(many=True)


class ChainSerializer(serializers.Serializer[Any]):
    """The chain; ``complete`` where every branch is whole down to a report."""

    kind = serializers.CharField()
    id = serializers.CharField()
    complete = serializers.BooleanField()
    steps = StepSerializer(many=True)


def is_complete(steps: list[provenance.Step]) -> bool:
    """Return whether each link leads to links that are there too, and each last one is a report."""
    there = {(step.kind, step.id) for step in steps}
    return bool(steps) and all(
        set(step.next) <= there if step.next else step.kind == "report" for step in steps
    )


def step_data(step: provenance.Step) -> dict[str, Any]:
    """Return a step as plain data; a text that is withheld is null."""
    return {
        "kind": step.kind,
        "id": step.id,
        "title": step.title,
        "text": None if step.withheld else step.text,
        "url": step.url,
        "badges": list(step.badges),
        "facts": [{"label": str(label), "value": str(value)} for label, value in step.facts],
        "withheld": step.withheld,
        "ends": step.ends,
        "next": [{"kind": kind, "id": record_id} for kind, record_id in step.next],
    }


class ProvenanceView(ReadOnlyView):
    """From a score, response, item, coding or incident down to the reports."""

    action_required = "provenance.view"

    @described(
        "The chain of evidence of a record",
        responses=ChainSerializer,
        more={301: OpenApiResponse(MovedSerializer, "Merged: the Location header names the chain of what it means now.")},
        parameters=[
            OpenApiParameter(
                "kind", OpenApiTypes.STR, OpenApiParameter.PATH,
                description="score, response, item, coding, sentence, incident, report …",
            ),
            OpenApiParameter(
                "id", OpenApiTypes.STR, OpenApiParameter.PATH,
                description="Its id in this API; of an incident its number or public id, and 301 leads on from a "
                "merged one.",
            ),
        ],
    )
    def get(self, request: Request, kind: str, record_id: str) -> Response:
        """Return the chain; 404 where there is no such kind or record, or the caller may not see it."""
        if kind not in provenance.kinds():
            raise exceptions.NotFound(f"There is no such kind. There are: {', '.join(provenance.kinds())}.")
        record_id = provenance.plain_id(kind, record_id)
        if kind == "incident" and record_id.isdecimal():
            chain = redirect_chain(int(record_id))
            if not chain:
                raise exceptions.NotFound("This number is redirected in a circle.")
            if len(chain) > 1:
                return moved(chain, reverse("api-provenance", args=[kind, chain[-1]]))
        steps = provenance.chain(kind, record_id, request.user)
        if not steps or (steps[0].kind, steps[0].id) != (kind, record_id):
            raise exceptions.NotFound
        return Response({
            "kind": kind, "id": record_id, "complete": is_complete(steps), "steps": [step_data(s) for s in steps],
        })
