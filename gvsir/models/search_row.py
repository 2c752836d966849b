"""The full-text table of incidents, made by a migration; see :mod:`gvsir.search`."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.lookups import Lookup


class SearchTokensField(models.TextField[str, str]):
    """The searchable tokens of a row: FTS5's own column on SQLite, a ``tsvector`` on PostgreSQL."""


@SearchTokensField.register_lookup
class Matches(Lookup[str]):
    """``tokens__matches=expression``: the row holds every token of an expression made by ``gvsir.search``."""

    lookup_name = "matches"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL of the vendor at hand."""
        left, left_params = self.process_lhs(compiler, connection)
        operator = "@@ %s::tsquery" if connection.vendor == "postgresql" else "MATCH %s"
        return f"{left} {operator}", (*left_params, self.rhs)


class IncidentSearchRow(models.Model):
    """The tokens of one incident. Written by :func:`gvsir.search.index_incidents` only."""

    incident = models.OneToOneField(
        "gvsir.Incident", on_delete=models.CASCADE, primary_key=True, db_column="rowid",
        db_constraint=False, related_name="search_row",
    )
    tokens = SearchTokensField(db_column="gvsir_incident_search")

    class Meta:
        managed = False
        db_table = "gvsir_incident_search"

    def __str__(self) -> str:
        return f"search row of incident {self.pk}"
