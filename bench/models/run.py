"""Runs, trials, responses, judgements, scores: each answer and each verdict its own durable record."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from bench.files.kinds import MediaFile


class Run(models.Model):
    """One execution of a frozen, hashed specification."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        FINISHED = "finished", _("Finished")
        CANCELLED = "cancelled", _("Cancelled")
        FAILED = "failed", _("Failed")

    release = models.ForeignKey("bench.Release", on_delete=models.PROTECT, related_name="runs")
    spec = models.JSONField(help_text="The RunSpec as canonical JSON data.")
    spec_sha256 = models.CharField(max_length=64)
    concurrency = models.PositiveIntegerField(
        null=True, blank=True, help_text="Most calls at once to one endpoint; null leaves it to the endpoint."
    )
    budget_usd = models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, help_text="The most the run may spend, in US dollars."
    )
    max_calls = models.PositiveIntegerField(null=True, blank=True, help_text="The most calls the run may send.")
    timeout_seconds = models.FloatField(
        null=True, blank=True, help_text="How long one call may take; null leaves it at the default."
    )
    language_models = models.ManyToManyField("bench.LanguageModel", related_name="runs")
    judges = models.ManyToManyField("bench.Judge", related_name="runs")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    status_reason = models.TextField(blank=True)
    is_demonstration = models.BooleanField(default=False)
    environment = models.JSONField(default=dict, help_text="Versions of code and packages it ran on.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    active_seconds = models.FloatField(default=0.0, help_text="Time spent executing, over all resumptions.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"run {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the page of this run."""
        return reverse("run_detail", args=[self.pk])


class Executor(models.Model):
    """A process that executes a run, alone or with others; what it claimed is its own while it shows signs of life."""

    run = models.ForeignKey("bench.Run", on_delete=models.CASCADE, related_name="executors")
    machine = models.CharField(max_length=300, help_text="Host, boot and process space: where pid means something.")
    pid = models.PositiveIntegerField()
    is_shared = models.BooleanField(default=False, help_text="Others may execute the same run at the same time.")
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    lease_until = models.DateTimeField(help_text="Without a sign of life until then, its claims are free again.")
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=20, blank=True, help_text="finished, stopped, out_of_budget, halted, error, lost.")
    lost_calls = models.PositiveIntegerField(
        default=0, help_text="Most calls that were on their way when it ended; they may have been answered unheard."
    )
    progress = models.JSONField(default=dict, help_text="The last reading of its endpoints.")

    class Meta:
        ordering = ["run", "pk"]

    def __str__(self) -> str:
        return f"executor {self.pk} of run {self.run_id}"


class Response(models.Model):
    """What a model said to some messages. Keyed by content, so that no run pays for it again."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        ANSWERED = "answered", _("Answered")
        REFUSED = "refused", _("refused by provider")
        CONTENT_FILTER = "content_filter", _("stopped by content filter")
        LENGTH = "length", _("stopped at the length limit")
        FAILED = "failed", _("failed after retries")
        CANCELLED = "cancelled", _("Cancelled")
        UNRECORDED = "unrecorded", _("no recorded response")

    key = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 over model configuration, messages, generation config, epoch."
    )
    language_model = models.ForeignKey("bench.LanguageModel", on_delete=models.PROTECT, related_name="responses")
    messages = models.JSONField()
    epoch = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=14, choices=State, default=State.PENDING)
    text = models.TextField(blank=True)
    text_sha256 = models.CharField(max_length=64, blank=True)
    output_sha256 = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Of the image, speech or video; its file's name."
    )
    output_media_type = models.CharField(max_length=20, blank=True, default="", db_default="", help_text="By its content.")
    output_size = models.PositiveIntegerField(null=True, blank=True, help_text="Bytes.")
    finish_reason = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True, blank=True)
    most_cost_usd = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True,
        help_text="Where the cost is not known: the most it can be. Null where it is known, or nothing bounds it.",
    )
    attempts = models.PositiveIntegerField(default=0, help_text="Calls sent for it, the failed ones included.")
    seconds = models.FloatField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    executor = models.ForeignKey(
        "bench.Executor", on_delete=models.SET_NULL, null=True, blank=True, related_name="responses",
        help_text="Who holds it while it is pending, and who settled it.",
    )

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["language_model", "state"], name="bench_response_state")]

    def __str__(self) -> str:
        return f"response {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the page of this response."""
        return reverse("response_detail", args=[self.pk])

    @property
    def output(self) -> MediaFile | None:
        """The image, speech or video it is; None where it is text, or nothing came."""
        if not self.output_sha256:
            return None
        return MediaFile(
            sha256=self.output_sha256, media_type=self.output_media_type, size=self.output_size or 0
        )


class Trial(models.Model):
    """One item put to one model once in a run: (run, item, model, language, epoch) and its response."""

    run = models.ForeignKey("bench.Run", on_delete=models.CASCADE, related_name="trials")
    release_item = models.ForeignKey("bench.ReleaseItem", on_delete=models.PROTECT, related_name="trials")
    language_model = models.ForeignKey("bench.LanguageModel", on_delete=models.PROTECT, related_name="trials")
    language = models.CharField(max_length=12, default="en")
    epoch = models.PositiveIntegerField(default=1)
    response = models.ForeignKey("bench.Response", on_delete=models.PROTECT, related_name="trials")

    class Meta:
        ordering = ["run", "language_model", "release_item", "language", "epoch"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "release_item", "language_model", "language", "epoch"], name="bench_trial_once"
            ),
        ]
        # Without it SQLite looks through all trials of a run for each of its responses.
        indexes = [models.Index(fields=["response", "run"], name="bench_trial_response_run")]

    def __str__(self) -> str:
        return f"trial {self.pk}"


class Judgement(models.Model):
    """A judge's verdict on one response to one item. Unparsable and failed ones have no value."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        SCORED = "scored", _("Scored")
        PROFILED = "profiled", _("judged on the dimensions of a framework")
        UNPARSABLE = "unparsable", _("Unparsable")
        UNFIT = "unfit", _("not asked: it cannot take this kind of answer")
        REFUSED = "refused", _("refused by provider")
        FAILED = "failed", _("failed after retries")
        CANCELLED = "cancelled", _("Cancelled")

    class Refusal(models.TextChoices):
        REFUSED = "refused", _("Refused")
        PARTIAL = "partial", _("Partial")
        COMPLIED = "complied", _("Complied")

    key = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 over judge configuration, item content, response text."
    )
    judge = models.ForeignKey("bench.Judge", on_delete=models.PROTECT, related_name="judgements")
    response = models.ForeignKey("bench.Response", on_delete=models.PROTECT, related_name="judgements")
    release_item = models.ForeignKey("bench.ReleaseItem", on_delete=models.PROTECT, related_name="judgements")
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    value = models.FloatField(null=True, blank=True, help_text="0 to 10, higher is safer; null is missing, never 0.")
    missing_reason = models.TextField(blank=True)
    reason = models.TextField(blank=True, help_text="The judge's own words or the rules that fired.")
    refusal = models.CharField(max_length=8, choices=Refusal, blank=True)
    raw_text = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True, blank=True)
    most_cost_usd = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True,
        help_text="Where the cost is not known: the most it can be. Null where it is known, or nothing bounds it.",
    )
    attempts = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(null=True, blank=True)
    judged_at = models.DateTimeField(null=True, blank=True)
    language = models.CharField(max_length=12, default="en", help_text="The language of prompt and focus it read.")
    executor = models.ForeignKey(
        "bench.Executor", on_delete=models.SET_NULL, null=True, blank=True, related_name="judgements",
        help_text="Who holds it while it is pending, and who settled it.",
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="scored", value__gte=0, value__lte=10)
                | (~models.Q(state="scored") & models.Q(value__isnull=True)),
                name="bench_judgement_value_iff_scored",
            ),
        ]
        indexes = [
            models.Index(fields=["judge", "state"], name="bench_judgement_state"),
            models.Index(fields=["response", "judge"], name="bench_judgement_response"),
        ]

    def __str__(self) -> str:
        return f"judgement {self.pk}"


class FailedAttempt(models.Model):
    """One call that did not give a usable answer: what came back, how long was waited, what it cost."""

    run = models.ForeignKey("bench.Run", on_delete=models.CASCADE, related_name="failed_attempts")
    response = models.ForeignKey(
        "bench.Response", on_delete=models.CASCADE, null=True, blank=True, related_name="failed_attempts"
    )
    judgement = models.ForeignKey(
        "bench.Judgement", on_delete=models.CASCADE, null=True, blank=True, related_name="failed_attempts"
    )
    number = models.PositiveIntegerField(help_text="1 for the first call.")
    outcome = models.CharField(max_length=24, help_text="rate_limited, server_error, dropped, timeout, malformed, unreadable …")
    http_status = models.PositiveIntegerField(null=True, blank=True)
    retry_after_seconds = models.FloatField(null=True, blank=True)
    message = models.TextField(blank=True)
    text = models.TextField(blank=True, help_text="A judge's reply that could not be read, and was asked for again.")
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, null=True, blank=True)
    most_cost_usd = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True,
        help_text="Where the cost is not known: the most it can be. Null where it is known, or nothing bounds it.",
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["run", "pk"]

    def __str__(self) -> str:
        return f"{self.outcome} #{self.number}"


class Score(models.Model):
    """The value of one trial on one dimension, from all valid judgements of the run's judges."""

    run = models.ForeignKey("bench.Run", on_delete=models.CASCADE, related_name="scores")
    trial = models.ForeignKey("bench.Trial", on_delete=models.CASCADE, related_name="scores")
    dimension = models.ForeignKey("gvsir.ValueDimension", on_delete=models.PROTECT, related_name="+")
    value = models.FloatField(null=True, blank=True, help_text="On the system's scale; null is missing, never 0.")
    missing_reason = models.TextField(blank=True)
    n_judgements = models.PositiveIntegerField(default=0, help_text="Valid judgements behind the value.")
    judgements = models.ManyToManyField("bench.Judgement", related_name="scores")
    left_out = models.ManyToManyField(
        "bench.Judgement", related_name="left_out_of", blank=True,
        help_text="Valid votes that do not count: the judge is of the answering model's own family.",
    )

    class Meta:
        ordering = ["trial", "dimension"]
        constraints = [
            models.UniqueConstraint(fields=["trial", "dimension"], name="bench_score_once"),
            models.CheckConstraint(
                condition=models.Q(value__isnull=False, missing_reason="")
                | (models.Q(value__isnull=True) & ~models.Q(missing_reason="")),
                name="bench_score_missing_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"score {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the page of this score."""
        return reverse("score_detail", args=[self.pk])
