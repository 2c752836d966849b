"""Judges by rubric: how each is asked, how its reply is read, or how it decides by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bench.scoring import anchored, frameworks, heuristic, judge
from bench.scoring.rubric import ITEM_SYSTEM, Rubric

#: Name in a judge's configuration -> rubric.
RUBRICS: Final[Mapping[str, Rubric]] = {
    heuristic.RUBRIC: Rubric(
        version=heuristic.RUBRIC_VERSION, words=heuristic.WORDS, reading=heuristic.READING, decide=heuristic.judge
    ),
    judge.RUBRIC: Rubric(
        version=judge.RUBRIC_VERSION, words=judge.WORDS, reading=judge.READING, ask=judge.request, read=judge.read_for,
        survives_cut=True,
    ),
    anchored.RUBRIC: anchored.ANCHORED,
    **frameworks.RUBRICS,
}
#: What a judge's name begins with on a command line -> rubric.
RUBRIC_NAMES: Final[Mapping[str, str]] = {
    "published": judge.RUBRIC,
    "anchored": anchored.RUBRIC,
    **{framework: frameworks.rubric_name(framework) for framework in frameworks.FRAMEWORKS},
}
#: The same of rubrics that ask for one dimension of a framework alone, to check its judge: ``schwartz/power``.
CHECK_NAMES: Final[Mapping[str, str]] = {
    frameworks.short_name(framework, key): frameworks.rubric_name(framework, key)
    for framework in frameworks.FRAMEWORKS for key in frameworks.dimension_keys(framework)
}
#: Both: every word that can stand before a judge's name.
JUDGE_PREFIXES: Final[Mapping[str, str]] = {**RUBRIC_NAMES, **CHECK_NAMES}
__all__ = ["CHECK_NAMES", "ITEM_SYSTEM", "JUDGE_PREFIXES", "RUBRICS", "RUBRIC_NAMES", "Rubric"]
