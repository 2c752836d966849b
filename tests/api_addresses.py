"""Every address of the API, read off the resolver, so that no test can forget one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

_NAMED_GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()\\]|\\.|\[[^\]]*\])*\)")
_CONVERTER = re.compile(r"<(?:\w+:)?(\w+)>")
#: Addresses that are not resources.
NOT_RESOURCES = {"api-schema", "api-docs", "api-unknown"}


@dataclass(frozen=True)
class Address:
    """One pattern below /api/v1/: its name, its path with ``{parameters}``, and its view class."""

    name: str
    path: str
    view: Any

    @property
    def is_list(self) -> bool:
        """Whether it takes no parameter."""
        return "{" not in self.path

    def with_id(self, value: str) -> str:
        """Return the path with every parameter set to ``value``."""
        return re.sub(r"\{\w+\}", value, self.path)


def walk(patterns: list[Any], prefix: str = "") -> list[tuple[str, URLPattern]]:
    """Return (whole route, pattern) of everything below ``patterns``."""
    found: list[tuple[str, URLPattern]] = []
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            found += walk(each.url_patterns, route)
        else:
            found.append((route, each))
    return found


def api_addresses(*, resources_only: bool = True) -> list[Address]:
    """Return the addresses below /api/v1/."""
    addresses = []
    for route, pattern in walk(get_resolver().url_patterns):
        if not route.startswith("api/v1/") or (resources_only and pattern.name in NOT_RESOURCES):
            continue
        path = _CONVERTER.sub(r"{\1}", _NAMED_GROUP.sub(r"{\1}", route))
        path = "/" + path.replace("^", "").replace("$", "").replace(r"\Z", "")
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        addresses.append(Address(pattern.name or "", path, view))
    return addresses
