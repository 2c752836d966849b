"""People, firms and groups named in incidents, with their role in each."""

from __future__ import annotations

from django.db import models


class Entity(models.Model):
    """A named party, e.g. a developer."""

    slug = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=300)

    class Meta:
        ordering = ["name", "slug"]
        verbose_name_plural = "entities"

    def __str__(self) -> str:
        return self.name


class EntityRole(models.Model):
    """What an entity is said to be in an incident."""

    class Role(models.TextChoices):
        DEPLOYER = "deployer", "alleged deployer"
        DEVELOPER = "developer", "alleged developer"
        HARMED = "harmed", "alleged harmed or nearly harmed party"

    incident = models.ForeignKey("gvsir.Incident", on_delete=models.CASCADE, related_name="entity_roles")
    entity = models.ForeignKey("gvsir.Entity", on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=12, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "entity", "role"], name="gvsir_entityrole_once"),
        ]
        indexes = [models.Index(fields=["role", "entity"], name="gvsir_entityrole_facet")]

    def __str__(self) -> str:
        return f"{self.entity_id} as {self.role} in {self.incident_id}"
