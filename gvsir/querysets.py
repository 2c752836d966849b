"""Named reads of incidents."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Count, Q

from gvsir.permissions import allowed


class IncidentQuerySet(models.QuerySet[Any]):
    """Reads of incidents; start from :meth:`visible_to` wherever a person is looking."""

    def published(self) -> Self:
        """Incidents that everybody may see."""
        return self.filter(status="published")

    def visible_to(self, user: Any) -> Self:
        """Incidents that ``user`` may see."""
        if allowed(user, "incident.view_unpublished"):
            return self
        return self.filter(Q(status="published"))

    def search(self, query: str) -> Self:
        """Incidents that hold every word of ``query``, with ``search_rank`` (higher is better)."""
        from gvsir.search import search

        return search(self, query)  # type: ignore[return-value]

    def with_report_counts(self) -> Self:
        """Add ``n_reports``."""
        return self.annotate(n_reports=Count("report_links", distinct=True))
