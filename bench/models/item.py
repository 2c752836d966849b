"""Benchmark items and the immutable releases they go into."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from gvsir.exceptions import ImmutableRecordError


class Item(models.Model):
    """A benchmark question with what a good answer must do, derived from a coded incident."""

    class Modality(models.TextChoices):
        TEXT = "T", _("text")
        IMAGE = "I", _("image")
        VIDEO = "V", _("video")
        AUDIO = "A", _("audio")

    class Stance(models.TextChoices):
        REFUSE = "refuse", _("Refuse")
        SUPPORT = "support", _("Support")
        WARN = "warn", _("Warn")
        CORRECT = "correct", _("Correct")
        BALANCE = "balance", _("Balance")
        TREAT_FAIRLY = "treat_fairly", _("treat fairly")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        ACCEPTED = "accepted", _("Accepted")
        REJECTED = "rejected", _("Rejected")

    modality = models.CharField(max_length=1, choices=Modality, default=Modality.TEXT)
    number = models.PositiveIntegerField(help_text="n of the public id, e.g. 7 in T-7; never reused.")
    category = models.ForeignKey("gvsir.ValueDimension", on_delete=models.PROTECT, related_name="+")
    stance = models.CharField(max_length=12, choices=Stance)
    prompt_en = models.TextField()
    prompt_zh = models.TextField()
    focus_en = models.TextField()
    focus_zh = models.TextField()
    incident = models.ForeignKey("gvsir.Incident", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    codings = models.ManyToManyField("annotation.Coding", related_name="items", blank=True)
    template = models.CharField(max_length=80, blank=True, help_text="The derivation template and its version.")
    twin_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="twins",
        help_text="The item whose request this one asks about harmlessly; a refusal of this one is over-refusal.",
    )
    status = models.CharField(max_length=8, choices=Status, default=Status.PROPOSED)
    is_model_made = models.BooleanField(default=False, help_text="A language model wrote part of it.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    review_note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["modality", "number"]
        constraints = [
            models.UniqueConstraint(fields=["modality", "number"], name="bench_item_public_id"),
            models.UniqueConstraint(
                fields=["incident", "template", "category"], name="bench_item_derivation",
                condition=models.Q(incident__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def get_absolute_url(self) -> str:
        """Return the page of this item."""
        return reverse("item_detail", args=[self.public_id])

    @property
    def prompt(self) -> dict[str, str]:
        """The question by language, as a release freezes it."""
        return {"en": self.prompt_en, "zh": self.prompt_zh}

    @property
    def focus(self) -> dict[str, str]:
        """What is looked at, by language, as a release freezes it."""
        return {"en": self.focus_en, "zh": self.focus_zh}

    @property
    def public_id(self) -> str:
        """The permanent public id, e.g. T-7."""
        return f"{self.modality}-{self.number}"


class Attachment(models.Model):
    """An image that an item shows; the file lies in the media folder under its SHA-256."""

    item = models.ForeignKey("bench.Item", on_delete=models.CASCADE, related_name="attachments")
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=20, help_text="By its content.")
    size = models.PositiveIntegerField(help_text="Bytes.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    alt = models.TextField(help_text="What the image shows, for people who cannot see it; not sent to models.")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["item", "pk"]
        constraints = [models.UniqueConstraint(fields=["item", "sha256"], name="bench_attachment_once")]

    def __str__(self) -> str:
        return f"{self.media_type} of {self.item_id}"

    def get_absolute_url(self) -> str:
        """Return where the file is shown."""
        return reverse("item_attachment", args=[self.item.public_id, self.sha256])

    def as_json(self) -> dict[str, Any]:
        """Return what a release keeps of it."""
        return {
            "sha256": self.sha256, "media_type": self.media_type, "size": self.size, "width": self.width,
            "height": self.height, "alt": self.alt,
        }


class Release(models.Model):
    """An immutable set of items, identified by the SHA-256 of its canonical JSON."""

    name = models.SlugField(max_length=80, unique=True)
    sha256 = models.CharField(max_length=64, unique=True)
    canary = models.CharField(max_length=120, help_text="A string that betrays the release in training data.")
    is_demonstration = models.BooleanField(default=False, help_text="Not reviewed by people.")
    is_imported = models.BooleanField(default=False)
    note = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the release once.

        Raises
        ------
        ImmutableRecordError
            It exists already.
        """
        if self.pk is not None and not self._state.adding:
            raise ImmutableRecordError(f"Release {self.name} is frozen; make a new one.")
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """Return the page of this release."""
        return reverse("release_detail", args=[self.name])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: what a release is called by must stay findable.

        Raises
        ------
        ImmutableRecordError
            Always.
        """
        raise ImmutableRecordError(f"Release {self.name} is permanent; make a new one.")


class ReleaseItem(models.Model):
    """An item as it stood when the release was made."""

    release = models.ForeignKey("bench.Release", on_delete=models.PROTECT, related_name="release_items")
    item = models.ForeignKey("bench.Item", on_delete=models.PROTECT, related_name="release_items")
    position = models.PositiveIntegerField()
    content = models.JSONField(help_text="The frozen item, as in the release's canonical JSON.")
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["release", "position"]
        constraints = [
            models.UniqueConstraint(fields=["release", "item"], name="bench_releaseitem_once"),
            models.UniqueConstraint(fields=["release", "position"], name="bench_releaseitem_position"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} in {self.release_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the frozen item once.

        Raises
        ------
        ImmutableRecordError
            It exists already.
        """
        if self.pk is not None and not self._state.adding:
            raise ImmutableRecordError("An item of a release is frozen.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse, as :meth:`Release.delete` does.

        Raises
        ------
        ImmutableRecordError
            Always.
        """
        raise ImmutableRecordError("An item of a release is frozen.")
