"""Classifications of one incident, laid side by side: a table per taxonomy, a column per coder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext

from gvsir.models import Classification, ClassificationValue, Coder, Incident, TaxonomyField
from gvsir.permissions import allowed

#: Kinds of field that coders fill in their own words: two wordings are no disagreement of codes.
OWN_WORDS: Final = frozenset({"string", "long_string", "list", "object-list", "date", "location"})
#: A table shows at least this many fields at once, if it has as many.
SHOWN_AT_ONCE: Final = 8
#: Values longer than this may quote sources at length; they stay folded with a folded incident.
SHORT_VALUE: Final = 80


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One coder's value of one field; "" where the coder left it blank."""

    value: str
    differs: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """One field with the value of each coder, and whether the independent coders agree."""

    field: TaxonomyField
    cells: list[Cell]
    state: str  # agreed, differs, single

    @property
    def is_coded(self) -> bool:
        """Whether coders chose among given values."""
        return self.field.display_type not in OWN_WORDS


@dataclass(kw_only=True)
class Table:
    """One taxonomy: its coders as columns; the rows to show at once, and the others."""

    taxonomy: Any
    columns: list[Classification]
    main: list[Row] = field(default_factory=list)
    rest: list[Row] = field(default_factory=list)

    @property
    def compared(self) -> bool:
        """Whether more than one coder is shown."""
        return len(self.columns) > 1

    @property
    def n_differing(self) -> int:
        """Number of fields with given values on which the coders differ."""
        return sum(row.state == "differs" and row.is_coded for row in (*self.main, *self.rest))

    @property
    def n_comparable(self) -> int:
        """Number of fields with given values that two coders filled in."""
        return sum(row.state != "single" and row.is_coded for row in (*self.main, *self.rest))


def compared_row(taxonomy_field: TaxonomyField, values: list[str], independent: list[bool]) -> Row:
    """Return a row, its cells marked where coders who worked apart gave different values.

    Parameters
    ----------
    taxonomy_field : TaxonomyField
    values : list of str
        One value a column; "" is blank, and a blank is neither agreement nor difference.
    independent : list of bool
        Which columns worked apart; a record reconciled from the others did not. Where fewer than
        two did, all columns are compared.
    """
    chosen = independent if sum(independent) > 1 else [True] * len(values)
    given = [value for value, counts in zip(values, chosen, strict=True) if counts and value]
    differs = len(set(given)) > 1
    state = "single" if len(given) < 2 else "differs" if differs else "agreed"
    cells = [
        Cell(value=value, differs=differs and counts and bool(value))
        for value, counts in zip(values, chosen, strict=True)
    ]
    return Row(field=taxonomy_field, cells=cells, state=state)


def classification_tables(incident: Incident, viewer: Any, *, folded: bool) -> list[Table]:
    """Return the tables that ``viewer`` may see, with two queries however many there are.

    ``folded``: leave out long values, which may quote what the reader chose or has not to see.
    """
    sees_all = allowed(viewer, "classification.view_unpublished")
    rows = incident.classifications.select_related("taxonomy_version__taxonomy__source", "coder")
    if not sees_all:
        rows = rows.filter(is_published=True)
    by_taxonomy: dict[int, list[Classification]] = {}
    ordered = rows.order_by("taxonomy_version__taxonomy__namespace", "coder__key").prefetch_related("values__field")
    for each in ordered:
        by_taxonomy.setdefault(each.taxonomy_version.taxonomy_id, []).append(each)
    return [_table(columns, sees_all=sees_all, folded=folded) for columns in by_taxonomy.values()]


def _table(columns: list[Classification], *, sees_all: bool, folded: bool) -> Table:
    columns = sorted(columns, key=lambda each: each.coder.kind == Coder.Kind.TEAM)
    fields: dict[str, TaxonomyField] = {}
    values: list[dict[str, str]] = []
    for column in columns:
        given: dict[str, str] = {}
        for each in column.values.all():
            if not (sees_all or each.field.is_public) or (folded and len(each.value) > SHORT_VALUE):
                continue
            fields.setdefault(each.field.key, each.field)
            given[each.field.key] = _shown(each)
        values.append(given)
    independent = [column.coder.kind != Coder.Kind.TEAM for column in columns]
    table = Table(taxonomy=columns[0].taxonomy_version.taxonomy, columns=columns)
    rows = [
        compared_row(each, [given.get(each.key, "") for given in values], independent)
        for each in _in_order(fields.values())
    ]
    first = [row for row in rows if row.field.is_facet or (row.is_coded and row.state == "differs")]
    others = [row for row in rows if row not in first]
    fill = [row for row in others if row.is_coded and row.field.key != "Incident Number"][: max(0, SHOWN_AT_ONCE - len(first))]
    table.main = [row for row in rows if row in first or row in fill] or rows[:SHOWN_AT_ONCE]
    table.rest = [row for row in rows if row not in table.main]
    return table


def _shown(value: ClassificationValue) -> str:
    """Return the value as people say it: yes and no instead of True and False."""
    if value.field.display_type == "bool":
        return {"true": gettext("yes"), "false": gettext("no")}.get(value.value.lower(), value.value)
    return value.value


def _in_order(fields: Iterable[TaxonomyField]) -> list[TaxonomyField]:
    return sorted(fields, key=lambda each: (each.order, each.key))
