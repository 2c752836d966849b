"""Value systems: the GVS-Scale, Schwartz's ten values, moral foundations, LLM-unique values, SALAD."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import get_language


class ValueSystemManager(models.Manager["ValueSystem"]):
    """Reads of value systems."""

    def current(self, key: str) -> ValueSystem:
        """Return the newest version of the system ``key``.

        Raises
        ------
        ValueSystem.DoesNotExist
            It has not been loaded; ``gvsir load_reference`` loads it.
        """
        return self.filter(key=key).order_by("version").reverse()[:1].get()


class ValueSystem(models.Model):
    """One version of a system of values or of safety categories."""

    key = models.SlugField(max_length=40)
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=200)
    name_zh = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the fixture it was loaded from.")
    source = models.ForeignKey("gvsir.Source", on_delete=models.PROTECT, related_name="+")
    scale_low = models.FloatField(help_text="Lowest possible score.")
    scale_high = models.FloatField(help_text="Highest possible score.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[ValueSystemManager] = ValueSystemManager()

    class Meta:
        ordering = ["key", "version"]
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="gvsir_valuesystem_version"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the reader's language."""
        return _localised(self.name, self.name_zh)


class ValueDimension(models.Model):
    """A node of a value system: a layer, category, value, foundation, domain or task."""

    system = models.ForeignKey("gvsir.ValueSystem", on_delete=models.CASCADE, related_name="dimensions")
    key = models.CharField(max_length=80, help_text="Unique in its system, e.g. life_safety or task:O1.")
    level = models.CharField(max_length=20, help_text="layer, category, group, value, foundation, domain, task …")
    name = models.CharField(max_length=200)
    name_zh = models.CharField(max_length=200, blank=True)
    definition = models.TextField(blank=True)
    definition_zh = models.TextField(blank=True)
    parents = models.ManyToManyField("self", symmetrical=False, related_name="children", blank=True)
    order = models.PositiveIntegerField(help_text="Place in the system's own order, from 1 on each level.")
    is_scored = models.BooleanField(default=False, help_text="Scores are given on this level.")

    class Meta:
        ordering = ["system", "level", "order"]
        constraints = [
            models.UniqueConstraint(fields=["system", "key"], name="gvsir_valuedimension_key"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the reader's language."""
        return _localised(self.name, self.name_zh)

    @property
    def meaning(self) -> str:
        """The definition in the reader's language."""
        return _localised(self.definition, self.definition_zh)


def _localised(english: str, chinese: str) -> str:
    return chinese if chinese and (get_language() or "").startswith("zh") else english
