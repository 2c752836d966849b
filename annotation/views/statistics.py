"""The page of statistics, and the exact lists behind its counts."""

from __future__ import annotations

import csv
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from annotation.category_statistics import CategoryTable, category_table, coded_incidents, published_agreement
from annotation.models import Round
from gvsir.models import Coder, ValueDimension
from gvsir.permissions import action_required
from gvsir.views.unknown_values import unknown_value

PER_PAGE = 50
PLOT = {"left": 16, "width": 660, "row": 52, "top": 8}


@action_required("statistics.view")
def statistics(request: HttpRequest) -> HttpResponse:
    """Show category frequencies by coder, and agreement of rounds and of published classifications."""
    table = category_table(request.user)
    if request.GET.get("format") == "csv":
        return _csv(table)
    rounds = Round.objects.filter(status=Round.Status.CLOSED).select_related("codebook")
    return render(request, "annotation/statistics.html", {
        "table": table,
        "coders": list(zip(table.coders, table.n, strict=True)),
        "rows": [_row(table, row) for row in table.rows],
        "plot": _plot(table) if table.coders else None,
        "model_made": Round.Origin.MODEL_MADE in table.origins,
        "rounds": rounds,
        "published": published_agreement(),
    })


def _link(category: str, coder: str, *, main: bool) -> str:
    query = {"category": category, "coder": coder, **({"as": "main"} if main else {})}
    return f"{reverse('coded_incidents')}?{urlencode(query)}"


def _row(table: CategoryTable, row: Any) -> dict[str, Any]:
    cells = [
        {
            "share": share, "url": _link(row.category.key, coder.key, main=main),
            "percent": _percent(share.share), "low": _percent(share.low), "high": _percent(share.high),
        }
        for coder, pair in zip(table.coders, zip(row.main, row.given, strict=True), strict=True)
        for main, share in zip((True, False), pair, strict=True)
    ]
    return {"category": row.category, "cells": cells}


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.0f}"


def _plot(table: CategoryTable) -> dict[str, Any]:
    """Return the marks of the chart: share as main category, one line per category and coder, from zero."""
    top = max((share.high or 0 for row in table.rows for share in row.main), default=0) or 1
    limit = min(1.0, (int(top * 20) + 1) / 20)
    n_coders = len(table.coders)
    rows = []
    for place, row in enumerate(table.rows):
        y = PLOT["top"] + place * PLOT["row"]
        marks = [
            {
                "y": round(y + 24 + (line + 0.5) * 22 / n_coders, 1),
                "x": _x(share.share, limit), "low": _x(share.low, limit), "high": _x(share.high, limit),
                "url": _link(row.category.key, coder.key, main=True),
                "square_x": _x(share.share, limit) - 4, "square_y": round(y + 20 + (line + 0.5) * 22 / n_coders, 1),
                "label": f"{coder.label}: {share.of_n} / {share.n}", "shape": line % 2,
            }
            for line, (coder, share) in enumerate(zip(table.coders, row.main, strict=True))
            if share.share is not None
        ]
        rows.append({"category": row.category, "y": y, "text_y": y + 17, "marks": marks})
    ticks = [{"x": _x(step / 20, limit), "label": f"{step * 5} %"} for step in range(int(limit * 20) + 1)]
    return {
        "rows": rows, "ticks": ticks, "height": PLOT["top"] + len(table.rows) * PLOT["row"] + 28,
        "bottom": PLOT["top"] + len(table.rows) * PLOT["row"], **PLOT,
    }


def _x(value: float | None, limit: float) -> float:
    return round(PLOT["left"] + PLOT["width"] * (value or 0) / limit, 1)


def _csv(table: CategoryTable) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="gvsir-category-frequencies.csv"'
    writer = csv.writer(response)
    writer.writerow(["category", "name", "coder", "coder_kind", "counted", "incidents", "of", "share", "low_95", "high_95"])
    for row in table.rows:
        for coder, main, given in zip(table.coders, row.main, row.given, strict=True):
            for counted, share in (("main category", main), ("given at all", given)):
                writer.writerow([
                    row.category.key, row.category.name, coder.key, coder.kind, counted, share.of_n, share.n,
                    share.share, share.low, share.high,
                ])
    return response


@action_required("statistics.view")
def coded_incidents_list(request: HttpRequest) -> HttpResponse:
    """Show exactly the incidents behind a count."""
    params = request.GET
    category, coder = (params.get(key, "") for key in ("category", "coder"))
    main_only = params.get("as") == "main"
    number = _number(request)
    of_round = Round.objects.filter(pk=number or 0, status=Round.Status.CLOSED).first()
    shown = ValueDimension.objects.filter(key=category, level="category").first() if category else None
    of_coder = Coder.objects.filter(key=coder).first() if coder else None
    unknown = [
        unknown_value(name, params[name]) for name, there in (("category", shown), ("coder", of_coder), ("round", of_round))
        if params.get(name) and there is None
    ]
    if params.get("as", "") not in ("", "main"):
        unknown.append(unknown_value("as", params["as"], ["main"]))
    found = coded_incidents(
        request.user, category=category, coder=coder, main_only=main_only, round_id=number,
    )
    if unknown:
        found = found.none()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "annotation/coded_incidents.html", {
        "page": page,
        "n": page.paginator.count,
        "category": shown,
        "coder": of_coder,
        "main_only": main_only,
        "round": of_round,
        "unknown": unknown,
    }, status=400 if unknown else 200)


def _number(request: HttpRequest) -> int | None:
    given = request.GET.get("round", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
