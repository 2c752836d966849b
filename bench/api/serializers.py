"""What the API says of items, releases, models, runs, responses and scores.

Prompts, focuses, answers and judges' words are null for those who may not read them, with the reason.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bench.accounting import RunAccount, account
from bench.api.costs import CostSerializer
from bench.execution_session import state_in
from bench.models import (
    Attachment,
    Item,
    Judge,
    Judgement,
    LanguageModel,
    Release,
    Response,
    Run,
    Score,
    Trial,
)
from gvsir.api.resources import ViewerSerializer
from gvsir.models import Incident, ValueDimension

ITEM_WITHHELD: Final = "Prompts and focuses are shown to signed-in roles."
RESPONSE_WITHHELD: Final = "Messages, answers and judges' words are shown to signed-in roles."
ENDPOINT_WITHHELD: Final = "Where a model is reached is shown to curators."
#: Keys of a specification or configuration that only curators read.
_ENDPOINT_KEYS: Final = frozenset({"base_url", "key_variable", "api_key"})


def without_endpoints(data: Any) -> Any:
    """Return ``data`` without the keys that say where and with which key a model is reached."""
    if isinstance(data, dict):
        return {key: without_endpoints(value) for key, value in data.items() if key not in _ENDPOINT_KEYS}
    if isinstance(data, list):
        return [without_endpoints(value) for value in data]
    return data


class DimensionSerializer(serializers.ModelSerializer[ValueDimension]):
    """A category or other dimension, briefly."""

    system = serializers.CharField(source="system.key")

    class Meta:
        model = ValueDimension
        fields = ["system", "key", "level", "name", "name_zh"]


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    """An image that an item shows; ``url`` serves it to whoever may read the prompt."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Attachment
        fields = ["sha256", "media_type", "size", "width", "height", "alt", "url"]


class OutputSerializer(serializers.Serializer[Any]):
    """The image, speech or video that a response is."""

    sha256 = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    url = serializers.CharField()


class ItemSerializer(ViewerSerializer[Item]):
    """A benchmark item and what it is derived from."""

    id = serializers.CharField(source="public_id", read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)
    category = DimensionSerializer(read_only=True)
    prompt_en = serializers.SerializerMethodField()
    prompt_zh = serializers.SerializerMethodField()
    focus_en = serializers.SerializerMethodField()
    focus_zh = serializers.SerializerMethodField()
    attachments = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()
    incident = serializers.SerializerMethodField()
    codings = serializers.SerializerMethodField()
    releases = serializers.SerializerMethodField()

    class Meta:
        model = Item
        fields = [
            "id", "url", "modality", "number", "category", "stance", "status", "prompt_en", "prompt_zh", "focus_en",
            "focus_zh", "attachments", "withheld", "incident", "codings", "template", "is_model_made", "releases", "created_at",
            "reviewed_at",
        ]

    def get_withheld(self, item: Item) -> str:
        """Why prompts and focuses are null; "" if they aren't withheld."""
        return "" if self.may("item.view_text") else ITEM_WITHHELD

    def _text(self, text: str) -> str | None:
        return text if self.may("item.view_text") else None

    def get_prompt_en(self, item: Item) -> str | None:
        """Return the English prompt."""
        return self._text(item.prompt_en)

    def get_prompt_zh(self, item: Item) -> str | None:
        """Return the Chinese prompt."""
        return self._text(item.prompt_zh)

    def get_focus_en(self, item: Item) -> str | None:
        """Return the English evaluation focus."""
        return self._text(item.focus_en)

    def get_focus_zh(self, item: Item) -> str | None:
        """Return the Chinese evaluation focus."""
        return self._text(item.focus_zh)

    @extend_schema_field(AttachmentSerializer(many=True, allow_null=True))
    def get_attachments(self, item: Item) -> Any:
        """Return the images it shows."""
        if not self.may("item.view_text"):
            return None
        return [
            {**each.as_json(), "url": reverse("item_attachment", args=[item.public_id, each.sha256])}
            for each in item.attachments.all()
        ]

    def get_incident(self, item: Item) -> int | None:
        """Return the number of the incident it comes from, where the caller may see that."""
        incident = item.incident
        if incident is None:
            return None
        seen = incident.status == Incident.Status.PUBLISHED or self.may("incident.view_unpublished")
        return incident.number if seen else None

    def get_codings(self, item: Item) -> list[int]:
        """Return the ids of the codings it comes from that the caller may see."""
        return [coding.pk for coding in item.codings.all()]

    def get_releases(self, item: Item) -> list[str]:
        """Return the names of the releases it is in."""
        return [each.release.name for each in item.release_items.all()]


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    """An immutable set of items; list them with ``items/?release=NAME``."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)
    n_items = serializers.IntegerField(read_only=True)

    class Meta:
        model = Release
        fields = [
            "name", "url", "sha256", "canary", "is_demonstration", "is_imported", "note", "n_items", "created_at",
        ]


class LanguageModelSerializer(ViewerSerializer[LanguageModel]):
    """A language model, baseline policy, recording or name in a publication. No key is stored anywhere."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)
    base_url = serializers.SerializerMethodField()
    key_variable = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()

    class Meta:
        model = LanguageModel
        fields = [
            "id", "url", "name", "kind", "recorded_from", "recording_sha256", "model_identifier", "family", "developer",
            "is_open_weights", "release_date", "input_price", "output_price", "max_concurrency", "base_url", "key_variable", "withheld",
            "created_at",
        ]

    def get_base_url(self, language_model: LanguageModel) -> str | None:
        """Return the address of the endpoint."""
        return language_model.base_url if self.may("language_model.edit") else None

    def get_key_variable(self, language_model: LanguageModel) -> str | None:
        """Return the name of the variable that holds the key, never its content."""
        return language_model.key_variable if self.may("language_model.edit") else None

    def get_withheld(self, language_model: LanguageModel) -> str:
        """Why address and variable are null; "" if they aren't withheld."""
        return "" if self.may("language_model.edit") else ENDPOINT_WITHHELD


class NamedModelSerializer(serializers.ModelSerializer[LanguageModel]):
    """A language model, briefly."""

    class Meta:
        model = LanguageModel
        fields = ["id", "name", "kind", "recorded_from"]


class JudgeSerializer(ViewerSerializer[Judge]):
    """A judge; its SHA-256 is its identity."""

    config = serializers.SerializerMethodField()

    class Meta:
        model = Judge
        fields = ["id", "name", "kind", "sha256", "config"]

    def get_config(self, judge: Judge) -> dict[str, Any]:
        """Return the configuration, for all but curators without where a model is reached."""
        config: dict[str, Any] = judge.config
        return config if self.may("language_model.edit") else without_endpoints(config)


class RunSerializer(ViewerSerializer[Run]):
    """One execution of a frozen, hashed specification."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)
    release = serializers.SlugRelatedField(slug_field="name", read_only=True)  # type: ignore[var-annotated]
    spec = serializers.SerializerMethodField()
    language_models = NamedModelSerializer(many=True, read_only=True)
    judges = JudgeSerializer(many=True, read_only=True)

    class Meta:
        model = Run
        fields = [
            "id", "url", "release", "status", "status_reason", "is_demonstration", "spec", "spec_sha256",
            "language_models", "judges", "environment", "created_at", "started_at", "finished_at", "active_seconds",
        ]

    def get_spec(self, run: Run) -> dict[str, Any]:
        """Return the specification, for all but curators without where a model is reached."""
        spec: dict[str, Any] = run.spec
        return spec if self.may("language_model.edit") else without_endpoints(spec)


class RunDetailSerializer(RunSerializer):
    """A run with every response and judgement counted by state."""

    _kept: RunAccount | None = None
    responses = serializers.SerializerMethodField()
    judgements = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [*RunSerializer.Meta.fields, "responses", "judgements", "cost"]

    def get_responses(self, run: Run) -> dict[str, int]:
        """Return state -> number of the run's trials."""
        counted = Counter(run.trials.order_by().values_list(state_in(run), flat=True))
        return {state: counted[state] for state in Response.State.values}

    def get_judgements(self, run: Run) -> dict[str, int]:
        """Return state -> number of verdicts of the run's judges on its trials."""
        counted: Counter[str] = Counter()
        for line in self._account(run).judges:
            counted.update(line.states)
        return {state: counted[state] for state in Judgement.State.values}

    @extend_schema_field(CostSerializer())
    def get_cost(self, run: Run) -> Any:
        """Return what the run's own calls cost, with its bounds."""
        return self._account(run).cost.as_json()

    def _account(self, run: Run) -> RunAccount:
        if self._kept is None or self._kept.run.pk != run.pk:
            self._kept = account(run)
        return self._kept


class TrialSerializer(serializers.ModelSerializer[Trial]):
    """One item put to one model once in a run."""

    item = serializers.CharField(source="release_item.item.public_id")
    response = serializers.PrimaryKeyRelatedField(read_only=True)  # type: ignore[var-annotated]
    language_model = NamedModelSerializer(read_only=True)

    class Meta:
        model = Trial
        fields = ["id", "run", "item", "language_model", "language", "epoch", "response"]


class ResponseTrialSerializer(serializers.ModelSerializer[Trial]):
    """Where a response was used."""

    item = serializers.CharField(source="release_item.item.public_id")

    class Meta:
        model = Trial
        fields = ["id", "run", "item", "language", "epoch"]


class JudgementSerializer(ViewerSerializer[Judgement]):
    """A verdict; ``value`` is null, never 0, where it is missing, and ``missing_reason`` says why."""

    judge = JudgeSerializer(read_only=True)
    reason = serializers.SerializerMethodField()
    raw_text = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()

    class Meta:
        model = Judgement
        fields = [
            "id", "judge", "response", "state", "value", "missing_reason", "reason", "raw_text", "withheld",
            "refusal", "finish_reason", "prompt_tokens", "completion_tokens", "cost_usd", "most_cost_usd",
            "attempts", "seconds",
            "judged_at",
        ]

    def get_reason(self, judgement: Judgement) -> str | None:
        """Return the judge's own words."""
        return judgement.reason if self.may("response.view_text") else None

    def get_raw_text(self, judgement: Judgement) -> str | None:
        """Return the judge's whole reply."""
        return judgement.raw_text if self.may("response.view_text") else None

    def get_withheld(self, judgement: Judgement) -> str:
        """Why the judge's words are null; "" if they aren't withheld."""
        return "" if self.may("response.view_text") else RESPONSE_WITHHELD


class ResponseSerializer(ViewerSerializer[Response]):
    """What a model said, where that was used, and what judges said of it."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)
    language_model = NamedModelSerializer(read_only=True)
    messages = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()
    output = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()
    trials = ResponseTrialSerializer(many=True, read_only=True)
    judgements = JudgementSerializer(many=True, read_only=True)

    class Meta:
        model = Response
        fields = [
            "id", "url", "language_model", "epoch", "state", "messages", "text", "output", "error", "withheld", "text_sha256",
            "finish_reason", "prompt_tokens", "completion_tokens", "cost_usd", "most_cost_usd",
            "attempts", "seconds", "answered_at",
            "trials", "judgements",
        ]

    def get_messages(self, response: Response) -> list[dict[str, Any]] | None:
        """Return what was sent."""
        return response.messages if self.may("response.view_text") else None

    def get_text(self, response: Response) -> str | None:
        """Return what came back."""
        return response.text if self.may("response.view_text") else None

    @extend_schema_field(OutputSerializer(allow_null=True))
    def get_output(self, response: Response) -> Any:
        """Return the file it is, where it is no text."""
        file = response.output
        if file is None or not self.may("response.view_text"):
            return None
        return {
            "sha256": file.sha256, "media_type": file.media_type, "size": file.size,
            "url": reverse("response_file", args=[response.pk, file.sha256]),
        }

    def get_error(self, response: Response) -> str | None:
        """Return what went wrong, in the endpoint's words."""
        return response.error if self.may("response.view_text") else None

    def get_withheld(self, response: Response) -> str:
        """Why the texts are null; "" if they aren't withheld."""
        return "" if self.may("response.view_text") else RESPONSE_WITHHELD


class ScoreSerializer(serializers.ModelSerializer[Score]):
    """The value of one trial on one dimension; null, never 0, where it is missing."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)
    trial = TrialSerializer(read_only=True)
    dimension = DimensionSerializer(read_only=True)

    class Meta:
        model = Score
        fields = ["id", "url", "run", "trial", "dimension", "value", "missing_reason", "n_judgements"]


class ScoreDetailSerializer(ScoreSerializer):
    """A score with the verdicts behind it."""

    judgements = JudgementSerializer(many=True, read_only=True)

    class Meta:
        model = Score
        fields = [*ScoreSerializer.Meta.fields, "judgements"]
