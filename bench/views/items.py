"""The items: list, one item with its review, derivation."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotation.models import Coding, Round
from annotation.querysets import visible_codings
from bench.actions.attach_image import attach_image, detach_image
from bench.actions.derive_items import derive_items
from bench.actions.make_twin import make_twin
from bench.actions.review_item import review_item
from bench.exceptions import BadMediaError
from bench.files.kinds import MOST_ATTACHMENT
from bench.item_log import done_to_item
from bench.models import Item
from bench.querysets import item_by_public_id, items_for_list
from bench.views.board_request import address
from gvsir.exceptions import GvsirError
from gvsir.models import Incident, LogEntry, ValueDimension
from gvsir.permissions import action_required, allowed
from gvsir.views.unknown_values import unknown_value

PER_PAGE: Final = 50


@action_required("item.view")
def item_list(request: HttpRequest) -> HttpResponse:
    """Show the items that the address asks for, with true counts for each choice."""
    params = request.GET
    wanted = {key: params.get(key, "") for key in ("category", "stance", "status")}
    facets = [_facet(request, wanted, *facet) for facet in _facets()]
    unknown = [
        unknown_value(facet["key"], wanted[facet["key"]]) for facet in facets
        if wanted[facet["key"]] and not any(each["is_on"] for each in facet["choices"])
    ]
    page = Paginator(narrowed(items_for_list(), wanted), PER_PAGE).get_page(params.get("page"))
    applied = [
        {"facet": facet["label"], "label": each["label"], "url": address(params, **{facet["key"]: None, "page": None})}
        for facet in facets for each in facet["choices"] if each["is_on"]
    ]
    can_derive = allowed(request.user, "item.derive")
    return render(request, "bench/item_list.html", {
        "page": page,
        "total": Item.objects.count(),
        "facets": facets,
        "applied": applied,
        "shows_texts": allowed(request.user, "item.view_text"),
        "rounds": Round.objects.filter(status=Round.Status.CLOSED) if can_derive else [],
        "unknown": unknown,
    }, status=400 if unknown else 200)


def _facets() -> list[tuple[str, str, str, list[tuple[str, Any]]]]:
    """Return key, label, field and choices of each filter."""
    categories = ValueDimension.objects.filter(pk__in=Item.objects.order_by().values("category")).order_by("order")
    return [
        ("category", _("Category"), "category__key", [(each.key, each) for each in categories]),
        ("stance", _("Expected stance"), "stance", [(key, str(label)) for key, label in Item.Stance.choices]),
        ("status", _("Review"), "status", [(key, str(label)) for key, label in Item.Status.choices]),
    ]


def narrowed(items: QuerySet[Item], wanted: dict[str, str]) -> QuerySet[Item]:
    """Return ``items`` of the wanted category, stance and status; an empty wish is none."""
    fields = {"category": "category__key", "stance": "stance", "status": "status"}
    return items.filter(**{fields[key]: value for key, value in wanted.items() if value}).order_by("modality", "number")


def _facet(
    request: HttpRequest, wanted: dict[str, str], key: str, label: str, field: str, choices: list[tuple[str, Any]]
) -> dict[str, Any]:
    others = {**wanted, key: ""}
    counts = dict(
        narrowed(Item.objects.all(), others).order_by().values_list(field).annotate(n=Count("pk"))
    )
    return {
        "key": key, "label": label,
        "choices": [
            {
                "value": value, "n": counts.get(value, 0), "is_on": wanted[key] == value,
                "dimension": shown if isinstance(shown, ValueDimension) else None,
                "label": shown.label if isinstance(shown, ValueDimension) else shown,
                "url": address(request.GET, **{key: None if wanted[key] == value else value, "page": None}),
            }
            for value, shown in choices
        ],
    }


@action_required("item.view")
def item_detail(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Show an item with what it rests on; a reviewer's verdict arrives here too."""
    item = item_by_public_id(public_id)
    if item is None:
        raise Http404(f"There is no item {public_id}.")
    if request.method == "POST" and "twin" in request.POST:
        return _make_twin(request, item)
    if request.method == "POST":
        changes_images = request.FILES or {"alt", "detach"} & set(request.POST)
        return _change_images(request, item) if changes_images else _review(request, item)
    may_review = allowed(request.user, "item.review")
    incident = Incident.objects.all().visible_to(request.user).filter(pk=item.incident_id).first()
    return render(request, "bench/item_detail.html", {
        "item": item,
        "incident": incident,
        "codings": _codings(request, item),
        "releases": item.release_items.select_related("release").order_by("-release"),
        "shows_text": allowed(request.user, "item.view_text"),
        "attachments": item.attachments.select_related("item"),
        "may_attach": may_review and item.status == Item.Status.PROPOSED,
        "withholds_quotes": bool(incident and incident.harm) and not allowed(request.user, "incident.view_folded"),
        "may_review": may_review,
        "twin": item.twins.first(),
        "may_twin": allowed(request.user, "item.derive") and item.stance == Item.Stance.REFUSE
        and item.status != Item.Status.REJECTED and item.twin_of_id is None and item.modality == Item.Modality.TEXT,
        "is_own": may_review and item.author_id == request.user.pk,
        "log": [
            (entry, done_to_item(entry))
            for entry in LogEntry.objects.filter(kind="bench.item", record_id=str(item.pk)).select_related("actor")
        ],
    })


def _codings(request: HttpRequest, item: Item) -> QuerySet[Coding]:
    return (
        visible_codings(request.user).filter(items=item)
        .select_related("segment__document", "code__category", "assignment__coder", "assignment__round")
        .order_by("assignment__coder__key", "segment__start_codepoint", "pk")
    )


@action_required("item.review")
def _change_images(request: HttpRequest, item: Item) -> HttpResponse:
    """Add the image that was sent, or take one off."""
    sent = request.FILES.get("image")
    try:
        if request.POST.get("detach"):
            detach_image(item_id=item.pk, sha256=request.POST["detach"], actor=request.user)  # type: ignore[arg-type]
            messages.success(request, _("The image was taken off {id}.").format(id=item.public_id))
        else:
            if sent is None:
                raise BadMediaError(_("Choose an image file."))
            # One byte more than is taken is enough to refuse it.
            attach_image(
                item_id=item.pk, data=sent.read(MOST_ATTACHMENT + 1), alt=request.POST.get("alt", ""),
                actor=request.user,  # type: ignore[arg-type]
            )
            messages.success(request, _("The image was added to {id}.").format(id=item.public_id))
    except GvsirError as error:
        messages.error(request, _(str(error)))  # what is wrong with a file is said where there is no Django
    return redirect(item)


@action_required("item.derive")
def _make_twin(request: HttpRequest, item: Item) -> HttpResponse:
    """Propose the benign twin and show it."""
    try:
        twin = make_twin(item_id=item.pk, actor=request.user)  # type: ignore[arg-type]
    except GvsirError as error:
        messages.error(request, str(error))
        return redirect(item)
    messages.success(request, _("{twin} is the benign twin of {id}.").format(twin=twin.public_id, id=item.public_id))
    return redirect(twin)


@action_required("item.review")
def _review(request: HttpRequest, item: Item) -> HttpResponse:
    try:
        item = review_item(
            item_id=item.pk, verdict=request.POST.get("verdict", ""), actor=request.user,  # type: ignore[arg-type]
            note=request.POST.get("note", ""),
        )
    except GvsirError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("{id} is now {state}.").format(id=item.public_id, state=item.get_status_display()))
    return redirect(item)


@action_required("item.derive")
@require_POST
def item_derive(request: HttpRequest) -> HttpResponse:
    """Derive items from the round that the form names."""
    number = request.POST.get("round", "")
    round_ = Round.objects.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    if round_ is None:
        messages.error(request, _("Choose a closed round to derive items from."))
        return redirect("item_list")
    try:
        done = derive_items(round_id=round_.pk, actor=request.user)  # type: ignore[arg-type]
    except GvsirError as error:
        messages.error(request, str(error))
        return redirect("item_list")
    messages.success(
        request,
        _("{created} items proposed, {existing} were there already; {waiting} incidents wait for adjudication.").format(
            created=len(done.created), existing=len(done.existing), waiting=len(done.waiting)
        ),
    )
    for each in done.incomplete:
        messages.warning(request, f"{each.incident}: {each.reason}")
    return redirect("item_list")
