"""Assignments, segments and codings: who marked which passage with which code."""

from __future__ import annotations

import re
from typing import Final

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

_CHINESE: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


class Assignment(models.Model):
    """One document for one coder in one round, with what the coder says of the whole document."""

    class Status(models.TextChoices):
        ASSIGNED = "assigned"
        IN_PROGRESS = "in_progress", "in progress"
        SUBMITTED = "submitted"

    class Stance(models.TextChoices):
        REFUSE = "refuse", _("Refuse")
        SUPPORT = "support", _("Support")
        WARN = "warn", _("Warn")
        CORRECT = "correct", _("Correct")
        BALANCE = "balance", _("Balance")
        TREAT_FAIRLY = "treat_fairly", _("treat fairly")

    class Stage(models.TextChoices):
        DATA = "data", _("Data")
        MODEL_BUILDING = "model building", _("Model Building")
        OUTPUT = "output", _("Output")

    round = models.ForeignKey("annotation.Round", on_delete=models.PROTECT, related_name="assignments")
    document = models.ForeignKey("annotation.Document", on_delete=models.PROTECT, related_name="assignments")
    coder = models.ForeignKey("gvsir.Coder", on_delete=models.PROTECT, related_name="assignments")
    status = models.CharField(max_length=12, choices=Status, default=Status.ASSIGNED)
    stance = models.CharField(
        max_length=12, choices=Stance, blank=True, help_text="What a good answer of a model would do here."
    )
    lifecycle_stage = models.CharField(max_length=16, choices=Stage, blank=True, help_text="Blank: cannot tell.")
    order = models.PositiveIntegerField(default=0, help_text="Place in the coder's queue.")
    updated_at = models.DateTimeField(auto_now=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["round", "coder", "order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["round", "document", "coder"], name="annotation_assignment_once"),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the coding page."""
        return reverse("assignment_code", args=[self.pk])


class CategoryAssignment(models.Model):
    """A category of the scale that a coder gave to a whole document."""

    assignment = models.ForeignKey("annotation.Assignment", on_delete=models.CASCADE, related_name="categories")
    category = models.ForeignKey("gvsir.ValueDimension", on_delete=models.PROTECT, related_name="+")
    is_main = models.BooleanField(default=False)

    class Meta:
        ordering = ["assignment", "-is_main", "category__order"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "category"], name="annotation_categoryassignment_once"),
            models.UniqueConstraint(
                fields=["assignment"], condition=Q(is_main=True), name="annotation_categoryassignment_one_main"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category_id} for {self.assignment_id}"


class Segment(models.Model):
    """A passage of a document: code points, first is 0, end exclusive."""

    document = models.ForeignKey("annotation.Document", on_delete=models.PROTECT, related_name="segments")
    start_codepoint = models.PositiveIntegerField()
    end_codepoint = models.PositiveIntegerField()

    class Meta:
        ordering = ["document", "start_codepoint", "end_codepoint"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "start_codepoint", "end_codepoint"], name="annotation_segment_once"
            ),
            models.CheckConstraint(
                condition=Q(end_codepoint__gt=F("start_codepoint")), name="annotation_segment_not_empty"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start_codepoint}-{self.end_codepoint} of {self.document_id}"

    @property
    def quote(self) -> str:
        """The passage itself."""
        return self.document.text[self.start_codepoint : self.end_codepoint]


class Coding(models.Model):
    """A code applied to a segment by the coder of an assignment."""

    assignment = models.ForeignKey("annotation.Assignment", on_delete=models.CASCADE, related_name="codings")
    segment = models.ForeignKey("annotation.Segment", on_delete=models.PROTECT, related_name="codings")
    code = models.ForeignKey("annotation.Code", on_delete=models.PROTECT, related_name="codings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["assignment", "segment__start_codepoint", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "segment", "code"], name="annotation_coding_once"),
        ]

    def __str__(self) -> str:
        return f"{self.code_id} on {self.segment_id}"


class Memo(models.Model):
    """A thought written down while coding, on a document or on one coding."""

    class Kind(models.TextChoices):
        ANALYTIC = "analytic", "analytic memo"
        SCENARIO = "scenario", "what a user could ask a model"

    assignment = models.ForeignKey("annotation.Assignment", on_delete=models.CASCADE, related_name="memos")
    coding = models.ForeignKey(
        "annotation.Coding", on_delete=models.CASCADE, null=True, blank=True, related_name="memos"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.ANALYTIC)
    text = models.TextField()
    text_zh = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["assignment", "pk"]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def language(self) -> str:
        """The language of ``text``, by its letters."""
        return "zh" if _CHINESE.search(self.text) else "en"
