"""A few models side by side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from bench.board import Board
from bench.comparison_reads import HOLM
from bench.exceptions import UnknownNameError
from bench.leaderboards import RUN_SYSTEM, SYSTEMS, find_board, measurements_of
from bench.views.board_request import MOST_CHOSEN, address, chosen_models, chosen_rows
from bench.views.comparisons import ADJUSTED_BY, paired_context, paired_csv
from bench.views.leaderboards import scale_note
from bench.views.radar_context import narrow_radar_of, radar_file, radar_of, twin_of
from gvsir.models import ValueSystem
from gvsir.permissions import action_required
from gvsir.views.unknown_values import unknown_value


@action_required("leaderboard.view")
def compare(request: HttpRequest) -> HttpResponse:
    """Show up to five models side by side on one value system, as table and radar."""
    params = request.GET
    asked = params.get("system", "")
    system = asked if asked in SYSTEMS else RUN_SYSTEM
    try:
        board = find_board(system, params.get("measurement", ""))
    except UnknownNameError:
        board = None
    rows = chosen_rows(board, params, default=0) if board else ()
    adjust = params.get("adjust", "") if params.get("adjust", "") in ADJUSTED_BY else HOLM
    unknown = _unknown(params, board)
    if board and params.get("format") == "svg":
        return radar_file(board, rows)
    if board and not board.is_imported and params.get("format") == "csv":
        return paired_csv(board, rows, adjust)
    names = {each.key: each for each in ValueSystem.objects.filter(key__in=SYSTEMS).order_by("version")}
    return render(request, "bench/compare.html", {
        "board": board,
        "system": system,
        "systems": [(key, names[key].label if key in names else key) for key in SYSTEMS],
        "choices": measurements_of(system),
        "rows": rows,
        "n_not_shown": len(chosen_models(params)) - len(rows),
        "most_chosen": MOST_CHOSEN,
        "twin": twin_of(board, rows) if board else [],
        "radar": radar_of(board, rows) if board else None,
        "narrow_radar": narrow_radar_of(board, rows) if board else None,
        "scale_note": scale_note(board) if board else "",
        "svg": address(params, format="svg"),
        "here": address(params, format=None),
        "pairs_csv": address(params, format="csv"),
        "adjustments": [
            (label, address(params, adjust=None if key == HOLM else key), key == adjust) for key, label in ADJUSTED_BY.items()
        ],
        **paired_context(board, rows, adjust),
        "unknown": unknown,
    }, status=400 if unknown else 200)


def _unknown(params: QueryDict, board: Board | None) -> list[str]:
    """Return a sentence for each value of the address that does not exist."""
    measurement = params.get("measurement", "")
    sentences = [
        unknown_value(name, given, there)
        for name, given, there in (
            ("system", params.get("system", ""), SYSTEMS), ("adjust", params.get("adjust", ""), list(ADJUSTED_BY)),
        )
        if given and given not in there
    ]
    if measurement and board is None:
        sentences.append(unknown_value("measurement", measurement))
    return sentences
