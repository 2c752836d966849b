"""The form that gives a run more to spend."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from bench.bounds import MOST_BUDGET, MOST_CALLS


class LimitsForm(forms.Form):
    """A budget, a number of calls; what is left empty stays as it is."""

    budget = forms.DecimalField(
        label=_("Budget in US dollars"), required=False, min_value=0, max_value=MOST_BUDGET, max_digits=12,
        decimal_places=4,
    )
    max_calls = forms.IntegerField(label=_("Most calls"), required=False, min_value=1, max_value=MOST_CALLS)

    def said(self) -> str:
        """Return what is wrong, in one line."""
        return " ".join(f"{self[name].label}: {' '.join(map(str, errors))}" for name, errors in self.errors.items())
