"""The console script ``gvsir``: Django's command line with this project's settings, and its exit codes.

0 done, 1 the input or state was refused, 2 wrong usage, 141 nobody reads the output any more; what was refused
stands on standard error.
"""

from __future__ import annotations

import os
import sys
from typing import Final

#: What a shell says of a program that wrote to a pipe nobody read any more (128 + SIGPIPE).
_READER_LEFT: Final = 141


def main() -> None:
    """Run the command named in ``sys.argv``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gvsir.settings")
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError, ProgrammingError
    from environs import EnvError

    try:
        _refuse_unknown_command()
    except EnvError as error:
        sys.exit(f"gvsir: {error}")
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has had enough. What is still buffered goes nowhere, or Python complains as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_READER_LEFT)
    except (OperationalError, ProgrammingError) as error:
        advice = _advice(error)
        if advice is None or "--traceback" in sys.argv:
            raise
        sys.exit(f"gvsir: {advice}")


def _refuse_unknown_command() -> None:
    """Leave with 2 where the command does not exist; Django itself leaves with 1."""
    import django
    from django.core.management import get_commands

    django.setup()
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if not name.startswith("-") and name not in {"help", "version"} and name not in get_commands():
        sys.stderr.write(f"gvsir: there is no command {name!r}; gvsir help lists them.\n")
        sys.exit(2)


def _advice(error: Exception) -> str | None:
    """Return what to do about a database that is not there or has no tables yet; None for any other error."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.utils import DatabaseError

    connection.close()
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return f"The database cannot be used ({str(error).strip()}). GVSIR_DATABASE_URL names it."
    if waiting:
        return "The database lacks tables of this version. Run `gvsir migrate`, or `gvsir demo` for a new one."
    return None
