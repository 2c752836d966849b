"""What the API says of the cost of calls."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class CostSerializer(serializers.Serializer[Any]):
    """The cost of calls in US dollars; without the exact one where that of any call is not known."""

    cost_usd = serializers.FloatField(allow_null=True)
    cost_at_least_usd = serializers.FloatField()
    cost_at_most_usd = serializers.FloatField(allow_null=True)
    unpriced_calls = serializers.IntegerField()
