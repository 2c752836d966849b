"""The three accounts of a demonstration database; they exist nowhere else."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from gvsir.exceptions import GvsirError
from gvsir.models import Coder, LogEntry
from gvsir.permissions import ROLES


class DemoAccount(NamedTuple):
    """Name, password and role of a demo account."""

    username: str
    password: str


DEMO_ACCOUNTS = tuple(DemoAccount(role, f"{role}-of-the-demo") for role in ROLES)
_MARK = "demo.accounts"


class DemoRefusedError(GvsirError):
    """The database belongs to somebody: a demonstration is not built into it."""

    code = "not_a_demo_database"


def is_demo_database() -> bool:
    """Return whether the demo accounts were made here."""
    return LogEntry.objects.filter(action=_MARK).exists()


@transaction.atomic
def make_demo_accounts() -> dict[str, Any]:
    """Return the demo accounts by role, made on the first call.

    Raises
    ------
    DemoRefusedError
        The database has accounts, and none of the demonstration's.
    """
    user_model = get_user_model()
    if not is_demo_database():
        if user_model.objects.exists():
            raise DemoRefusedError(
                "This database has accounts of its own, so no demonstration is built into it. "
                "Set GVSIR_DATABASE_URL to a database that does not exist yet."
            )
        for account in DEMO_ACCOUNTS:
            user = user_model.objects.create_user(account.username, password=account.password)
            user.groups.add(Group.objects.get_or_create(name=account.username)[0])
            Coder.objects.create(key=account.username, name=account.username, kind=Coder.Kind.PERSON, user=user)
            LogEntry.objects.record(user, _MARK, actor=None, reason="account of a demonstration database")
    return {account.username: user_model.objects.get(username=account.username) for account in DEMO_ACCOUNTS}
