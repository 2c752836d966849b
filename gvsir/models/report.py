"""Reports (articles, filings, posts) and their many-to-many links to incidents."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from gvsir.querysets import ReportQuerySet


class Report(models.Model):
    """One published account of something that happened. The text itself is kept only where licensed."""

    source = models.ForeignKey("gvsir.Source", on_delete=models.PROTECT, related_name="reports")
    source_record_id = models.CharField(max_length=80)
    title = models.CharField(max_length=500, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    language = models.CharField(max_length=12, blank=True)
    date_published = models.DateField(null=True, blank=True)
    incidents = models.ManyToManyField("gvsir.Incident", through="IncidentReport", related_name="reports")

    objects: ClassVar[models.Manager[Report]] = ReportQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "source_record_id"], name="gvsir_report_source_record"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.source_record_id}"


class IncidentReport(models.Model):
    """The link of one report to one incident."""

    incident = models.ForeignKey("gvsir.Incident", on_delete=models.CASCADE, related_name="report_links")
    report = models.ForeignKey("gvsir.Report", on_delete=models.PROTECT, related_name="incident_links")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "report"], name="gvsir_incidentreport_once"),
        ]

    def __str__(self) -> str:
        return f"report {self.report_id} of incident {self.incident_id}"
