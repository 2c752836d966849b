"""What a release is made of: the canonical JSON of its items, its canary and its SHA-256. No Django here."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from bench.specs import canonical_json, sha256

#: Version of the shape of a release's document.
FORMAT: Final = "gvsir-release/1"
_NAMESPACE: Final = uuid.UUID("6f0c1f5e-5f0b-5d0e-9b7e-1f1d6c8a2a10")


def digest(data: Any) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of ``data`` in UTF-8."""
    return sha256(canonical_json(data))


def canary(name: str, contents: Sequence[dict[str, Any]]) -> str:
    """Return the string that betrays this release in training data.

    It is made from the name and the contents (UUID version 5, RFC 9562), so that making the same release
    again gives the same string, and no other release has it.
    """
    return f"gvsir-canary:{uuid.uuid5(_NAMESPACE, name + digest(list(contents)))}"


def document(*, name: str, contents: Sequence[dict[str, Any]], is_demonstration: bool) -> dict[str, Any]:
    """Return the whole release as plain data; its digest is the release's SHA-256."""
    return {
        "format": FORMAT,
        "name": name,
        "demonstration": is_demonstration,
        "canary": canary(name, contents),
        "items": list(contents),
    }
