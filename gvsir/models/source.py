"""Where records come from, with licence and attribution."""

from __future__ import annotations

from django.db import models


class Source(models.Model):
    """A body of data that records were taken from, e.g. one AIID snapshot."""

    key = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=80, blank=True)
    url = models.URLField(blank=True)
    licence = models.CharField(max_length=80)
    attribution = models.TextField()

    def __str__(self) -> str:
        return self.name
