"""What a page says of a value in its address that nothing here has."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

_LONGEST = 80


def unknown_value(name: str, value: str, known: Iterable[str] = ()) -> str:
    """Return a sentence: the parameter, the value nothing has, and the values there are where they are few."""
    there = ", ".join(known)
    if there:
        return _("The address asks for {name}={value}, which does not exist. There are: {known}.").format(
            name=name, value=value[:_LONGEST], known=there
        )
    return _("The address asks for {name}={value}, which does not exist.").format(name=name, value=value[:_LONGEST])
