"""Columns and groups of a leaderboard from a value system in the database."""

from __future__ import annotations

from collections.abc import Iterable

from bench.board import Column, Group
from bench.exceptions import BadWeightsError
from gvsir.models import ValueDimension, ValueSystem


def columns_of(system: ValueSystem, only: Iterable[int] | None = None) -> tuple[tuple[Column, ...], tuple[Group, ...]]:
    """Return the scored dimensions of ``system`` (those in ``only``) in its own order, and their groups.

    Two queries, whatever the size. A group without a scored member is left out.
    """
    dimensions = ValueDimension.objects.filter(system=system, is_scored=True).prefetch_related("parents")
    wanted = sorted(dimensions, key=lambda each: each.order)
    if only is not None:
        keep = set(only)
        wanted = [dimension for dimension in wanted if dimension.pk in keep]
    columns = tuple(
        Column(
            key=dimension.key, label=dimension.label, order=dimension.order, dimension=dimension,
            groups=tuple(parent.key for parent in sorted(dimension.parents.all(), key=lambda each: each.order)),
        )
        for dimension in wanted
    )
    parents = {parent.key: parent for dimension in wanted for parent in dimension.parents.all()}
    groups = tuple(
        Group(
            key=parent.key, label=parent.label, gist=parent.meaning, order=parent.order, dimension=parent,
            members=tuple(column.key for column in columns if parent.key in column.groups),
        )
        for parent in sorted(parents.values(), key=lambda each: each.order)
    )
    return columns, groups


def full_weights(columns: Iterable[Column], weights: dict[str, float] | None, *, system: str) -> dict[str, float]:
    """Return a weight for every column; those that ``weights`` do not name weigh 1.

    Raises
    ------
    BadWeightsError
        One of ``weights`` names no column, or all columns would weigh 0.
    """
    keys = [column.key for column in columns]
    given = weights or {}
    unknown = sorted(set(given) - set(keys))
    if unknown:
        raise BadWeightsError(f"{', '.join(unknown)}: no dimension of {system}; {', '.join(keys)} are.")
    found = {key: given.get(key, 1.0) for key in keys}
    if keys and not any(found.values()):
        raise BadWeightsError("At least one weight must be above 0.")
    return found
