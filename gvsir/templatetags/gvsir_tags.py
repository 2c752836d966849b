"""Components of every page: category, layer, badge, score, pager, and the main navigation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from gvsir.stored_sentences import in_readers_language

register = template.Library()

#: word -> (class, shown word, what it means). Words not listed are states of a record.
BADGES: Final[dict[str, tuple[str, Any, Any]]] = {
    "model-made": ("model-made", _("model-made"), _("Made by a language model, not by a person")),
    "simulated": ("simulated", _("simulated"), _("Made by a built-in stand-in, not by a real model or person")),
    "unvalidated": ("unvalidated", _("unvalidated"), _("Not yet checked against people's judgement")),
    "imported": ("imported", _("imported"), _("Published elsewhere; read-only here")),
    "demonstration": ("simulated", _("demonstration"), _("Shows how it works; not reviewed by people")),
    "baseline": ("simulated", _("baseline policy"), _("A baseline policy, not a language model")),
    "recorded": ("imported", _("recorded responses"), _("Recorded responses, imported: nobody was asked here")),
    "heuristic": ("simulated", _("heuristic judge"), _("Rules, not a language model; not validated against people")),
    "unpublished": ("unvalidated", _("unpublished"), _("Not published by its makers")),
    "published": ("state", _("published"), ""),
    "draft": ("state", _("draft"), ""),
    "withdrawn": ("state", _("withdrawn"), ""),
    "merged": ("state", _("merged"), ""),
}

#: path prefixes, letter of the shortcut, label.
SECTIONS: Final = (
    ("/incidents/", ("/incidents/", "/submit/", "/curate/"), "i", _("Incidents")),
    ("/code/", ("/code/", "/codebooks/", "/rounds/", "/adjudicate/"), "c", _("Code")),
    ("/bench/items/", ("/bench/", "/provenance/"), "b", _("Bench")),
    ("/leaderboard/", ("/leaderboard/", "/compare/", "/models/", "/cultures/"), "l", _("Leaderboard")),
    ("/statistics/", ("/statistics/",), "s", _("Statistics")),
)


@register.simple_tag(takes_context=True)
def main_nav(context: template.Context) -> list[dict[str, Any]]:
    """Return the sections of the site, the current one marked."""
    request = context.get("request")
    here = request.path if request else ""
    return [
        {"url": url, "letter": letter, "label": label, "current": here.startswith(prefixes)}
        for url, prefixes, letter, label in SECTIONS
    ]


@register.simple_tag
def category(dimension: Any, url: str = "") -> SafeString:
    """Return a category of the GVS-Scale: its number on its colour, and its name; a link if ``url``."""
    if dimension is None:
        return missing(gettext("no category"))
    if url:
        return format_html(
            '<a class="cat c{}" data-n="{}" href="{}">{}</a>', dimension.order, dimension.order, url, dimension.label
        )
    return format_html('<span class="cat c{}" data-n="{}">{}</span>', dimension.order, dimension.order, dimension.label)


@register.simple_tag
def layer(dimension: Any, url: str = "") -> SafeString:
    """Return a layer of the GVS-Scale with its colour; a link if ``url``."""
    if url:
        return format_html('<div class="layer l{}"><a class="plain" href="{}">{}</a></div>', dimension.order, url, dimension.label)
    return format_html('<div class="layer l{}">{}</div>', dimension.order, dimension.label)


@register.simple_tag
def badge(word: str, title: str = "") -> SafeString:
    """Return a word of provenance or state as a badge; ``title`` replaces its usual explanation."""
    css, shown, meaning = BADGES.get(word, ("state", None, ""))
    explained = title or meaning
    return format_html(
        '<span class="badge-s {}"{}>{}</span>',
        css,
        format_html(' title="{}"', explained) if explained else "",
        shown if shown is not None else translated(word.replace("_", " ")),
    )


def missing(reason: str) -> SafeString:
    """Return the dash that stands for a missing value, with its reason for eye and ear."""
    shown = translated(reason)
    return format_html('<span class="na" title="{}">—<span class="visually-hidden"> {}</span></span>', shown, shown)


@register.simple_tag
def score(value: float | None, interval: float | Sequence[float] | None = None, reason: str = "", digits: int = 1) -> SafeString:
    """Return ``7.4 ± 0.3``; a missing value is a dash that says why, never 0.

    Parameters
    ----------
    value : float or None
    interval : float, (low, high) or None
        Half-width, or the two ends; of two ends half their distance is written and both are in the title.
    reason : str
        Why ``value`` is missing.
    digits : int
        Decimals of both numbers.
    """
    if value is None:
        return missing(reason or gettext("not measured"))
    number = f"{value:.{digits}f}"
    if interval is None:
        return format_html('<span class="num">{}</span>', number)
    if isinstance(interval, int | float):
        half, title = float(interval), ""
    else:
        low, high = interval
        if low is None or high is None:
            return format_html('<span class="num">{}</span>', number)
        half = (high - low) / 2
        # xgettext:no-python-format
        title = gettext("95% interval: {low} to {high}").format(low=f"{low:.{digits}f}", high=f"{high:.{digits}f}")
    return format_html(
        '<span class="num nowrap"{}>{} <span class="u">± {}</span></span>',
        format_html(' title="{}"', title) if title else "",
        number,
        f"{half:.{digits}f}",
    )


@register.simple_tag(takes_context=True)
def panel(context: template.Context, filled: tuple[str, dict[str, Any]]) -> SafeString:
    """Render a panel of a higher app: its own names, and all of them again as ``panel``."""
    name, values = filled
    if context.template is None:
        raise template.TemplateSyntaxError("A panel is rendered from inside a template.")
    inner = context.template.engine.get_template(name)
    with context.push(**{**values, "panel": values}):
        rendered: SafeString = inner.render(context)
    return rendered


@register.filter
def number(value: int | None) -> str:
    """Return a count with thousands set apart: 1,367."""
    return "—" if value is None else f"{value:,}"


@register.filter
def translated(text: str) -> str:
    """Return a sentence of the software or of its shipped data in the reader's language; others as they are."""
    return in_readers_language(text)


@register.simple_tag
def stored(text: str) -> str:
    """Return a stored English text in the reader's language, or marked as English where it has no other."""
    shown = translated(text)
    if shown != text or (get_language() or "en").startswith("en"):
        return shown
    return format_html('<span lang="en">{}</span>', text)


@register.filter
def readers_first(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the language and the words of each of ``texts`` that has any, the reader's language first."""
    mine = (get_language() or "en").partition("-")[0]
    return sorted(((language, text) for language, text in texts.items() if text), key=lambda each: each[0] != mine)


@register.inclusion_tag("gvsir/_pager.html", takes_context=True)
def pager(context: template.Context, page_obj: Any) -> dict[str, Any]:
    """Show where the reader is in a list, and the way on; the rest of the address is kept."""
    return {"page": page_obj, "request": context.get("request")}
