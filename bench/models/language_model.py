"""Language models and judges: whom a run asks. No key is ever stored, only a variable's name."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy


class LanguageModel(models.Model):
    """A model behind an OpenAI-compatible endpoint, a baseline policy, a recording, or a name in a publication."""

    class Kind(models.TextChoices):
        ENDPOINT = "endpoint", _("OpenAI-compatible endpoint")
        BASELINE = "baseline", _("baseline policy, not a language model")
        PUBLISHED = "published", _("known only from a publication")
        RECORDED = "recorded", _("recorded responses, imported")

    class Output(models.TextChoices):
        TEXT = "text", _("text")
        IMAGE = "image", _("images")
        SPEECH = "speech", _("speech")
        VIDEO = "video", _("videos")

    class TokenLimit(models.TextChoices):
        MAX_TOKENS = "max_tokens", "max_tokens"
        MAX_COMPLETION_TOKENS = "max_completion_tokens", "max_completion_tokens"

    name = models.CharField(max_length=300, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    output = models.CharField(max_length=6, choices=Output, default=Output.TEXT, help_text="What it produces.")
    accepts = models.CharField(
        max_length=40, default="text", help_text="What it can be shown: text, image, audio, video, with commas."
    )
    output_options = models.JSONField(
        default=dict, blank=True, help_text="How it makes images, speech or videos: size, voice, seconds …"
    )
    base_url = models.URLField(max_length=500, blank=True)
    model_identifier = models.CharField(max_length=200, blank=True, help_text="The name the endpoint knows.")
    recorded_from = models.CharField(
        max_length=300, blank=True, help_text="Of recorded responses: the name of who really answered."
    )
    recording_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of recorded responses: SHA-256 of their file. Another file is another model."
    )
    family = models.CharField(max_length=80, blank=True, help_text="Maker's family; no family judges itself alone.")
    developer = models.CharField(max_length=120, blank=True)
    is_open_weights = models.BooleanField(null=True, blank=True)
    release_date = models.DateField(null=True, blank=True)
    key_variable = models.CharField(
        max_length=80, blank=True, help_text="Name of the environment variable that holds the key."
    )
    input_price = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="US dollars per million prompt tokens."
    )
    output_price = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="US dollars per million answer tokens."
    )
    price_per_output = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True,
        help_text="US dollars for one image, speech or video; of models that produce no text.",
    )
    max_concurrency = models.PositiveIntegerField(default=20)
    token_limit = models.CharField(
        max_length=21, choices=TokenLimit, default=TokenLimit.MAX_TOKENS,
        help_text="What its endpoint calls the most tokens of an answer.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["recording_sha256", "recorded_from"], condition=~models.Q(recording_sha256=""),
                name="bench_languagemodel_one_recording",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the page of this model."""
        return reverse("language_model_detail", args=[self.pk])

    @property
    def badges(self) -> tuple[str, ...]:
        """The words that say, wherever it appears, that nobody asked a language model here."""
        return (self.kind,) if self.kind in (self.Kind.BASELINE, self.Kind.RECORDED) else ()

    @property
    def accepted(self) -> frozenset[str]:
        """What it can be shown; what answered elsewhere has seen it already."""
        if self.kind == self.Kind.RECORDED:
            return frozenset({"text", "image", "audio", "video"})
        return frozenset(self.accepts.split(","))


class Judge(models.Model):
    """A judge: its identity is the hash of its whole configuration."""

    class Kind(models.TextChoices):
        HEURISTIC = "heuristic", _("heuristic rules, not a language model")
        LANGUAGE_MODEL = "language_model", ngettext_lazy("language model", "language models", 1)

    name = models.CharField(max_length=300)
    kind = models.CharField(max_length=14, choices=Kind)
    language_model = models.ForeignKey(
        "bench.LanguageModel", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    config = models.JSONField(help_text="Rubric and its version, generation settings, model; everything that matters.")
    sha256 = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the canonical JSON of config.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the page of this judge."""
        return reverse("judge_detail", args=[self.pk])
