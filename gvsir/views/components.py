"""Every component of the stylesheet on one page, in debug mode only."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gvsir.templatetags.gvsir_tags import BADGES


def components(request: HttpRequest) -> HttpResponse:
    """Show each component once, on made-up words."""
    return render(request, "gvsir/components.html", {
        "words": list(BADGES),
        "categories": [_dimension("Category", order) for order in range(1, 13)],
        "layers": [_dimension("Layer", order) for order in range(1, 4)],
        "surfaces": ("paper", "sheet", "wash"),
        "steps": range(1, 8),
        "interval": (7.1, 7.7),
        "page": Paginator(range(60), 25).page(2),
    })


def _dimension(kind: str, order: int) -> Any:
    return SimpleNamespace(order=order, label=f"{kind} {order}")
