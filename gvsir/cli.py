"""The console script ``gvsir``: Django's command line with this project's settings."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command named in ``sys.argv``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gvsir.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
