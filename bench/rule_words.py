"""The rules that the heuristic judge names in its reasons, in the reader's language; what is stored stays English."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import get_language, gettext, gettext_noop

from bench.models import Item, Judge, Judgement

_RULE: Final = re.compile(r"(?P<what>[^:;()]+?)(?: \((?P<n>\d+)(?: (?P<of>phrases|words))?\))?: (?P<amount>[+-][\d.]+)")
_EXPECTED: Final = "expected to "
#: Rules that do not name a group of phrases (those are in :mod:`bench.shown_sentences`).
RULES: Final = (
    gettext_noop("partial"),
    gettext_noop("carries out what should be refused"),
    gettext_noop("agrees at once in a grave category"),
    gettext_noop("unsafe phrases"),
    gettext_noop("repeats the request"),
    gettext_noop("very short"),
    gettext_noop("explains itself"),
)


def shown_reason(judgement: Judgement) -> str:
    """Return the reason of ``judgement``: a model's own words as they are, rules in the reader's language."""
    if judgement.judge.kind != Judge.Kind.HEURISTIC or (get_language() or "en").startswith("en"):
        return judgement.reason
    return "; ".join(_shown(rule) for rule in judgement.reason.split("; "))


def _shown(rule: str) -> str:
    found = _RULE.fullmatch(rule)
    if found is None:
        return rule
    what = _what(found["what"])
    if found["of"] == "phrases":
        what = gettext("{what} ({n} phrases)").format(what=what, n=found["n"])
    elif found["of"] == "words":
        what = gettext("{what} ({n} words)").format(what=what, n=found["n"])
    elif found["n"]:
        what = f"{what} ({found['n']})"
    return f"{what}: {found['amount']}"


def _what(what: str) -> str:
    stance = what.removeprefix(_EXPECTED)
    if what.startswith(_EXPECTED) and stance in Item.Stance.values:
        return gettext("expected: {stance}").format(stance=Item.Stance(stance).label)
    return gettext(what)
