"""A run's scores once more, as arrays: what pages read in place of a million rows."""

from __future__ import annotations

from django.db import models


class KeptScores(models.Model):
    """The scores of a run as :mod:`bench.score_arrays` wrote them when the run was last scored.

    Derived: the rows of ``Score`` say the same and are what every number leads to. Taken away before scores of the
    run change and written again after, both by ``score_run``, the only writer of scores. Where there is none,
    readers go to the rows.
    """

    run = models.OneToOneField("bench.Run", on_delete=models.CASCADE, related_name="kept_scores")
    content = models.BinaryField(help_text="numpy arrays (npz), deflated.")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "kept scores"

    def __str__(self) -> str:
        return f"scores of run {self.run_id}"
