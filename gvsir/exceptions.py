"""What can go wrong, one class per cause; pages and the API turn them into plain sentences."""

from __future__ import annotations


class GvsirError(Exception):
    """Something was refused; ``code`` names the cause for programs."""

    code = "refused"


class FormatError(GvsirError):
    """A file is not what it should be.

    Parameters
    ----------
    message : str
        One plain sentence.
    source : str
        The file's name.
    line : int, optional
        Line (or record) number, from 1.
    field : str, optional
        The field, column or key.
    """

    code = "bad_format"

    def __init__(self, message: str, *, source: str, line: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.line = line
        self.field = field

    def __str__(self) -> str:
        """Return the message behind its place: file, line, field."""
        place = self.source
        if self.line is not None:
            place += f", line {self.line}"
        if self.field is not None:
            place += f", field {self.field}"
        return f"{place}: {self.message}"


class InvalidTransitionError(GvsirError):
    """A state does not allow this change."""

    code = "invalid_transition"


class PermissionRefusedError(GvsirError):
    """The actor's role does not allow this action."""

    code = "permission_denied"


class ImmutableRecordError(GvsirError):
    """A record that others rest on may not change."""

    code = "immutable"


class UndefinedStatisticError(GvsirError):
    """A statistic has no value for these data; the message says why."""

    code = "undefined_statistic"
