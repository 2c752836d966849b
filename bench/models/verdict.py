"""What a judge says of each dimension of a framework of values."""

from __future__ import annotations

from django.db import models


class DimensionVerdict(models.Model):
    """One dimension of one judgement: direction and strength apart, with the words of the answer that show it."""

    judgement = models.ForeignKey("bench.Judgement", on_delete=models.CASCADE, related_name="dimension_verdicts")
    dimension = models.ForeignKey("gvsir.ValueDimension", on_delete=models.PROTECT, related_name="+")
    direction = models.SmallIntegerField(
        null=True, blank=True, help_text="-1 against, 0 both, 1 for; null: not engaged or not readable."
    )
    strength = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0 barely to 3 centrally.")
    evidence = models.TextField(blank=True, help_text="The words of the answer that the judge quotes.")
    value = models.FloatField(null=True, blank=True, help_text="On the system's scale; null is missing, never 0.")
    missing_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["judgement", "dimension"]
        constraints = [
            models.UniqueConstraint(fields=["judgement", "dimension"], name="bench_dimensionverdict_once"),
            models.CheckConstraint(
                condition=models.Q(value__isnull=False, missing_reason="")
                | (models.Q(value__isnull=True) & ~models.Q(missing_reason="")),
                name="bench_dimensionverdict_missing_has_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(direction__isnull=True, strength__isnull=True)
                | models.Q(direction__gte=-1, direction__lte=1, strength__gte=0, strength__lte=3),
                name="bench_dimensionverdict_direction_and_strength",
            ),
        ]

    def __str__(self) -> str:
        return f"dimension {self.dimension_id} of judgement {self.judgement_id}"
