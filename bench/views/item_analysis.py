"""The page of a run's items: what each tells about the models, and the models' abilities."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from bench.board_cells import one_incident
from bench.board_export import plain_cell
from bench.forest import signed
from bench.item_analysis import THRESHOLD, Analysis, BadThresholdError, analysis_of, how_analysed
from bench.metrics.ranks import ranks
from bench.models import LanguageModel, ReleaseItem, Run
from bench.views.board_request import address
from gvsir.models import ValueDimension
from gvsir.permissions import action_required
from gvsir.views.unknown_values import unknown_value

PER_PAGE: Final = 100
MOST_DRAWN: Final = 1500


@dataclass(frozen=True, kw_only=True)
class ItemLine:
    """An item with its numbers; NaN became None."""

    item: ReleaseItem
    dimension: ValueDimension | None
    numbers: dict[str, float | None]
    n: int
    n_missing: int
    flags: tuple[str, ...]
    scores_url: str


#: key of a number -> how it is read from the analysis.
NUMBERS: Final[dict[str, Callable[[Analysis], Any]]] = {
    "mean": lambda found: found.mean,
    "between": lambda found: found.between,
    "entropy": lambda found: found.entropy,
    "item_total": lambda found: found.item_total,
    "tails": lambda found: found.tails,
    "b": lambda found: found.b,
    "se_b": lambda found: found.se_b,
    "a": lambda found: found.a,
    "se_a": lambda found: found.se_a,
    "infit": lambda found: found.infit,
    "outfit": lambda found: found.outfit,
}
FLAGS: Final = ("alike", "against", "misfit")


def flag_words() -> dict[str, str]:
    """Return what each flag says."""
    return {"alike": _("tells nothing"), "against": _("against the rest"), "misfit": _("misfit")}


@action_required("run.view")
def item_analysis(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the items of run ``pk`` tell, sortable and by category; or give it as CSV."""
    run = get_object_or_404(Run.objects.select_related("release"), pk=pk)
    params = request.GET
    dimensions = {
        each.key: each
        for each in ValueDimension.objects.filter(
            pk__in=ReleaseItem.objects.filter(release=run.release_id).order_by().values("item__category")
        ).order_by("order")
    }
    category = params.get("category", "") if params.get("category", "") in dimensions else ""
    analysis, problem = _analysis(run, category, params.get("threshold", ""))
    flag = params.get("flag", "") if params.get("flag", "") in FLAGS else ""
    lines = [line for line in _lines(run, analysis, dimensions) if not flag or flag in line.flags]
    sort = params.get("sort", "")
    unknown = [
        unknown_value(name, params[name], there)
        for name, there in (("category", dimensions), ("flag", FLAGS), ("sort", ("item", "n", *NUMBERS)))
        if params.get(name) and (params[name].removeprefix("-") if name == "sort" else params[name]) not in there
    ]
    if any(params.get(name) and not value for name, value in (("category", category), ("flag", flag))):
        lines = []
    lines = _sorted(lines, sort if sort.removeprefix("-") in ("item", "n", *NUMBERS) else "item")
    if params.get("format") == "csv" and not unknown:
        return _csv(run, analysis, lines)
    return render(request, "bench/item_analysis.html", {
        "run": run, "analysis": analysis, "problem": problem, "category": dimensions.get(category),
        "page": Paginator(lines, PER_PAGE).get_page(params.get("page")),
        "n_lines": len(lines),
        "heads": _heads(request, sort, analysis),
        "categories": [
            (each, address(params, category=each.key, page=None), each.key == category) for each in dimensions.values()
        ],
        "all_url": address(params, category=None, page=None),
        "flags": [
            (word, int(getattr(analysis, key).sum()), address(params, flag=None if key == flag else key, page=None), key == flag)
            for key, word in flag_words().items()
        ],
        "words": flag_words(),
        "abilities": _abilities(analysis),
        "scatter": _scatter(lines, analysis),
        "how": how_analysed(analysis),
        "csv": address(params, format="csv", page=None),
        "threshold": f"{analysis.threshold:g}",
        "given": [(key, value) for key, value in params.items() if key not in ("threshold", "page", "format")],
        "unknown": unknown,
    }, status=400 if problem or unknown else 200)


def _analysis(run: Run, category: str, threshold: str) -> tuple[Analysis, str]:
    try:
        return analysis_of(run, category=category, threshold=float(threshold) if threshold else THRESHOLD), ""
    except (BadThresholdError, ValueError) as error:
        problem = str(error) if isinstance(error, BadThresholdError) else _("The threshold is a number.")
        return analysis_of(run, category=category), problem


def _lines(run: Run, analysis: Analysis, dimensions: dict[str, ValueDimension]) -> list[ItemLine]:
    items = {
        each.pk: each
        for each in ReleaseItem.objects.filter(release=run.release_id).select_related("item", "item__incident")
    }
    numbers = {key: read(analysis).tolist() for key, read in NUMBERS.items()}
    flags = {key: getattr(analysis, key).tolist() for key in FLAGS}
    base = reverse("score_list")
    lines = []
    for unit, (item, key) in enumerate(zip(analysis.items.tolist(), analysis.dimensions, strict=True)):
        found = items[item]
        lines.append(ItemLine(
            item=found, dimension=dimensions.get(key), n=int(analysis.n[unit]), n_missing=int(analysis.n_missing[unit]),
            numbers={name: None if math.isnan(values[unit]) else values[unit] for name, values in numbers.items()},
            flags=tuple(name for name in FLAGS if flags[name][unit]),
            scores_url=f"{base}?run={run.pk}&item={found.item.public_id}",
        ))
    return lines


def _sorted(lines: Sequence[ItemLine], sort: str) -> list[ItemLine]:
    """Return ``lines`` by a column (with "-" before it: highest first); missing ones last either way."""
    key, is_down = sort.removeprefix("-"), sort.startswith("-")

    def value(line: ItemLine) -> float | None:
        return line.item.position if key == "item" else line.n if key == "n" else line.numbers[key]

    there = [(found, line) for line in lines if (found := value(line)) is not None]
    there.sort(key=lambda each: (round(-each[0] if is_down else each[0], 9), each[1].item.position))
    return [line for _found, line in there] + [line for line in lines if value(line) is None]


def _heads(request: HttpRequest, sort: str, analysis: Analysis) -> list[dict[str, str]]:
    low, high = (f"{end:g}" for end in analysis.bounds)
    # xgettext:no-python-format
    tails = _("27 % of models")
    words = [
        ("item", _("Item"), ""), ("n", _("Models"), _("missing")), ("mean", _("Mean"), f"{low}–{high}"),
        ("between", _("Variance"), _("between models")), ("entropy", _("Entropy"), "0–1"),
        ("item_total", _("Item-total r"), _("corrected")), ("tails", _("Best less worst"), tails),
        ("b", _("Difficulty b"), "± SE"), ("a", _("Discrimination a"), "± SE"), ("infit", _("Infit"), ""),
        ("outfit", _("Outfit"), ""),
    ]
    key, is_down = sort.removeprefix("-") or "item", sort.startswith("-")
    return [
        {
            "key": name, "label": label, "unit": unit,
            "url": address(request.GET, sort=name if name == key and is_down else f"-{name}" if name == key else name, page=None),
            "aria": ("descending" if is_down else "ascending") if name == key else "",
        }
        for name, label, unit in words
    ]


def _abilities(analysis: Analysis) -> list[dict[str, Any]]:
    """Return the models by ability, beside their means and the ranks that both give."""
    found = analysis.abilities
    if found is None:
        return []
    models = LanguageModel.objects.in_bulk(list(found.models))
    several = analysis.n_clusters > 1
    by_ability, by_mean = ranks(found.ability).tolist(), ranks(found.mean).tolist()
    rows = [
        {
            "model": models[pk], "ability": signed(float(found.ability[row]), 2), "se": _number(found.se[row]),
            "se_information": float(found.se_information[row]),
            "interval": "" if np.isnan(found.low[row]) else f"{signed(found.low[row], 2)} … {signed(found.high[row], 2)}",
            "reason": _("All answers conform, or none; drawing incidents again shows no spread.") if several
            else one_incident(),
            "conforming": float(found.conforming[row]) * 100,
            "mean": float(found.mean[row]), "n": int(found.n_items[row]), "rank": by_ability[row],
            "rank_by_mean": by_mean[row],
        }
        for row, pk in enumerate(found.models)
    ]
    return sorted(rows, key=lambda row: (row["rank"], row["model"].name))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _scatter(lines: Sequence[ItemLine], analysis: Analysis) -> dict[str, Any] | None:
    """Return the picture of mean against item-total correlation; None without a point, or with too many."""
    low, high = analysis.bounds
    points = []
    for line in lines:
        mean, r = line.numbers["mean"], line.numbers["item_total"]
        if mean is None or (r is None and "alike" not in line.flags):
            continue
        points.append({
            "x": f"{60 + (mean - low) / (high - low) * 660:.1f}", "y": f"{160 - (r or 0.0) * 130:.1f}",
            "is_flat": "alike" in line.flags, "url": line.item.item.get_absolute_url(),
            "title": f"{line.item.item.public_id}: {mean:.1f}" + ("" if r is None else f", r {r:.2f}"),
        })
    if not points or len(points) > MOST_DRAWN:
        return None
    ticks = [(f"{60 + part / 5 * 660:.1f}", f"{low + part / 5 * (high - low):g}") for part in range(6)]
    return {"points": points, "ticks": ticks, "levels": [("30.0", "1"), ("160.0", "0"), ("290.0", "−1")]}


def _csv(run: Run, analysis: Analysis, lines: Sequence[ItemLine]) -> HttpResponse:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([
        "item", "category", "stance", "incident", "n_models", "n_missing", *NUMBERS, "flags", "fitted", "threshold", "run",
        "badges",
    ])
    badges = "demonstration" if run.is_demonstration or run.release.is_demonstration else ""
    for line in lines:
        writer.writerow([
            line.item.item.public_id, line.dimension.key if line.dimension else "", line.item.item.stance,
            line.item.item.incident.number if line.item.item.incident else None, line.n, line.n_missing,
            *line.numbers.values(), " ".join(line.flags), analysis.method, analysis.threshold, f"run-{run.pk}",
            plain_cell(badges),
        ])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}-items.csv"'
    return response
