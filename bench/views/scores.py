"""The scores behind a cell of a leaderboard, and one score."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import Avg, Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from bench.models import LanguageModel, Run, Score
from bench.querysets import item_by_public_id, scores_of_cell
from bench.scoring.frameworks import FRAMEWORKS
from bench.views.board_request import address
from bench.views.responses import words_for_output
from gvsir.models import ValueDimension, ValueSystem
from gvsir.permissions import action_required, allowed
from gvsir.views.unknown_values import unknown_value

PER_PAGE: Final = 100
STATES: Final = ("scored", "missing")
#: Dimensions of an address that are looked up; a cell of a leaderboard has fewer.
MOST_KEYS: Final = 50


def _number(text: str) -> int:
    """Return the primary key that ``text`` is, or one that nothing has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


@action_required("score.view")
def score_list(request: HttpRequest) -> HttpResponse:
    """Show the scores that the address asks for; as many as its cell counts, the missing ones included."""
    params = request.GET
    run = Run.objects.filter(pk=_number(params.get("run", ""))).select_related("release").first()
    model = LanguageModel.objects.filter(pk=_number(params.get("model", ""))).first()
    keys, layer = [key for key in params.getlist("dimension") if key], params.get("layer", "")
    system = params.get("system", "")
    item = item_by_public_id(params.get("item", ""))
    unknown = [
        unknown_value(name, params[name]) for name, found in (("run", run), ("model", model), ("item", item))
        if params.get(name) and found is None
    ]
    known = set(ValueDimension.objects.filter(key__in=keys[:MOST_KEYS]).values_list("key", flat=True))
    unknown += [unknown_value("dimension", key) for key in keys[:MOST_KEYS] if key not in known]
    unknown += [
        unknown_value(name, value)
        for name, value, there in (
            ("layer", layer, ValueDimension.objects.filter(key=layer, children__isnull=False)),
            ("system", system, ValueSystem.objects.filter(key=system)),
        )
        if value and not there.exists()
    ]
    state = params.get("state", "")
    if state and state not in STATES:
        unknown.append(unknown_value("state", state, STATES))
    scores = scores_of_cell(
        run=run.pk if run else None, language_model=model.pk if model else None, dimensions=keys, layer=layer,
        system=system, item=item.pk if item else None,
    )
    if unknown:
        scores = scores.none()
    totals = scores.order_by().aggregate(n_scored=Count("value"), n=Count("pk"), mean=Avg("value"))
    rows = scores.select_related(
        "dimension", "trial__language_model", "trial__release_item__item", "run"
    )
    if state in STATES:
        rows = rows.filter(value__isnull=state == "missing")
    return render(request, "bench/score_list.html", {
        "page": Paginator(rows, PER_PAGE).get_page(params.get("page")),
        "run": run,
        "model": model,
        "item": item,
        "dimensions": _dimensions(run, [*keys, *([layer] if layer else [])], system),
        "cell": _cell_id(run, model, keys, system) if totals["n"] and item is None else "",
        "n": totals["n"],
        "n_scored": totals["n_scored"],
        "n_missing": totals["n"] - totals["n_scored"],
        "states": [
            (label, address(params, state=key or None, page=None), state == key)
            for key, label in (("", _("all")), ("scored", _("with a value")), ("missing", _("missing")))
        ],
        "unknown": unknown,
    }, status=400 if unknown else 200)


def _cell_id(run: Run | None, model: LanguageModel | None, keys: list[str], system: str) -> str:
    """Return what the chain below a cell is called; cells of frameworks have none of their own."""
    if run is None or model is None or len(keys) != 1 or system in FRAMEWORKS:
        return ""
    return f"run-{run.pk}:{model.pk}:{keys[0]}"


def _dimensions(run: Run | None, keys: list[str], system: str) -> list[ValueDimension]:
    if run is None or not keys:
        return []
    systems = Score.objects.filter(run=run).order_by().values("dimension__system")
    found = ValueDimension.objects.filter(system__in=systems, key__in=keys)
    return list((found.filter(system__key=system) if system else found).order_by("order"))


@action_required("score.view")
def score_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one score: its value or why it is missing, judgements, response, item."""
    score = get_object_or_404(
        Score.objects.select_related(
            "run__release", "dimension__system", "trial__language_model", "trial__response__language_model",
            "trial__release_item__item__incident", "trial__release_item__item__category",
        ),
        pk=pk,
    )
    context: dict[str, Any] = {
        "score": score,
        "trial": score.trial,
        "item": score.trial.release_item.item,
        "content": score.trial.release_item.content,
        "output_alt": words_for_output(score.trial.response),
        "judgements": score.judgements.select_related("judge").order_by("pk"),
        "others": Score.objects.filter(
            run=score.run, trial__release_item=score.trial.release_item, dimension=score.dimension
        ).exclude(pk=pk).select_related("trial__language_model").order_by("trial__language_model__name", "pk")[:30],
        "shows_text": allowed(request.user, "response.view_text"),
        "shows_item_text": allowed(request.user, "item.view_text"),
    }
    return render(request, "bench/score_detail.html", context)
