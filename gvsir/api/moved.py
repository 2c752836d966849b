"""The answer to the number of a merged incident: where it leads now."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers, status
from rest_framework.response import Response

from gvsir.models.incident import public_id_of


class MovedSerializer(serializers.Serializer[Any]):
    """Where a merged number leads."""

    number = serializers.IntegerField()
    public_id = serializers.CharField()
    chain = serializers.ListField(child=serializers.IntegerField())
    url = serializers.CharField()


def moved(chain: list[int], url: str) -> Response:
    """Return 301 to ``url``, where what ``chain`` ends with is found."""
    target = chain[-1]
    data = {"number": target, "public_id": public_id_of(target), "chain": chain, "url": url}
    return Response(data, status=status.HTTP_301_MOVED_PERMANENTLY, headers={"Location": url})
