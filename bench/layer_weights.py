"""Weights under which a whole is the mean of its layers. No Django here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def layer_weights(
    weights: Mapping[str, float], layers: Mapping[str, Sequence[str]], present: Sequence[str]
) -> dict[str, float]:
    """Return weights under which equal wishes give the mean of the layers' means.

    Each member's weight is divided by the number of members of its layer that weigh more than 0 and are
    ``present``, so that a layer of two categories counts as much as one of six.

    Examples
    --------
    >>> layer_weights({"a": 1, "b": 1, "c": 2}, {"first": ["a", "b"], "second": ["c"]}, ["a", "b", "c"])
    {'a': 0.5, 'b': 0.5, 'c': 2.0}
    """
    result: dict[str, float] = {}
    for members in layers.values():
        counted = [key for key in members if weights.get(key, 0.0) > 0 and key in present]
        for key in counted:
            result[key] = weights[key] / len(counted)
    return result
