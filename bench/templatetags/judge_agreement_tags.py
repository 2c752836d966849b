"""A judge's agreement with people in a word, beside its scores."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from bench.judge_agreement import agreement_of
from bench.models import Judge

register = template.Library()


def agreement_words(judge: Judge) -> str:
    """Return ``judge vs people: κw 0.71 (n 120)``, or that the judge is not validated against people."""
    numbers = agreement_of(judge)
    n, kappa = numbers["n_labelled"], numbers["judge_human"]["kappa"]
    if not n:
        return gettext("judge not validated against people")
    if kappa is None:
        return gettext("judge vs people: κw undefined (n {n})").format(n=n)
    return gettext("judge vs people: κw {kappa} (n {n})").format(kappa=f"{kappa:.2f}", n=n)


@register.simple_tag
def judge_agreement_badge(judge: Judge) -> SafeString:
    """Return :func:`agreement_words` as a badge; dotted where the judge is not validated."""
    numbers = agreement_of(judge)
    css = "" if numbers["n_labelled"] else "unvalidated"
    title = gettext("{judge}, configuration {sha}").format(judge=judge.name, sha=judge.sha256[:12])
    return format_html('<span class="badge-s {}" title="{}">{}</span>', css, title, agreement_words(judge))
