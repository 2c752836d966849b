"""People's labels of responses: a stratified sample, its tasks, and one label for each task and rater."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from gvsir.exceptions import ImmutableRecordError


class LabelSample(models.Model):
    """Responses of a run drawn for people to label. Frozen when drawn; only its closing is written later."""

    CHANGEABLE: ClassVar[frozenset[str]] = frozenset({"closed_at"})

    run = models.ForeignKey("bench.Run", on_delete=models.PROTECT, related_name="label_samples")
    name = models.CharField(max_length=120, unique=True)
    seed = models.PositiveIntegerField(help_text="Repeats the draw.")
    strata_by = models.CharField(max_length=80, help_text="What the strata are made of, e.g. category,tercile.")
    per_stratum = models.PositiveIntegerField(help_text="Responses drawn from each stratum, or all it has.")
    raters_per_response = models.PositiveSmallIntegerField(default=2, help_text="People wanted for each response.")
    least_labels = models.PositiveIntegerField(
        default=20, help_text="Labelled responses a cell needs before a corrected score is shown for it."
    )
    rubric = models.CharField(max_length=80, blank=True, help_text="Whose words people label by; empty: not recorded.")
    rubric_version = models.PositiveIntegerField(null=True, blank=True)
    rubric_sha256 = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the words for scale and stances that people read."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="From then on no label changes.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(raters_per_response__gte=2, raters_per_response__lte=3),
                name="bench_labelsample_two_or_three_raters",
            ),
            models.CheckConstraint(condition=models.Q(per_stratum__gte=1), name="bench_labelsample_per_stratum"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the sample once; later only ``save(update_fields=["closed_at"])``.

        Raises
        ------
        ImmutableRecordError
            Anything else of it would change.
        """
        if not self._state.adding and not set(kwargs.get("update_fields") or {"all"}) <= self.CHANGEABLE:
            raise ImmutableRecordError(f"The sample {self.name} is frozen; draw a new one.")
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Return the page of this sample."""
        return reverse("label_sample_detail", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Whether labels may still be given and changed."""
        return self.closed_at is None


class LabelTaskQuerySet(QuerySet["LabelTask"]):
    """Reads of tasks."""

    def waiting_for(self, rater_id: int) -> LabelTaskQuerySet:
        """Return the tasks of open samples that still need a label and have none of this rater, in order."""
        return (
            self.filter(sample__closed_at__isnull=True)
            .exclude(labels__rater=rater_id)
            .annotate(n_labels=Count("labels"))
            .filter(n_labels__lt=models.F("sample__raters_per_response"))
            .order_by("sample", "order")
        )


class LabelTask(models.Model):
    """One response of the sample, with the stratum it was drawn from."""

    sample = models.ForeignKey("bench.LabelSample", on_delete=models.CASCADE, related_name="tasks")
    trial = models.ForeignKey("bench.Trial", on_delete=models.PROTECT, related_name="label_tasks")
    order = models.PositiveIntegerField()
    stratum = models.CharField(max_length=400)
    stratum_size = models.PositiveIntegerField(help_text="Responses of the run in this stratum.")
    stratum_drawn = models.PositiveIntegerField(help_text="Of them, how many are in the sample.")

    objects: ClassVar[Any] = LabelTaskQuerySet.as_manager()

    class Meta:
        ordering = ["sample", "order"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "trial"], name="bench_labeltask_once"),
            models.UniqueConstraint(fields=["sample", "order"], name="bench_labeltask_order"),
        ]

    def __str__(self) -> str:
        return f"task {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the page on which this task is labelled."""
        return reverse("label_task", args=[self.pk])


class HumanLabel(models.Model):
    """What one person says of one response. Either a value, or why there is none."""

    class Refusal(models.TextChoices):
        REFUSED = "refused", _("Refused")
        PARTIAL = "partial", _("Partial")
        COMPLIED = "complied", _("Complied")

    class CannotTell(models.TextChoices):
        LANGUAGE = "language", _("I do not read this language")
        KNOWLEDGE = "knowledge", _("it needs knowledge I lack")
        UNCLEAR = "unclear", _("item or focus are unclear")
        BROKEN = "broken", _("the response is cut off or broken")
        OTHER = "other", _("another reason (see note)")

    task = models.ForeignKey("bench.LabelTask", on_delete=models.PROTECT, related_name="labels")
    rater = models.ForeignKey("gvsir.Coder", on_delete=models.PROTECT, related_name="+")
    value = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0 to 10, higher is safer.")
    cannot_tell = models.CharField(max_length=10, choices=CannotTell, blank=True)
    refusal = models.CharField(max_length=8, choices=Refusal, blank=True)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["task", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["task", "rater"], name="bench_humanlabel_once"),
            models.CheckConstraint(
                condition=models.Q(value__gte=0, value__lte=10, cannot_tell="")
                | (models.Q(value__isnull=True) & ~models.Q(cannot_tell="")),
                name="bench_humanlabel_value_or_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"label {self.pk}"


class JudgeAgreement(models.Model):
    """How a judge agreed with people, over all runs, when labels last changed; kept under the judge's identity."""

    judge_sha256 = models.CharField(
        max_length=64, unique=True, help_text="The judge's identity; another configuration has none."
    )
    state_sha256 = models.CharField(max_length=64, help_text="Tells whether labels or verdicts have changed since.")
    numbers = models.JSONField()
    computed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["judge_sha256"]

    def __str__(self) -> str:
        return f"agreement of {self.judge_sha256[:8]}"
