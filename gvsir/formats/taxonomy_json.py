"""Taxonomies written as JSON: a list of records, each with its namespace and the fields it asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from gvsir.exceptions import FormatError

LONGEST_KEY: Final = 200
LONGEST_TYPE: Final = 40
_ROOM_FOR_A_NUMBER: Final = 5  # behind a key met before: " (2)"


@dataclass(frozen=True, kw_only=True)
class FieldDefinition:
    """One field of a taxonomy."""

    key: str
    name: str
    description: str = ""
    display_type: str = "string"
    permitted_values: tuple[str, ...] = ()
    is_public: bool = True
    is_facet: bool = False


@dataclass(frozen=True, kw_only=True)
class TaxonomyDefinition:
    """A taxonomy with its fields in order."""

    namespace: str
    description: str
    is_automated: bool
    fields: tuple[FieldDefinition, ...]


def read_taxonomies(stream: BinaryIO, *, source: str) -> dict[str, TaxonomyDefinition]:
    """Return the taxonomies of a JSON file by namespace.

    Raises
    ------
    FormatError
        It is not JSON, or not a list of taxonomies; the message says what is wrong with it.
    """
    try:
        return {taxon["namespace"]: _taxonomy(taxon) for taxon in json.load(stream)}
    except KeyError as error:
        raise FormatError(f"This is not a list of taxonomies ({error} is missing).", source=source) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"This is not a list of taxonomies ({error}).", source=source) from error


def has_surrogate(text: str) -> bool:
    """Return whether ``text`` holds half a surrogate pair, which no file or database takes."""
    return any(0xD800 <= ord(character) <= 0xDFFF for character in text)


def _told(record: dict[str, Any], key: str, most: int | None = None) -> str:
    """Return the text under ``key``; "" where there is none.

    Raises
    ------
    ValueError
        It is no text, longer than ``most``, or holds what no text may hold.
    """
    text = record.get(key)
    if text is None:
        return ""
    if not isinstance(text, str) or "\x00" in text or has_surrogate(text):
        raise ValueError(f"{key} is not text")
    if most is not None and len(text) > most:
        raise ValueError(f"{key} has {len(text)} characters; the limit is {most}")
    return text


def _permitted(each: dict[str, Any]) -> tuple[str, ...]:
    values = each.get("permitted_values") or []
    if not isinstance(values, list):
        raise TypeError("permitted_values is not a list")
    return tuple(_told({"permitted_values": str(value)}, "permitted_values") for value in values)


def _taxonomy(taxon: dict[str, Any]) -> TaxonomyDefinition:
    """Return the taxonomy that ``taxon`` describes; raise ValueError, KeyError or TypeError where it does not."""
    keys: dict[str, int] = {}
    fields = []
    if not _told(taxon, "namespace", LONGEST_KEY):
        raise KeyError("namespace")
    for each in taxon["field_list"]:
        name = _told(each, "short_name", LONGEST_KEY - _ROOM_FOR_A_NUMBER)
        if not name:
            raise KeyError("short_name")
        keys[name] = keys.get(name, 0) + 1
        fields.append(
            FieldDefinition(
                key=name if keys[name] == 1 else f"{name} ({keys[name]})",
                name=_told(each, "long_name") or name,
                description=_told(each, "short_description"),
                display_type=_told(each, "display_type", LONGEST_TYPE) or "string",
                permitted_values=_permitted(each),
                is_public=bool(each.get("public", True)),
                is_facet=bool(each.get("instant_facet", False)),
            )
        )
    return TaxonomyDefinition(
        namespace=taxon["namespace"], description=_told(taxon, "description"),
        is_automated=bool(taxon.get("automatedClassifications", False)), fields=tuple(fields),
    )
