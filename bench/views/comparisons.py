"""The paired comparison of chosen models of a run, for the page and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpResponse
from django.utils.translation import gettext as _

from bench.board import Board, Row
from bench.board_export import identity_of, plain_cell
from bench.comparison_reads import HOLM, PairedLine, PairReading, how_compared, paired_readings
from bench.forest import Estimate, draw_forest, signed
from bench.models import Run

#: What people call the adjustments of p-values; names of people are the same in all languages.
ADJUSTED_BY: Final = {HOLM: "Holm", "bh": "Benjamini–Hochberg"}


def paired_context(board: Board | None, rows: Sequence[Row], adjust: str = HOLM) -> dict[str, Any]:
    """Return what the page shows of the pairs among ``rows``; nothing for fewer than two or an imported board."""
    if board is None or board.is_imported or len(rows) < 2:
        return {}
    pairs = pairs_of(board, rows, adjust)
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
        "wholes": [(pair, _shown(pair.whole)) for pair in pairs if pair.whole is not None],
        "how_compared": how_compared(adjust),
        "adjusted_by": ADJUSTED_BY[adjust],
    }


def pairs_of(board: Board, rows: Sequence[Row], adjust: str = HOLM) -> list[PairReading]:
    """Return the readings of all pairs of ``rows`` of a run's board."""
    run = Run.objects.get(pk=int(board.measurement.removeprefix("run-")))
    return paired_readings(run, board, rows, adjust=adjust)


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


def paired_csv(board: Board, rows: Sequence[Row], adjust: str = HOLM) -> HttpResponse:
    """Return all pairs as CSV; an empty cell is undefined, and ``reason`` says why."""
    identity = identity_of(board)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([
        "model_a", "model_b", "kind", "key", "label", "difference", "low", "high", "n_shared", "n_incidents", "only_a",
        "only_b", "correlation", "p", "patterns", "exact", f"p_{adjust}", "smallest_resolvable", "reason", "badges",
        "measurement", "release", "release_sha256", "canary", "se",
    ])
    for pair in pairs_of(board, rows, adjust) if len(rows) > 1 else []:
        names = [plain_cell(pair.a.name), plain_cell(pair.b.name)]
        badges = " ".join(dict.fromkeys((*pair.a.badges, *pair.b.badges, *board.badges)))
        for line in pair.lines:
            writer.writerow([
                *names, line.kind, line.key, plain_cell(line.label), line.difference, line.low, line.high, line.n_shared,
                line.n_clusters, line.only_a, line.only_b, line.correlation, line.p_value, line.patterns or None,
                int(line.is_exact) if line.patterns else None, line.adjusted, line.resolvable, plain_cell(line.reason),
                badges, board.measurement, *identity, line.se,
            ])
        refusals = pair.refusals
        test = refusals.test
        writer.writerow([
            *names, "refused", "mcnemar", "", None, None, None, refusals.n_shared, None, test.only_a if test else None,
            test.only_b if test else None, None, test.p_value if test else None, None, None, refusals.adjusted, None,
            plain_cell(refusals.reason), badges, board.measurement, *identity, None,
        ])
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{board.system}-{board.measurement}-pairs.csv"'
    return response
