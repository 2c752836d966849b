"""The form that makes a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bench.actions.create_run import LANGUAGES, create_run
from bench.actions.register_language_model import (
    HEURISTIC_NAME,
    PUBLISHED_NAME,
    register_judge,
    register_language_model,
)
from bench.bounds import (
    LEAST_TIMEOUT,
    MOST_BUDGET,
    MOST_CALLS,
    MOST_TEMPERATURE,
    MOST_TIMEOUT,
    MOST_TOKENS,
)
from bench.models import Judge, LanguageModel, Release, Run
from bench.providers.scripted import POLICIES
from bench.run_like import can_judge_again, panel_of, settings_like
from bench.scoring import RUBRIC_NAMES
from bench.scoring.panel import HEADLINES, PanelRule
from bench.specs import GenerationConfig
from bench.tasks import ring
from gvsir.permissions import allowed

#: The same run asked for again within this time is the same click.
SAME_CLICK: Final = timedelta(seconds=10)
USUAL: Final = GenerationConfig()


def _model_choices() -> list[tuple[str, Any]]:
    baselines = [
        (f"baseline:{policy}", _("baseline:{policy} (baseline policy, not a language model)").format(policy=policy))
        for policy in POLICIES
    ]
    recordings = [
        (name, _("{name} (recorded responses, imported)").format(name=name))
        for name in LanguageModel.objects.filter(kind=LanguageModel.Kind.RECORDED).values_list("name", flat=True)
    ]
    return [*_endpoints(), *recordings, *baselines]


def _endpoints() -> list[tuple[str, str]]:
    names = LanguageModel.objects.filter(kind=LanguageModel.Kind.ENDPOINT).values_list("name", flat=True)
    return [(name, name) for name in names]


def _judge_choices() -> list[tuple[str, Any]]:
    return [(HEURISTIC_NAME, _("heuristic rules, not a language model")), *_endpoints()]


def _rubric_choices() -> list[tuple[str, Any]]:
    labels = {
        PUBLISHED_NAME: _("published GVS-Bench instruction, 0 to 10"),
        "anchored": _("anchored: words for 0, 2, 5, 8 and 10 in each category"),
        "schwartz": _("Schwartz's ten values"),
        "mft": _("five moral foundations"),
        "llm_unique": _("six values found in language models"),
        "salad": _("six safety domains of SALAD-Bench"),
    }
    return [(name, labels.get(name, name)) for name in RUBRIC_NAMES]


class RunForm(forms.Form):
    """Release, models, judges, and how often; a curator may name a new endpoint."""

    release = forms.ModelChoiceField(
        Release.objects.all(), label=_("Release"), empty_label=None, to_field_name="name"
    )
    models = forms.MultipleChoiceField(
        choices=_model_choices, label=_("Models"), required=False, widget=forms.CheckboxSelectMultiple
    )
    new_model = forms.CharField(
        label=_("Another endpoint"), required=False, max_length=300,
        help_text=_(
            "MODEL@BASE_URL, for example qwen3@http://127.0.0.1:11434/v1; with a key: #NAME_OF_THE_VARIABLE. "
            "The key itself is never entered here."
        ),
    )
    judges = forms.MultipleChoiceField(
        choices=_judge_choices, label=_("Judges"), initial=[HEURISTIC_NAME], widget=forms.CheckboxSelectMultiple
    )
    rubrics = forms.MultipleChoiceField(
        choices=_rubric_choices, label=_("What models judge by"), initial=[PUBLISHED_NAME], required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    headline = forms.ChoiceField(
        choices=[(HEADLINES[0], _("median")), (HEADLINES[1], _("trimmed mean"))], label=_("Score from several judges"),
        required=False,
    )
    languages = forms.MultipleChoiceField(
        choices=[(LANGUAGES[0], _("English")), (LANGUAGES[1], _("Chinese"))], label=_("Languages of the prompts"),
        initial=[LANGUAGES[0]], widget=forms.CheckboxSelectMultiple,
    )
    epochs = forms.IntegerField(label=_("How often each item is put"), min_value=1, max_value=100, initial=1)
    temperature = forms.FloatField(
        label=_("Temperature"), required=False, min_value=0, max_value=MOST_TEMPERATURE, initial=USUAL.temperature,
        help_text=_("Empty: not sent, and left to the endpoint. Some models take none but their own."),
    )
    top_p = forms.FloatField(
        label=_("Top-p"), required=False, min_value=0, max_value=1, initial=USUAL.top_p,
        help_text=_("Empty: not sent, and left to the endpoint. Some models take none but their own."),
    )
    max_tokens = forms.IntegerField(
        label=_("Most tokens of an answer"), required=False, min_value=1, max_value=MOST_TOKENS,
        initial=USUAL.max_tokens,
    )
    timeout = forms.FloatField(
        label=_("Timeout of a call in seconds"), required=False, min_value=LEAST_TIMEOUT, max_value=MOST_TIMEOUT,
        help_text=_("Optional; 60 unless given."),
    )
    budget = forms.DecimalField(
        label=_("Budget in US dollars"), required=False, min_value=0, max_value=MOST_BUDGET, max_digits=12,
        decimal_places=4,
        help_text=_("Optional. The most a call can cost is set aside before it is sent; every model needs a price."),
    )
    max_calls = forms.IntegerField(
        label=_("Most calls"), required=False, min_value=1, max_value=MOST_CALLS,
        help_text=_("Optional. Every attempt counts."),
    )

    def __init__(self, *args: Any, actor: User, like: Run | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._actor, self._like = actor, like
        if like is not None:
            self._begin_like(like)
        if not allowed(actor, "language_model.edit"):
            del self.fields["new_model"]

    def _begin_like(self, run: Run) -> None:
        """Fill in what ``run`` has; its judges are offered as they are, others beside them."""
        own = [(str(judge.pk), judge.name) for judge in run.judges.order_by("pk") if can_judge_again(judge)]
        self.fields["judges"].required = False
        self.fields["judges"].label = _("Further judges")
        if own:
            kept = forms.MultipleChoiceField(
                choices=own, label=_("Judges of run {run}").format(run=run.pk), required=False,
                widget=forms.CheckboxSelectMultiple,
            )
            self.fields = {
                name: field for each in self.fields
                for name, field in ([("kept_judges", kept)] if each == "judges" else []) + [(each, self.fields[each])]
            }
        self.initial = {
            **self.initial, "release": run.release.name, "models": list(run.language_models.values_list("name", flat=True)),
            "kept_judges": [pk for pk, _name in own], "judges": [], "headline": panel_of(run).headline,
            "languages": run.spec.get("languages", []), "epochs": run.spec.get("epochs", 1), "budget": run.budget_usd,
            "max_calls": run.max_calls, "timeout": run.timeout_seconds,
            **{name: run.spec.get("generation", {}).get(name) for name in ("temperature", "top_p", "max_tokens")},
        }

    def clean(self) -> dict[str, Any]:
        """Require a model and a judge."""
        data = super().clean() or {}
        if not data.get("models") and not data.get("new_model"):
            raise forms.ValidationError(_("Choose at least one model."))
        if not self.errors and not data.get("judges") and not data.get("kept_judges"):
            raise forms.ValidationError(_("Choose at least one judge."))
        return data

    def _generation(self) -> GenerationConfig:
        """Return how answers are drawn: what was emptied is not sent, what was not asked is as usual."""
        given = {name: self.cleaned_data[name] for name in ("temperature", "top_p") if self.add_prefix(name) in self.data}
        return GenerationConfig(**given, max_tokens=self.cleaned_data["max_tokens"] or USUAL.max_tokens)

    @staticmethod
    def _judge_names(data: dict[str, Any]) -> list[str]:
        """Return each chosen model with each chosen rubric, and the heuristic judge as it is."""
        rubrics = data["rubrics"] or [PUBLISHED_NAME]
        return [
            name if name == HEURISTIC_NAME else f"{rubric}:{name}"
            for name in data["judges"] for rubric in (rubrics if name != HEURISTIC_NAME else [""])
        ]

    def _panel(self, headline: str) -> PanelRule:
        return panel_of(self._like, headline=headline) if self._like else PanelRule(headline=headline)

    @transaction.atomic
    def create(self) -> Run:
        """Return the new run, queued; raise a :class:`gvsir.exceptions.GvsirError` where it is refused."""
        data = self.cleaned_data
        Release.objects.select_for_update().get(pk=data["release"].pk)  # two clicks at once wait for each other
        names = [*data["models"], *([data["new_model"]] if data.get("new_model") else [])]
        kept = Judge.objects.filter(pk__in=data.get("kept_judges") or []).order_by("pk")
        run = create_run(
            **(settings_like(self._like) if self._like else {}),
            release=data["release"],
            language_models=[register_language_model(name, actor=self._actor) for name in names],
            judges=[*kept, *(register_judge(name, actor=self._actor) for name in self._judge_names(data))],
            panel=self._panel(data["headline"] or HEADLINES[0]),
            epochs=data["epochs"],
            languages=data["languages"],
            generation=self._generation(),
            timeout_seconds=data["timeout"],
            budget_usd=data["budget"],
            max_calls=data["max_calls"],
            actor=self._actor,
        )
        earlier = Run.objects.filter(
            created_by=self._actor, spec_sha256=run.spec_sha256, created_at__gt=timezone.now() - SAME_CLICK
        ).exclude(pk=run.pk).first()
        if earlier is None:
            ring(run)
            return run
        transaction.set_rollback(True)  # the button was pressed twice
        return earlier
