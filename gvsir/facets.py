"""Facets of the incident list: what can be chosen, how it filters, and how many incidents each choice has.

One :class:`Facet` per URL parameter. A higher app adds its own in ``apps.ready()`` with :func:`register`.
Choices of one facet are joined by "or", facets by "and". Each facet is counted over the incidents that
all *other* facets leave, so that a count is what a click would show; the number of queries is constant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from gvsir.models import ClassificationValue, Entity, EntityRole, IncidentReport

Text = str | Promise
NONE: Final = "none"
QUERY: Final = "q"
TOP: Final = 12


@dataclass(frozen=True)
class Choice:
    """One choice: its value in the URL, its name, how many incidents it has, and what a template may add."""

    value: str
    label: str
    count: int
    extra: dict[str, Any] = field(default_factory=dict)


class Applied(NamedTuple):
    """One filter in force: ``key=value`` in the URL, and in words; ``language`` where it is not the reader's."""

    key: str
    value: str
    facet: str
    label: str
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A way to narrow the list.

    Parameters
    ----------
    key : str
        The URL parameter, given once per chosen value.
    label, hint : str
        What it is, for an outsider; a sentence more, or "".
    choices : callable(queryset, chosen) -> sequence of Choice
        The choices with the number of incidents of ``queryset`` each has, in one or two queries, in the
        order to show. A chosen value is in it even where its count is 0 or too small to be shown.
    apply : callable(queryset, chosen) -> queryset
        The incidents that have any of the chosen values; an unknown value has none.
    order : int
        Place in the list of facets.
    template : str
        How the choices are drawn: "list", "bars" (years), or the path of a template.
    """

    key: str
    label: Text
    choices: Callable[[QuerySet[Any], Sequence[str]], Sequence[Choice]]
    apply: Callable[[QuerySet[Any], Sequence[str]], QuerySet[Any]]
    hint: Text = ""
    order: int = 100
    template: str = "list"
    extra: dict[str, Any] = field(default_factory=dict)


FACETS: Final[dict[str, Facet]] = {}


def register(facet: Facet) -> None:
    """Add ``facet``, in its place."""
    FACETS[facet.key] = facet
    for each in sorted(FACETS.values(), key=lambda one: one.order):
        FACETS[each.key] = FACETS.pop(each.key)


def chosen_values(facet: Facet, params: QueryDict) -> list[str]:
    """Return the distinct non-empty values that ``params`` chooses of ``facet``, at most 50."""
    return [value for value in dict.fromkeys(params.getlist(facet.key)) if value][:50]


def narrow(
    queryset: QuerySet[Any], params: QueryDict, *, leave_out: str = "", ranked: bool = False
) -> QuerySet[Any]:
    """Return ``queryset`` searched and filtered by ``params``, but for the facet ``leave_out``."""
    queryset = queryset.search(params.get(QUERY, ""), ranked=ranked)  # type: ignore[attr-defined]
    for facet in FACETS.values():
        chosen = chosen_values(facet, params)
        if chosen and facet.key != leave_out:
            queryset = facet.apply(queryset, chosen)
    return queryset


def counts(base: QuerySet[Any], params: QueryDict) -> dict[str, list[Choice]]:
    """Return the choices of every facet with true counts; the number of queries does not grow.

    ``base`` is what the reader may see, e.g. ``Incident.objects.visible_to(user)``.
    """
    return {
        facet.key: list(
            facet.choices(narrow(base, params, leave_out=facet.key), chosen_values(facet, params))
        )
        for facet in FACETS.values()
    }


def apply_filters(
    queryset: QuerySet[Any], params: QueryDict, choices: dict[str, list[Choice]] | None = None
) -> tuple[QuerySet[Any], list[Applied]]:
    """Return the incidents that ``params`` asks for, with ``search_rank``, and the filters in force in words.

    Parameters
    ----------
    queryset : QuerySet of Incident
        What the reader may see.
    params : QueryDict
        ``q`` and the keys of the facets.
    choices : dict, optional
        What :func:`counts` returned, for the names of the values; without it each applied facet is asked.
    """
    applied: list[Applied] = []
    if text := params.get(QUERY, "").strip():
        applied.append(Applied(QUERY, text, gettext("Search"), text))
    for facet in FACETS.values():
        chosen = chosen_values(facet, params)
        if chosen:
            known = choices[facet.key] if choices is not None else facet.choices(queryset, chosen)
            found = {choice.value: choice for choice in known}
            applied += [
                Applied(
                    facet.key, value, str(facet.label), found[value].label if value in found else value,
                    found[value].extra.get("lang", "") if value in found else "",
                )
                for value in chosen
            ]
    return narrow(queryset, params, ranked=True), applied


# --- entities by role -------------------------------------------------------------------------------


def entity_facet(key: str, role: str, label: Text, order: int, hint: Text = "") -> Facet:
    """Return the facet of the entities that incidents name in ``role``: the most frequent, and the chosen."""

    def choices(queryset: QuerySet[Any], chosen: Sequence[str]) -> list[Choice]:
        named = EntityRole.objects.filter(role=role, incident__in=queryset.order_by().values("pk"))
        # Counted by key first and named afterwards: joining all the names took twice as long. An incident
        # names an entity in one role once.
        counted = dict(named.order_by().values_list("entity").annotate(n=Count("pk")))
        least = sorted(counted.values(), reverse=True)[:TOP][-1:]
        kept = [key for key, n in counted.items() if n >= least[0]]
        rows = sorted(
            (-counted.get(key, 0), name, slug)
            for key, slug, name in Entity.objects.filter(Q(pk__in=kept) | Q(slug__in=chosen)).values_list("pk", "slug", "name")
        )
        extra = {"all": len(counted), "lang": "en"}
        shown = [
            Choice(slug, name, -n, extra)
            for place, (n, name, slug) in enumerate(rows) if place < TOP or slug in chosen
        ]
        known = {slug for _, _, slug in rows}
        return [*shown, *(Choice(slug, slug, 0, extra) for slug in chosen if slug not in known)]

    def apply(queryset: QuerySet[Any], chosen: Sequence[str]) -> QuerySet[Any]:
        named = EntityRole.objects.filter(role=role, entity__slug__in=chosen)
        return queryset.filter(pk__in=named.values("incident"))

    return Facet(key=key, label=label, choices=choices, apply=apply, order=order, hint=hint)


# --- kind of risk -----------------------------------------------------------------------------------

_MIT = ClassificationValue.objects.filter(
    field__key="Risk Domain", classification__taxonomy_version__taxonomy__namespace="MIT",
    classification__is_published=True,
)


def _mit_choices(queryset: QuerySet[Any], chosen: Sequence[str]) -> list[Choice]:
    newest = _MIT.filter(classification__incident=OuterRef("pk")).order_by("-classification__taxonomy_version__version")
    rows = (
        queryset.order_by().annotate(domain=Subquery(newest.values("value")[:1]))
        .values_list("domain").annotate(n=Count("pk")).order_by("domain")
    )
    found = {value or NONE: n for value, n in rows}
    values = sorted({*found, *chosen} - {NONE}) + [NONE] * (NONE in found or NONE in chosen)
    return [Choice(value, _mit_label(value), found.get(value, 0)) for value in values]


#: The domains of the MIT AI Risk Repository, for the catalogs; another value is shown as it is.
_MIT_DOMAINS: Final = (
    gettext_noop("Discrimination and Toxicity"),
    gettext_noop("Privacy & Security"),
    gettext_noop("Misinformation"),
    gettext_noop("Malicious Actors & Misuse"),
    gettext_noop("Human-Computer Interaction"),
    gettext_noop("Socioeconomic & Environmental Harms"),
    gettext_noop("AI system safety, failures, and limitations"),
)


def _mit_label(value: str) -> str:
    """Return the name of a domain without its number, in the reader's language."""
    number, dot, name = value.partition(". ")
    if value == NONE:
        return gettext("Not classified")
    shown = name if dot and number.isdecimal() else value
    return gettext(shown) if shown in _MIT_DOMAINS else shown


def _mit_apply(queryset: QuerySet[Any], chosen: Sequence[str]) -> QuerySet[Any]:
    newest = _MIT.filter(classification__incident=OuterRef("pk")).order_by("-classification__taxonomy_version__version")
    queryset = queryset.alias(_domain=Subquery(newest.values("value")[:1]))
    wanted = Q(_domain__in=[value for value in chosen if value != NONE])
    return queryset.filter(wanted | Q(_domain__isnull=True) if NONE in chosen else wanted)


# --- year of the event ------------------------------------------------------------------------------


def _year_choices(queryset: QuerySet[Any], chosen: Sequence[str]) -> list[Choice]:
    found: Counter[str] = Counter()
    for date, n in queryset.order_by().values_list("date").annotate(n=Count("pk")):  # SQLite knows no years
        found[str(date.year) if date else NONE] += n
    values = sorted({*found, *chosen} - {NONE}) + [NONE] * (NONE in found or NONE in chosen)
    return [
        Choice(value, gettext("Year unknown") if value == NONE else value, found.get(value, 0))
        for value in values
    ]


def _year_apply(queryset: QuerySet[Any], chosen: Sequence[str]) -> QuerySet[Any]:
    years = [int(value) for value in chosen if value.isascii() and value.isdecimal() and len(value) <= 4]
    wanted = Q(date__year__in=years)
    return queryset.filter(wanted | Q(date__isnull=True) if NONE in chosen else wanted)


# --- number of reports ------------------------------------------------------------------------------

#: value in the URL -> lowest and highest number of reports (None: no limit).
REPORT_BANDS: Final[dict[str, tuple[int, int | None]]] = {"0": (0, 0), "1": (1, 1), "2-4": (2, 4), "5+": (5, None)}


def _report_count() -> Any:
    """Return the number of reports of an incident, as an expression that multiplies no rows."""
    links = IncidentReport.objects.filter(incident=OuterRef("pk")).order_by().values("incident")
    return Coalesce(Subquery(links.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)


def _band_label(band: str) -> str:
    low, high = REPORT_BANDS[band]
    if high is None:
        return gettext("%(low)d or more reports") % {"low": low}
    if low == high:
        return ngettext("%(n)d report", "%(n)d reports", low) % {"n": low}
    return gettext("%(low)d to %(high)d reports") % {"low": low, "high": high}


def _report_choices(queryset: QuerySet[Any], chosen: Sequence[str]) -> list[Choice]:
    rows = list(
        queryset.order_by().annotate(_reports=_report_count()).values_list("_reports").annotate(n=Count("pk"))
    )
    result = []
    for band, (low, high) in REPORT_BANDS.items():
        count = sum(n for reports, n in rows if low <= reports and (high is None or reports <= high))
        if count or band in chosen:
            result.append(Choice(band, _band_label(band), count))
    return result


def _report_apply(queryset: QuerySet[Any], chosen: Sequence[str]) -> QuerySet[Any]:
    bands = [REPORT_BANDS[value] for value in chosen if value in REPORT_BANDS]
    if not bands:
        return queryset.none()
    wanted = Q()
    for low, high in bands:
        wanted |= Q(_reports__gte=low) if high is None else Q(_reports__gte=low, _reports__lte=high)
    result: QuerySet[Any] = queryset.alias(_reports=_report_count()).filter(wanted)
    return result


register(
    Facet(
        key="year", label=_("Year of the event"), choices=_year_choices, apply=_year_apply, order=10,
        template="bars",
    )
)
register(
    Facet(
        key="risk", label=_("Kind of risk (MIT)"), choices=_mit_choices, apply=_mit_apply, order=30,
        hint=_("Domain of the MIT AI Risk Repository, given by a language model."),
    )
)
register(entity_facet("developer", EntityRole.Role.DEVELOPER, _("Developer named"), 40))
register(entity_facet("deployer", EntityRole.Role.DEPLOYER, _("Deployer named"), 50))
register(entity_facet("harmed", EntityRole.Role.HARMED, _("Harmed or nearly harmed party named"), 60))
register(
    Facet(key="reports", label=_("Number of reports"), choices=_report_choices, apply=_report_apply, order=70)
)
