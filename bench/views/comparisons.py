"""The paired comparison of chosen models of a run, for the page and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from bench.board import Board, Row
from bench.board_export import plain_cell
from bench.comparison_reads import PairedLine, PairReading, how_compared, paired_readings
from bench.forest import Estimate, draw_forest, signed
from bench.models import Run


def paired_context(board: Board | None, rows: Sequence[Row]) -> dict[str, Any]:
    """Return what the page shows of the pairs among ``rows``; nothing for fewer than two or an imported board."""
    if board is None or board.is_imported or len(rows) < 2:
        return {}
    pairs = pairs_of(board, rows)
    return {
        "pairs": [
            {
                "pair": pair,
                "forest": draw_forest([_estimate(line) for line in pair.lines]),
                "rows": [_shown(line) for line in pair.lines],
                "mcnemar_p": p_text(pair.refusals.test.p_value) if pair.refusals.test else "",
                "mcnemar_adjusted": p_text(pair.refusals.adjusted),
            }
            for pair in pairs
        ],
        "wholes": [(pair, _shown(pair.whole)) for pair in pairs],
        "how_compared": how_compared(),
    }


def pairs_of(board: Board, rows: Sequence[Row]) -> list[PairReading]:
    """Return the readings of all pairs of ``rows`` of a run's board."""
    run = Run.objects.get(pk=int(board.measurement.removeprefix("run-")))
    return paired_readings(run, board, rows)


def _estimate(line: PairedLine) -> Estimate:
    return Estimate(
        label=line.label if len(line.label) < 42 else f"{line.label[:40]}…", value=line.difference, low=line.low,
        high=line.high, note=line.reason, is_strong=line.kind == "whole", url=line.url_a,
    )


def _shown(line: PairedLine) -> dict[str, Any]:
    return {
        "line": line,
        "difference": "" if line.difference is None else signed(line.difference, 2),
        "interval": f"{signed(line.low, 2)} … {signed(line.high, 2)}" if line.low is not None and line.high is not None else "",
        "correlation": "" if line.correlation is None else signed(line.correlation, 2),
        "p": p_text(line.p_value),
        "adjusted": p_text(line.adjusted),
        "patterns": _("{n} patterns, all of them").format(n=line.patterns) if line.is_exact
        else _("{n} random patterns").format(n=f"{line.patterns:,}"),
    }


def p_text(p: float | None) -> str:
    """Return a p-value with three places, or "< 0.001"; "" for none.

    Examples
    --------
    >>> p_text(0.25), p_text(0.00010), p_text(None)
    ('0.250', '< 0.001', '')
    """
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def paired_csv(board: Board, rows: Sequence[Row]) -> HttpResponse:
    """Return all pairs as CSV; an empty cell is undefined, and ``reason`` says why."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([
        "model_a", "model_b", "kind", "key", "label", "difference", "low", "high", "n_shared", "n_incidents", "only_a",
        "only_b", "correlation", "p", "patterns", "exact", "p_holm", "smallest_resolvable", "reason", "badges",
        "measurement",
    ])
    for pair in pairs_of(board, rows) if len(rows) > 1 else []:
        names = [plain_cell(pair.a.name), plain_cell(pair.b.name)]
        badges = " ".join(dict.fromkeys((*pair.a.badges, *pair.b.badges, *board.badges)))
        for line in pair.lines:
            writer.writerow([
                *names, line.kind, line.key, plain_cell(line.label), line.difference, line.low, line.high, line.n_shared,
                line.n_clusters, line.only_a, line.only_b, line.correlation, line.p_value, line.patterns or None,
                int(line.is_exact) if line.patterns else None, line.adjusted, line.resolvable, plain_cell(line.reason),
                badges, board.measurement,
            ])
        refusals = pair.refusals
        test = refusals.test
        writer.writerow([
            *names, "refused", "mcnemar", "", None, None, None, refusals.n_shared, None, test.only_a if test else None,
            test.only_b if test else None, None, test.p_value if test else None, None, None, refusals.adjusted, None,
            plain_cell(refusals.reason), badges, board.measurement,
        ])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{board.system}-{board.measurement}-pairs.csv"'
    return response
