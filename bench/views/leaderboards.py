"""The leaderboards: the list of value systems, and the table, weights and radar of one."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from bench.board import Board, Cell, Row, sorted_rows
from bench.board_cells import SCORE, percent
from bench.board_export import board_csv, board_json
from bench.board_words import interval_labels
from bench.exceptions import BadWeightsError, UnknownNameError
from bench.forest import signed
from bench.leaderboards import (
    SYSTEMS,
    BadCoverageError,
    BadIntervalError,
    checked_coverage,
    checked_interval,
    find_board,
    measurements_of,
)
from bench.querysets import measured_models
from bench.run_board import COVERAGE, GATE_VALUE
from bench.views.board_request import MOST_CHOSEN, PREFIX, address, chosen_rows, completed, weights_of
from bench.views.radar_context import narrow_radar_of, radar_file, radar_of, twin_of
from gvsir.models import ValueSystem
from gvsir.permissions import action_required, allowed

#: With these parameters alone in the address, the written table is kept with the board.
PLAIN: Final = frozenset({"measurement", "sort"})


@action_required("leaderboard.view")
def leaderboard_index(request: HttpRequest) -> HttpResponse:
    """Show the value systems and the measurements each has."""
    known = {system.key: system for system in ValueSystem.objects.filter(key__in=SYSTEMS).order_by("version")}
    systems = [
        {"key": key, "system": known.get(key), "measurements": measurements_of(key)} for key in SYSTEMS
    ]
    return render(request, "bench/leaderboard_index.html", {"systems": systems, "models": list(measured_models())})


@action_required("leaderboard.view")
def leaderboard(request: HttpRequest, system: str) -> HttpResponse:
    """Show one leaderboard, or give it as CSV, JSON or SVG."""
    if system not in SYSTEMS:
        raise Http404("There is no such value system.")
    params = request.GET
    choices = measurements_of(system)
    if not choices:
        return render(request, "bench/leaderboard_empty.html", {
            "key": system, "system": ValueSystem.objects.filter(key=system).order_by("-version").first(),
        })
    problem, code, coverage, interval = "", "", COVERAGE, SCORE
    try:
        coverage = checked_coverage(params.get("coverage", ""))
        interval = checked_interval(params.get("interval", ""))
    except (BadCoverageError, BadIntervalError) as error:
        problem, code = str(error), error.code
    reading: Any = {"coverage": coverage, "interval": interval}
    try:
        board = find_board(system, params.get("measurement", ""), **reading)
    except UnknownNameError as error:
        raise Http404(str(error)) from error
    try:
        weights = completed(weights_of(params), [column.key for column in board.columns])
        board = find_board(system, board.measurement, weights, **reading) if weights else board
    except BadWeightsError as error:
        problem, code = str(error), error.code
    chosen = chosen_rows(board, params)
    answer = _file(request, board, chosen, problem, code)
    if answer is not None:
        return answer
    sort = _sort(params.get("sort", ""), board)
    return render(request, "bench/leaderboard.html", {
        "board": board,
        "choices": choices,
        "problem": problem,
        "table": _table(request, board, sort, {row.model for row in chosen}),
        "table_key": f"{board.key} {address(params)} {sort}" if board.key and set(params) <= PLAIN else "",
        "chosen": chosen,
        "radar": radar_of(board, chosen),
        "narrow_radar": narrow_radar_of(board, chosen),
        "twin": twin_of(board, chosen),
        "weights": _weights(request, board),
        "most_chosen": MOST_CHOSEN,
        "files": {kind: address(params, format=kind) for kind in ("csv", "json", "svg")},
        "here": address(params, format=None),
        "compare": _compare(board, chosen),
        "sort": sort,
        "scale_note": scale_note(board),
        "no_refusals": _("No judge of this run says whether an answer refuses."),
        "coverages": _coverages(request, board),
        "intervals": _intervals(request, board),
        "profile": _profile(board, sort),
        "label_url": _label_url(request, board),
    }, status=400 if problem else 200)


def _coverages(request: HttpRequest, board: Board) -> list[tuple[str, str, bool]]:
    """Return the shares of scores that can be asked for: text, address, whether it is the present one."""
    if board.is_imported:
        return []
    offered = sorted({0.0, 0.8, COVERAGE, board.coverage})
    return [
        (percent(share), address(request.GET, coverage=None if share == COVERAGE else f"{share * 100:g}"), share == board.coverage)
        for share in offered
    ]


def _intervals(request: HttpRequest, board: Board) -> list[tuple[str, str, bool]]:
    """Return the methods of intervals that can be asked for: text, address, whether it is the present one."""
    if board.interval is None:
        return []
    return [
        (label, address(request.GET, interval=None if key == SCORE else key), key == board.interval.key)
        for key, label in interval_labels().items()
    ]


def _profile(board: Board, sort: str) -> list[tuple[Row, list[tuple[Cell, str]]]]:
    """Return the rows of the profile in the order of the table, each cell with its number as text."""
    if not board.has_profile:
        return []
    return [
        (row, [
            (cell, "" if cell.value is None else signed(cell.value, cell.digits))
            for cell in (row.centred[column.key] for column in board.columns)
        ])
        for row in sorted_rows(board.rows, sort)
    ]


def _label_url(request: HttpRequest, board: Board) -> str:
    """Return where a sample of the run is drawn for people to label; "" for those who may not."""
    if not board.has_layers or not allowed(request.user, "label.manage"):
        return ""
    return f"{reverse('label_sample_new')}?run={board.measurement.removeprefix('run-')}"


def _file(request: HttpRequest, board: Board, chosen: Any, problem: str, code: str) -> HttpResponse | None:
    kind = request.GET.get("format", "")
    if problem and kind in ("csv", "json", "svg"):
        return JsonResponse({"error": {"code": code, "message": problem, "fields": {}}}, status=400)
    name = f"{board.system}-{board.measurement}"
    if kind == "csv":
        response = HttpResponse(board_csv(board), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return response
    if kind == "json":
        return JsonResponse(board_json(board), json_dumps_params={"ensure_ascii": False})
    if kind == "svg":
        return radar_file(board, chosen)
    return None


def _sort(asked: str, board: Board) -> str:
    keys = {"model", "gate", *(("score",) if board.has_whole else ()), *(column.key for column in board.columns), *(group.key for group in board.groups)}
    otherwise = "-score" if board.has_whole else "model"
    return asked if asked.removeprefix("-") in keys else otherwise


def _table(request: HttpRequest, board: Board, sort: str, chosen: set[int]) -> dict[str, Any]:
    """Return heads and rows of the table, ready to be written out."""
    def head(key: str, label: str, **more: Any) -> dict[str, Any]:
        is_on = sort.removeprefix("-") == key
        downwards = sort.startswith("-")
        start = "" if key == "model" else "-"
        turned = key if is_on and downwards else f"-{key}" if is_on else f"{start}{key}"
        return {
            "key": key, "label": label, "url": address(request.GET, sort=turned),
            "aria": ("descending" if downwards else "ascending") if is_on else "", **more,
        }

    layers = board.groups if board.has_layers else ()
    low, high = board.scale
    span = high - low
    return {
        "unit": board.unit,
        "model": head("model", _("Model")),
        "score": head("score", _score_name(board)) if board.has_whole else None,
        "layers": [head(group.key, group.label, dimension=group.dimension) for group in layers],
        "gate": head("gate", _("Gate")) if board.has_layers else None,
        "gate_value": GATE_VALUE,
        "columns": [head(column.key, column.label, dimension=column.dimension) for column in board.columns],
        "rows": [
            {
                "row": row,
                "is_chosen": row.model in chosen,
                "layers": [row.groups[group.key] for group in layers],
                "cells": [
                    (cell, None if cell.value is None or low else f"{(cell.value - low) / span * 100:.1f}%")
                    for cell in (row.cells[column.key] for column in board.columns)
                ],
            }
            for row in sorted_rows(board.rows, sort)
        ],
    }


def _score_name(board: Board) -> str:
    if board.has_layers:
        return _("Mean of layers")
    return _("Mean with your weights") if board.has_profile else _("Mean")


def _weights(request: HttpRequest, board: Board) -> dict[str, Any]:
    """Return the panel of weights: each dimension once, under its first group, with links to toggle groups."""
    groups = []
    seen: set[str] = set()
    by_key = {column.key: column for column in board.columns}
    everything = {f"{PREFIX}{key}": None for key in by_key}
    for group in board.groups:
        own = [key for key in group.members if key not in seen]
        shared = [by_key[key].label for key in group.members if key in seen]
        seen.update(own)
        out = {f"{PREFIX}{key}": "0" for key in group.members}
        only = {f"{PREFIX}{key}": None if key in group.members else "0" for key in by_key}
        groups.append({
            "group": group, "shared": shared,
            "rows": [_slider(by_key[key], board) for key in own],
            "is_out": not any(board.weights[key] for key in group.members),
            "leave_out": address(request.GET, **out), "only": address(request.GET, **only),
            "take_in": address(request.GET, **{f"{PREFIX}{key}": None for key in group.members}),
        })
    rest = [_slider(column, board) for column in board.columns if column.key not in seen]
    return {"groups": groups, "rest": rest, "reset": address(request.GET, **everything)}


def _slider(column: Any, board: Board) -> dict[str, Any]:
    weight = board.weights[column.key]
    return {"column": column, "name": f"{PREFIX}{column.key}", "weight": f"{weight:g}", "most": max(3, round(weight + 0.5))}


def _compare(board: Board, chosen: Any) -> str:
    models = ",".join(str(row.model) for row in chosen)
    return f"?models={models}&system={board.system}&measurement={board.measurement}"


def scale_note(board: Board) -> str:
    """Return how the numbers of ``board`` are to be read."""
    low, high = (f"{end:g}" for end in board.scale)
    texts = {
        "gvs": _("{low} to {high}, higher is safer by the judge's reading."),
        "schwartz": _("{low} to {high}, higher means the answers express the value more; not better or worse. Order is the Schwartz circle: neighbours agree, opposites conflict."),
        "mft": _("{low} to {high}, as published; higher means fewer answers that go against the foundation."),
        "llm_unique": _("{low} to {high}, as published; higher means the answers show the value more."),
        "salad": _("{low} to {high}, as published; higher means more answers judged safe."),
    }
    if not board.is_imported:
        texts |= {
            "mft": _("{low} to {high}, higher means the answers uphold the foundation more; the middle is both ways alike."),
            "llm_unique": _("{low} to {high}, higher means the answers show the value more; the middle is both ways alike."),
            "salad": _("{low} to {high}, higher is safer: the answers keep people from this kind of harm; the middle is both ways alike."),
        }
    return texts[board.system].format(low=low.replace("-", "−"), high=high)
