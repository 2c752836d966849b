"""The page of a run's diagnostics: what scores follow that they should not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from bench.board_export import plain_cell
from bench.diagnostic_reads import Diagnostics, Lengths, diagnostics_of, how_diagnosed
from bench.forest import Estimate, draw_forest, signed
from bench.metrics.intervals import MeanEstimate
from bench.models import LanguageModel, Run
from bench.over_refusal import Fear
from bench.views.comparisons import p_text
from gvsir.permissions import action_required


@action_required("run.view")
def diagnostics(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the diagnostics of run ``pk``, or give them as CSV."""
    run = get_object_or_404(Run.objects.select_related("release"), pk=pk)
    found = diagnostics_of(run)
    models = LanguageModel.objects.in_bulk([line.model for line in found.lengths])
    if request.GET.get("format") == "csv":
        return _csv(run, found, models)
    return render(request, "bench/diagnostics.html", {
        "run": run,
        "found": found,
        "lengths": [{"model": models[line.model], **_correlation(line)} for line in found.lengths],
        "positions": [{"model": models[line.model], **_correlation(line)} for line in found.positions],
        "languages": [
            {"model": models[pair.model], "pair": pair, **_difference(pair.difference), "p": p_text(pair.p_value),
             "adjusted": p_text(pair.p_adjusted)}
            for pair in found.languages
        ],
        "forest": draw_forest([
            Estimate(
                label=f"{models[pair.model].name}: {pair.first} − {pair.second}", value=pair.difference.value,
                low=pair.difference.low, high=pair.difference.high,
            )
            for pair in found.languages
        ]) if any(pair.difference.value is not None for pair in found.languages) else None,
        "epochs": [{"model": models[line.model], "line": line, "share": _percent(line.variance.within_share)} for line in found.epochs],
        "fears": [{"model": models[line.model], "line": line, **twins_shown(line.twins)} for line in found.fears],
        "judges": [{"line": line, **_difference(line.bias)} for line in found.panel.judges],
        "judge_pairs": [
            {"pair": pair, "difference": "" if pair.mean_difference is None else signed(pair.mean_difference, 2)}
            for pair in found.panel.pairs
        ],
        "missing_heads": [models[model] for model in found.missing.models],
        "coverage": [
            {"model": models[model], "missing": missing, "asked": asked,
             "share": _percent((asked - missing) / asked if asked else None)}
            for model, missing, asked in zip(
                found.missing.models, found.missing.n_missing, found.missing.n_asked, strict=True
            )
        ],
        "how": how_diagnosed(),
    })


def _correlation(line: Lengths) -> dict[str, Any]:
    found = line.correlation
    return {
        "line": line, "rho": "" if found is None else signed(found.rho, 2), "n": found.n if found else 0,
        "p": p_text(found.p_value) if found else "", "adjusted_p": p_text(line.p_adjusted),
        "shift": "" if line.mean is None or line.adjusted is None else signed(line.adjusted - line.mean, 2),
    }


def _difference(estimate: MeanEstimate) -> dict[str, Any]:
    low, high = estimate.low, estimate.high
    return {
        "difference": "" if estimate.value is None else signed(estimate.value, 2),
        "interval": "" if low is None or high is None else f"{signed(low, 2)} … {signed(high, 2)}",
        "reason": estimate.undefined_reason, "n_clusters": estimate.n_clusters,
    }


def twins_shown(found: Any) -> dict[str, Any]:
    """Return what pages show of the pairs of one model."""
    if found is None:
        return {"twins": None}
    return {
        "twins": found, "harmful": _percent(found.harmful.value), "benign": _percent(found.benign.value),
        "twin_difference": _difference(found.difference), "twin_p": p_text(found.pairs.p_value),
    }


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f} %"


def _csv(run: Run, found: Diagnostics, models: dict[int, LanguageModel]) -> HttpResponse:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["diagnostic", "model", "what", "value", "low", "high", "n", "p", "p_holm", "reason", "run", "badges"])
    badges = "demonstration" if run.is_demonstration or run.release.is_demonstration else ""
    for diagnostic, model, *rest in _csv_rows(found):
        name = models[model].name if isinstance(model, int) else model
        writer.writerow([diagnostic, plain_cell(name), *rest, f"run-{run.pk}", badges])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="run-{run.pk}-diagnostics.csv"'
    return response


def _csv_rows(found: Diagnostics) -> Iterator[tuple[Any, ...]]:
    """Yield diagnostic, model, what, value, low, high, n, p, adjusted p, reason."""
    for name, lines in (("length", found.lengths), ("position", found.positions)):
        for line in lines:
            c = line.correlation
            yield (name, line.model, "spearman_rho", c.rho if c else None, None, None, c.n if c else 0,
                   c.p_value if c else None, line.p_adjusted, line.reason)
    for line in found.lengths:
        yield "length", line.model, "adjusted_mean", line.adjusted, None, None, None, None, None, found.length_reason
    for pair in found.languages:
        d = pair.difference
        yield ("language", pair.model, f"{pair.first}-{pair.second}", d.value, d.low, d.high, pair.n_shared, pair.p_value,
               pair.p_adjusted, d.undefined_reason)
    for each in found.epochs:
        v = each.variance
        for what, value in (("within", v.within), ("between", v.between), ("within_share", v.within_share)):
            yield "epochs", each.model, what, value, None, None, v.n_items, None, None, each.reason
    for fear in found.fears:
        for what, share in (("over_refusal", fear.benign), ("asked_refusal", fear.asked)):
            yield "refusal", fear.model, what, share.value, share.low, share.high, share.of, None, None, ""
        yield from _twin_rows(fear)
    yield "panel", "", "alpha", found.panel.alpha, None, None, found.panel.n_units, None, None, found.panel.reason
    for judge in found.panel.judges:
        b = judge.bias
        yield "panel", judge.name, "bias", b.value, b.low, b.high, b.n, None, None, b.undefined_reason
    for reason, counts in found.missing.reasons:
        for model, n in zip(found.missing.models, counts, strict=True):
            yield "missing", model, reason, n, None, None, None, None, None, ""


def _twin_rows(fear: Fear) -> Iterator[tuple[Any, ...]]:
    """Yield the refusals of pairs of twins, or one row that says why there are none."""
    if fear.twins is None:
        reason = "The release has no benign twin and no incident with both kinds of items."
        yield "refusal", fear.model, "twins", None, None, None, 0, None, None, reason
        return
    found, p = fear.twins, fear.twins.pairs.p_value
    for what, each, tested in (
        ("twins_refused_as_asked", found.harmful, None), ("twins_over_refusal", found.benign, None),
        ("twins_difference", found.difference, p if found.difference.n else None),
    ):
        yield "refusal", fear.model, what, each.value, each.low, each.high, each.n, tested, None, each.undefined_reason
