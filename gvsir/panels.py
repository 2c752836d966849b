"""What higher apps know of a record, shown on a lower app's page without the lower one importing them.

A panel is a template and a function that fills it; ``apps.ready()`` of the higher app registers it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A part of a page: ``context(record, request)`` returns what ``template`` needs, None for nothing."""

    order: int
    template: str
    context: Callable[[Any, Any], dict[str, Any] | None]


_panels: dict[str, list[Panel]] = {}


def register(page: str, panel: Panel) -> None:
    """Add ``panel`` to the page named ``page`` (incident, overview)."""
    _panels.setdefault(page, []).append(panel)
    _panels[page].sort(key=lambda each: each.order)


def filled(page: str, record: Any, request: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return (template, context) of each panel of ``page`` that has something to say on ``record``."""
    result = []
    for panel in _panels.get(page, []):
        context = panel.context(record, request)
        if context is not None:
            result.append((panel.template, context))
    return result
