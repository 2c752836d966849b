"""Judges by rubric: how each is asked, how its reply is read, or how it decides by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bench.scoring import heuristic, judge
from bench.scoring.case import JudgeCase, Verdict
from bench.specs import Message


@dataclass(frozen=True, kw_only=True)
class Rubric:
    """A versioned way of judging: either ``decide`` in this process, or ``ask`` a model and ``read`` its reply."""

    version: int
    decide: Callable[[JudgeCase], Verdict] | None = None
    ask: Callable[[JudgeCase, str], list[Message]] | None = None
    read: Callable[[str], Verdict] | None = None


RUBRICS: Final[Mapping[str, Rubric]] = {
    heuristic.RUBRIC: Rubric(version=heuristic.RUBRIC_VERSION, decide=heuristic.judge),
    judge.RUBRIC: Rubric(version=judge.RUBRIC_VERSION, ask=judge.request, read=judge.read_verdict),
}
