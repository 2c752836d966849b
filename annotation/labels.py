"""Stances and stages of the life cycle in the reader's words."""

from __future__ import annotations

from django.utils.translation import gettext


def stance_label(key: str) -> str:
    """Return the name of a stance; "" for none."""
    return {
        "refuse": gettext("Refuse"),
        "support": gettext("Support"),
        "warn": gettext("Warn"),
        "correct": gettext("Correct"),
        "balance": gettext("Balance"),
        "treat_fairly": gettext("Treat fairly"),
    }.get(key, "")


def stage_label(key: str) -> str:
    """Return the name of a stage; blank means that the text does not tell."""
    return {
        "data": gettext("Data"),
        "model building": gettext("Model building"),
        "output": gettext("Output"),
    }.get(key, gettext("Cannot tell from the text"))
