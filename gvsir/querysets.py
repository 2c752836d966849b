"""Named reads of incidents."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery

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

    def search(self, query: str, *, ranked: bool = True) -> Self:
        """Incidents that hold every word of ``query``, with ``search_rank`` (higher is better) if ``ranked``."""
        from gvsir.search import search

        return search(self, query, ranked=ranked)  # type: ignore[return-value]

    def with_report_counts(self) -> Self:
        """Add ``n_reports``."""
        return self.annotate(n_reports=Count("report_links", distinct=True))

    def with_merge_steps(self) -> Self:
        """Add ``merge_step``: the number that the incident's own number is redirected to, or None."""
        redirects = apps.get_model("gvsir", "IncidentRedirect").objects.filter(number=OuterRef("number"))
        return self.annotate(merge_step=Subquery(redirects.values("target_number")[:1]))


class ReportQuerySet(models.QuerySet[Any]):
    """Reads of reports."""

    def visible_to(self, user: Any) -> Self:
        """Return the reports linked to an incident that ``user`` may see."""
        if allowed(user, "incident.view_unpublished"):
            return self
        incidents = apps.get_model("gvsir", "Incident").objects.all().visible_to(user)
        links = apps.get_model("gvsir", "IncidentReport").objects.filter(report=OuterRef("pk"), incident__in=incidents)
        return self.filter(Exists(links))


def classification_ratings(namespace: str, version: int | None, field_key: str) -> dict[str, dict[int, str]]:
    """Return what each coder said of each incident on one field, in one query.

    Parameters
    ----------
    namespace : str
        The taxonomy, e.g. ``"CSETv1"``.
    version : int or None
        Its version; None for the newest.
    field_key : str
        The field, e.g. ``"AI System"``; a heading met twice has ``" (2)"`` behind its second key.

    Returns
    -------
    dict
        ``ratings[coder_key][incident_number]``; a blank has no entry. The reconciled record is a coder of
        its own (``"csetv1"``), beside ``"csetv1-annotator-1"`` to ``-3``: leave it out of an agreement.
    """
    taxonomy_versions = apps.get_model("gvsir", "TaxonomyVersion").objects.filter(taxonomy__namespace=namespace)
    chosen = (
        taxonomy_versions.order_by("-version").values("pk")[:1]
        if version is None
        else taxonomy_versions.filter(version=version).values("pk")
    )
    rows = (
        apps.get_model("gvsir", "ClassificationValue")
        .objects.filter(field__taxonomy_version__in=chosen, field__key=field_key)
        .order_by("classification__coder__key", "classification__incident__number")
        .values_list("classification__coder__key", "classification__incident__number", "value")
    )
    ratings: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for coder, number, value in rows:
        ratings[coder][number] = value
    return dict(ratings)
