"""Panels this app adds: items of an incident; items, runs and leaderboards on the overview."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bench.models import Item, Measurement, Release, Run, Score
from bench.querysets import measured_models
from gvsir.panels import Panel, register
from gvsir.permissions import allowed


def items_of_incident(incident: Any, request: Any) -> dict[str, Any] | None:
    """Return the items derived from ``incident``; the texts for those who may read them."""
    items = Item.objects.filter(incident=incident).select_related("category").annotate(
        n_scores=Count("release_items__trials__scores", distinct=True)
    ).order_by("modality", "number")
    return {"items": items, "shows_texts": allowed(request.user, "item.view_text"), "incident": incident}


def items_step(_record: Any, request: Any) -> dict[str, Any]:
    """Return the step "items" of the overview."""
    counts = Item.objects.aggregate(
        n=Count("pk"), accepted=Count("pk", filter=Q(status=Item.Status.ACCEPTED)),
        made=Count("pk", filter=Q(is_model_made=True)),
    )
    n_releases = Release.objects.count()
    url = reverse("item_list")
    return {
        "title": _("Items"),
        "text": _("Questions derived from coded incidents, with what a good answer does; a release freezes them."),
        "counts": [
            {"n": counts["n"], "label": ngettext("item", "items", counts["n"]), "url": url},
            {"n": counts["accepted"], "label": _("accepted"), "url": f"{url}?status={Item.Status.ACCEPTED}"},
            {"n": n_releases, "label": ngettext("release", "releases", n_releases), "url": reverse("release_list")},
        ],
        "badges": ["model-made"] if counts["made"] else [],
        "empty": "" if counts["n"] else _("Derive items from a closed round of coding."),
        "empty_url": url,
    }


def runs_step(_record: Any, request: Any) -> dict[str, Any]:
    """Return the step "runs" of the overview."""
    runs = Run.objects.aggregate(
        n=Count("pk"), demonstration=Count("pk", filter=Q(is_demonstration=True)), newest=Max("pk")
    )
    return {
        "title": _("Runs and scores"),
        "text": _("Models answer the items of a release, judges read the answers, and every call is accounted for."),
        "counts": [
            {"n": runs["n"], "label": ngettext("run", "runs", runs["n"]), "url": reverse("run_list")},
            {"n": Score.objects.count(), "label": _("scores"), "url": reverse("score_list")},
        ],
        "badges": ["demonstration"] if runs["demonstration"] else [],
        "empty": "" if runs["n"] else _("Run a release on a model: gvsir bench_run."),
        "empty_url": reverse("release_list"),
    }


def leaderboard_step(_record: Any, request: Any) -> dict[str, Any]:
    """Return the step "leaderboards" of the overview."""
    from bench.leaderboards import SYSTEMS  # brings numpy and scipy, which no command that runs models needs

    measured = Run.objects.filter(status=Run.Status.FINISHED).count()
    imported = Measurement.objects.filter(system__key__in=SYSTEMS).count()
    n_models = measured_models().count()
    url = reverse("leaderboard_index")
    return {
        "title": _("Leaderboards"),
        "text": _("Models side by side, with intervals; any number leads back down this chain."),
        "counts": [
            {
                "n": measured + imported, "url": url,
                "label": ngettext("measurement", "measurements", measured + imported),
            },
            {"n": n_models, "label": ngettext("language model", "language models", n_models), "url": f"{url}#models"},
        ],
        "badges": ["imported"] if imported else [],
        "empty": "" if measured or imported else _("Finish a run, or import a published measurement."),
        "empty_url": url,
    }


register("incident", Panel(order=50, template="bench/_incident_items.html", context=items_of_incident))
register("overview", Panel(order=40, template="gvsir/_overview_step.html", context=items_step))
register("overview", Panel(order=50, template="gvsir/_overview_step.html", context=runs_step))
register("overview", Panel(order=60, template="gvsir/_overview_step.html", context=leaderboard_step))
