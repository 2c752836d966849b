"""Incidents, their public numbers, and redirects for merged numbers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from gvsir.querysets import IncidentQuerySet


def public_id_of(number: int) -> str:
    """Return the permanent public id of incident ``number``: GVSIR-639."""
    return f"GVSIR-{number}"


class NumberCounter(models.Model):
    """The last number given out in one series; locked while the next is taken."""

    series = models.CharField(max_length=40, primary_key=True)
    value = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.series}: {self.value}"


class Incident(models.Model):
    """An alleged harm or near-harm event in which an AI system is implicated."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        WITHDRAWN = "withdrawn"

    class DatePrecision(models.TextChoices):
        DAY = "day"
        MONTH = "month"
        YEAR = "year"
        UNKNOWN = "unknown"

    class Harm(models.TextChoices):
        """What kind of content the text may hurt with; shown before it is unfolded."""

        NONE = "", _("none")
        SELF_HARM = "self_harm", _("self-harm or suicide")
        MINORS = "minors", _("abuse of minors")
        SEXUAL = "sexual", _("sexual content")
        VIOLENCE = "violence", _("violence")

    number = models.PositiveIntegerField(unique=True, help_text="n of the public id GVSIR-n; never reused.")
    source = models.ForeignKey("gvsir.Source", on_delete=models.PROTECT, related_name="incidents")
    source_record_id = models.CharField(max_length=80)
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT)
    status_reason = models.TextField(blank=True)
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True)
    language = models.CharField(max_length=12, default="en")
    date = models.DateField(null=True, blank=True, help_text="Date of the event.")
    date_precision = models.CharField(max_length=8, choices=DatePrecision, default=DatePrecision.DAY)
    harm = models.CharField(max_length=12, choices=Harm, blank=True, default=Harm.NONE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords()
    objects: ClassVar[models.Manager[Incident]] = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-date", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["source", "source_record_id"], name="gvsir_incident_source_record"),
        ]
        indexes = [models.Index(fields=["status", "-date", "-number"], name="gvsir_incident_listing")]

    def __str__(self) -> str:
        return self.public_id

    def get_absolute_url(self) -> str:
        """Return the page of this incident."""
        return reverse("incident_detail", args=[self.number])

    @property
    def public_id(self) -> str:
        """The permanent public id."""
        return public_id_of(self.number)


class IncidentRedirect(models.Model):
    """A public number that now means another one; followed through chains for ever."""

    number = models.PositiveIntegerField(unique=True)
    target_number = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(number=models.F("target_number")), name="gvsir_incidentredirect_not_itself"
            )
        ]

    def __str__(self) -> str:
        return f"{public_id_of(self.number)} → {public_id_of(self.target_number)}"
