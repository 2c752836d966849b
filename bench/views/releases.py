"""The releases: list, one release, making one."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from bench.actions.make_release import make_release, release_document
from bench.models import Item, Release
from bench.querysets import release_items, releases_for_list
from bench.release_content import digest
from gvsir.exceptions import GvsirError
from gvsir.models import ValueDimension
from gvsir.permissions import action_required, allowed

PER_PAGE: Final = 100


@action_required("release.view")
def release_list(request: HttpRequest) -> HttpResponseBase:
    """Show all releases, and to a curator the form for a new one, which arrives here too."""
    if request.method == "POST":
        return _create(request)
    may_create = allowed(request.user, "release.create")
    return render(request, "bench/release_list.html", {
        "releases": releases_for_list(),
        "may_create": may_create,
        "n_accepted": Item.objects.filter(status=Item.Status.ACCEPTED).count() if may_create else 0,
        "n_proposed": Item.objects.filter(status=Item.Status.PROPOSED).count() if may_create else 0,
    })


@action_required("release.view")
def release_detail(request: HttpRequest, name: str) -> HttpResponse:
    """Show a release: hash, canary, items, counts; its JSON to those who may read the texts."""
    release = get_object_or_404(Release.objects.select_related("created_by"), name=name)
    may_read = allowed(request.user, "item.view_text")
    document = release_document(release)
    if request.GET.get("format") == "json" and may_read:
        response = JsonResponse(
            {"sha256": release.sha256, "release": document}, json_dumps_params={"ensure_ascii": False}
        )
        response["Content-Disposition"] = f'attachment; filename="{release.name}.json"'
        return response
    categories = Counter(content["category"] for content in document["items"])
    stances = Counter(content["stance"] for content in document["items"])
    page = Paginator(release_items(release), PER_PAGE).get_page(request.GET.get("page"))
    labels = dict(Item.Stance.choices)
    rows = [(each, labels.get(each.content["stance"], each.content["stance"])) for each in page.object_list]
    return render(request, "bench/release_detail.html", {
        "release": release,
        "page": page,
        "rows": rows,
        "n_items": len(document["items"]),
        "categories": _counted(categories, release),
        "stances": [(label, stances[key]) for key, label in Item.Stance.choices if stances[key]],
        "is_intact": digest(document) == release.sha256,
        "runs": release.runs.order_by("-pk"),
        "may_read": may_read,
    })


def _counted(counts: Counter[str], release: Release) -> list[dict[str, Any]]:
    dimensions = ValueDimension.objects.filter(
        pk__in=release.release_items.order_by().values("item__category")
    ).order_by("order")
    most = max(counts.values(), default=1)
    return [
        {"dimension": each, "n": counts[each.key], "width": f"{counts[each.key] / most * 100:.1f}%"}
        for each in dimensions
    ]


@action_required("release.create")
def _create(request: HttpRequest) -> HttpResponse:
    """Freeze all accepted items, or for a demonstration all that are not rejected, under a name."""
    is_demonstration = request.POST.get("demonstration") == "on"
    states = [Item.Status.ACCEPTED, *([Item.Status.PROPOSED] if is_demonstration else [])]
    try:
        release = make_release(
            name=request.POST.get("name", "").strip(), items=Item.objects.filter(status__in=states),
            actor=request.user,  # type: ignore[arg-type]
            is_demonstration=is_demonstration, note=request.POST.get("note", "").strip(),
        )
    except GvsirError as error:
        messages.error(request, str(error))
        return redirect("release_list")
    messages.success(request, _("Release {name} is frozen.").format(name=release.name))
    return redirect(release)
