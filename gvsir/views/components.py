"""Every component of the stylesheet on one page, in debug mode only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def components(request: HttpRequest) -> HttpResponse:
    """Show each component once."""
    return render(request, "gvsir/components.html")
