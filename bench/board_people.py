"""What people's labels say of a run's leaderboard: each whole put right, and how its judges agree with people."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, Max
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext as _

from bench.board import Board, Corrected, JudgeAgreementLine, Row
from bench.corrected_scores import CorrectedCell, corrected_wholes
from bench.judge_agreement import NO_LABEL, agreement_of
from bench.models import HumanLabel, Judge, Run
from bench.run_board import judges_on
from gvsir.models import ValueSystem

#: A verdict of another run can change a judge's agreement without a label; it is looked at again after this.
KEPT_SECONDS: Final = 600


def with_people(board: Board, run: Run, system: ValueSystem) -> Board:
    """Return ``board`` with its judges' agreement with people and, on the items' own scale, the corrected wholes.

    One query where nothing has changed; ``key`` then names the labels too. Labels are of an item's own category, so
    boards of other value systems have neither.
    """
    if not board.has_layers:
        return board
    state = HumanLabel.objects.aggregate(n=Count("pk"), last=Max("updated_at"), newest=Max("pk"))
    text = f"{board.key} {state['n']} {state['last']} {state['newest']} {get_language()}"
    key = f"bench.board.people.{hashlib.sha256(text.encode()).hexdigest()}"
    kept: Board | None = cache.get(key)
    if kept is None:
        kept = replace(_asked(board, run, system, has_labels=state["n"] > 0), key=key)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _asked(board: Board, run: Run, system: ValueSystem, *, has_labels: bool) -> Board:
    wholes = corrected_wholes(run, board) if has_labels else {}
    judges = judges_on(run, system)
    labelled: set[int] = set()
    if has_labels:
        path = "task__trial__response__judgements__judge"
        labelled = set(HumanLabel.objects.filter(**{f"{path}__in": judges}).order_by().values_list(path, flat=True))
    return replace(
        board, rows=tuple(replace(row, corrected=_corrected(row, wholes.get(row.model))) for row in board.rows),
        judges=tuple(_line(judge, agreement_of(judge) if judge.pk in labelled else None) for judge in judges),
    )


def _corrected(row: Row, cell: CorrectedCell | None) -> Corrected:
    if cell is None:
        return Corrected(value=None, reason=_("Nobody has labelled an answer of this run."))
    if row.overall.value is None:
        return Corrected(value=None, n_labelled=cell.n_labelled, reason=row.overall.reason)
    if cell.corrected is None or cell.corrected_interval is None:
        return Corrected(value=None, n_labelled=cell.n_labelled, reason=_shown(cell.reason))
    low, high = cell.corrected_interval
    return Corrected(
        value=cell.corrected.value, low=low, high=high, correction=cell.corrected.correction, n_labelled=cell.n_labelled
    )


def _line(judge: Judge, numbers: dict[str, Any] | None) -> JudgeAgreementLine:
    common: dict[str, Any] = {"name": judge.name, "url": judge.get_absolute_url(), "sha256": judge.sha256}
    if not numbers or not numbers["n_labelled"]:
        return JudgeAgreementLine(**common, reason=_shown(NO_LABEL))
    found, bias = numbers["judge_human"], numbers["bias"]
    return JudgeAgreementLine(
        **common, n_labelled=numbers["n_labelled"], kappa=found["kappa"], icc=found["icc"], alpha=found["alpha"],
        mae=found["mae"], bias=bias["value"] if bias else None,
        reason=_shown(numbers["reasons"].get("judge_human.kappa", "")),
    )


def _shown(reason: str) -> str:
    return gettext(reason) if reason else ""
