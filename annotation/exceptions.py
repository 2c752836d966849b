"""What coding can refuse, one class per cause."""

from __future__ import annotations

from gvsir.exceptions import GvsirError


class OffsetError(GvsirError):
    """An offset lies outside the text, or inside a character."""

    code = "bad_offset"


class QuoteMismatchError(GvsirError):
    """The passage that was sent is not what stands at its offsets; nothing was kept."""

    code = "quote_mismatch"


class NotCodableError(GvsirError):
    """What was asked does not fit this codebook, document or category list."""

    code = "not_codable"


class IncompleteAssignmentError(GvsirError):
    """A document can't be handed in yet; the message says what is missing."""

    code = "incomplete"
