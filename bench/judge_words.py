"""What a judge judges by, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bench.models import Judge
from bench.scoring import ITEM_SYSTEM, RUBRICS, Rubric, anchored, heuristic
from bench.scoring import judge as published


def rubric_label(judge: Judge) -> str:
    """Return what the rubric of ``judge`` is called in the reader's language."""
    name = str(judge.config.get("rubric", ""))
    labels = {
        published.RUBRIC: _("published GVS-Bench instruction, 0 to 10"),
        anchored.RUBRIC: _("anchored: words for 0, 2, 5, 8 and 10 in each category"),
        heuristic.RUBRIC: _("rules over phrases"),
    }
    if name in labels:
        return labels[name]
    rubric = RUBRICS.get(name)
    if rubric is not None and rubric.alone:
        return _("one dimension of a framework alone, to check a judge; not scored")
    if rubric is not None and rubric.system != ITEM_SYSTEM:
        return _("one reading for a whole framework of values")
    return name


def rubric_words(rubric: Rubric) -> dict[str, Any]:
    """Return the texts of ``rubric`` ready to show: instruction, anchors, stances, dimensions."""
    words = rubric.words
    language = "zh" if (get_language() or "").startswith("zh") else "en"
    framework = words.get("framework", {})
    return {
        "instructions": list(words.get("instruction", {}).items()),
        "anchors": [
            (category["name"][language], [(point, texts[language]) for point, texts in category["anchors"].items()])
            for category in words.get("categories", {}).values()
        ],
        "stances": [
            (stance["name"][language], stance["definition"][language]) for stance in words.get("stances", {}).values()
            if isinstance(stance, dict)
        ],
        "dimensions": [
            (each["name"][language], each["definition"][language]) for each in framework.get("dimensions", [])
        ],
        "directions": [framework[name][language] for name in ("positive", "negative") if name in framework],
        "phrases": [(name, len(patterns)) for name, patterns in words.get("phrases", {}).items()],
    }
