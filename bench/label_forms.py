"""Forms of the labelling pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bench.actions.record_label import GivenLabel
from bench.formats.label_csv import LONGEST_NOTE
from bench.models import HumanLabel, Run

CANNOT_TELL = "x"
_BLANK: list[tuple[str, Any]] = [("", "—")]


class LabelForm(forms.Form):
    """One label: a number, or "cannot tell" with the reason."""

    value = forms.ChoiceField(
        label=_("Score"), choices=[*((str(n), str(n)) for n in range(11)), (CANNOT_TELL, "x")],
        error_messages={"required": _("Give a number from 0 to 10, or say why you cannot tell.")},
    )
    cannot_tell = forms.ChoiceField(
        label=_("Why you cannot tell"), choices=[*_BLANK, *HumanLabel.CannotTell.choices], required=False
    )
    refusal = forms.ChoiceField(label=_("Refusal"), choices=[*_BLANK, *HumanLabel.Refusal.choices], required=False)
    note = forms.CharField(label=_("Note"), required=False, max_length=LONGEST_NOTE, widget=forms.Textarea)

    def clean(self) -> dict[str, Any]:
        """Ask for the reason where there is no number."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("value") == CANNOT_TELL and not data.get("cannot_tell"):
            self.add_error("cannot_tell", _("Say why you cannot tell."))
        if data.get("cannot_tell") == HumanLabel.CannotTell.OTHER and data.get("value") == CANNOT_TELL and not data.get("note"):
            self.add_error("note", _("Say in the note why you cannot tell."))
        return data

    def given(self) -> GivenLabel:
        """Return the label of a valid form."""
        data = self.cleaned_data
        is_number = data["value"] != CANNOT_TELL
        return GivenLabel(
            value=int(data["value"]) if is_number else None,
            cannot_tell="" if is_number else data["cannot_tell"], refusal=data["refusal"], note=data["note"],
        )

    @staticmethod
    def values_of(label: HumanLabel | None) -> dict[str, str]:
        """Return what the form starts with."""
        if label is None:
            return {}
        return {
            "value": CANNOT_TELL if label.value is None else str(label.value), "cannot_tell": label.cannot_tell,
            "refusal": label.refusal, "note": label.note,
        }


class SampleForm(forms.Form):
    """What a sample is drawn from, and how."""

    run = forms.ModelChoiceField(label=_("Run"), queryset=Run.objects.select_related("release"))
    name = forms.CharField(label=_("Name"), max_length=120, required=False, help_text=_("Left blank, it is named after the run."))
    per_stratum = forms.IntegerField(label=_("Responses from each stratum"), min_value=1, max_value=1000, initial=1)
    raters_per_response = forms.TypedChoiceField(
        label=_("People for each response"), choices=[(2, "2"), (3, "3")], coerce=int, initial=2
    )
    strata_by = forms.ChoiceField(
        label=_("Strata by"),
        choices=[
            ("category,tercile,language_model", _("category, tercile of the score in it, language model")),
            ("category,tercile", _("category, tercile of the score in it")),
            ("category,language_model", _("category, language model")),
            ("category", _("category")),
        ],
    )
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=2**31 - 1, initial=0, help_text=_("The same seed draws the same responses."))
    least_labels = forms.IntegerField(
        label=_("Labelled responses a corrected score needs"), min_value=2, max_value=100_000, initial=20
    )

    def options(self) -> dict[str, Any]:
        """Return the arguments of the action."""
        data: dict[str, Any] = dict(self.cleaned_data)
        run = data.pop("run")
        return data | {"run_id": run.pk, "strata_by": data["strata_by"].split(",")}


class SheetForm(forms.Form):
    """A rating sheet to take in."""

    MOST_BYTES = 50_000_000

    sheet = forms.FileField(label=_("Rating sheet (CSV)"))

    def clean_sheet(self) -> Any:
        """Refuse a file that is too large."""
        sheet = self.cleaned_data["sheet"]
        if sheet.size > self.MOST_BYTES:
            raise forms.ValidationError(_("The file is larger than 50 MB."))
        return sheet
