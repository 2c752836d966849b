"""Which items a model can be asked: what they want made, what they show, and why one is left out. No Django here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from bench.files.kinds import IMAGE, SPEECH, TEXT, VIDEO, MediaFile, media_file_of

#: Letter of an item's modality -> what a model must produce.
OUTPUT_OF: Final = {"T": TEXT, "I": IMAGE, "A": SPEECH, "V": VIDEO}


class Needs(NamedTuple):
    """What an item asks of a model: to produce ``output``, and to be shown ``files``."""

    output: str
    files: tuple[MediaFile, ...]
    has_lost_files: bool


class LeftOut(NamedTuple):
    """Why a model is not asked an item; the sentence is in :data:`bench.shown_reasons.LEFT_OUT`."""

    reason: str
    wants: str


def needs_of(content: Mapping[str, Any]) -> Needs:
    """Return what the frozen item ``content`` needs; an attachment that only has a name was never stored."""
    letter = str(content.get("modality") or "T")[:1].upper()
    listed = content.get("attachments") or ()
    listed = listed if isinstance(listed, list | tuple) else (listed,)
    found = [media_file_of(each) if isinstance(each, Mapping) else None for each in listed]
    files = tuple(each for each in found if each is not None)
    return Needs(OUTPUT_OF.get(letter, ""), files, len(files) < len(found))


def why_left_out(needs: Needs, *, output: str, accepts: Collection[str]) -> LeftOut | None:
    """Return why a model of this kind is not asked an item with these needs; None where it is.

    Examples
    --------
    >>> why_left_out(Needs("image", (), False), output="text", accepts=["text"])
    LeftOut(reason='produces', wants='image')
    >>> why_left_out(Needs("text", (), False), output="text", accepts=["text"]) is None
    True
    """
    if needs.output != output:
        return LeftOut("produces", needs.output)
    if needs.has_lost_files:
        return LeftOut("not_stored", "")
    for file in needs.files:
        if output != TEXT:  # the endpoints for images, speech and videos are given words only
            return LeftOut("words_only", file.kind)
        if file.kind not in accepts:
            return LeftOut("accepts", file.kind)
    return None
