"""The notes of a codebook in the reader's words: names of categories instead of their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gvsir.models import ValueDimension


def readable_notes(
    notes: Mapping[str, Mapping[str, str]], categories: Iterable[ValueDimension], *, zh: bool
) -> dict[str, dict[str, str]]:
    """Return ``{category key: {"include", "exclude"}}`` in the reader's language.

    A key such as ``disinfo_fraud`` in a note becomes the name of that category; keys without an
    underscore are words of the language as well and stay.
    """
    names = {each.key: each.label for each in categories if "_" in each.key}
    pattern = re.compile("|".join(map(re.escape, names)) or r"(?!)")

    def said(note: Mapping[str, str], kind: str) -> str:
        text = (note.get(f"{kind}_zh") if zh else "") or note.get(kind, "")
        return pattern.sub(lambda found: f"\u201c{names[found.group()]}\u201d", text)

    return {key: {kind: said(note, kind) for kind in ("include", "exclude")} for key, note in notes.items()}
