"""``gvsir worker``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from bench.management.stopping import stop_on_signals
from bench.worker import work


class Command(BaseCommand):
    """Execute waiting runs."""

    requires_system_checks: list[str] = []  # they load every page and its statistics
    help = (
        "Execute queued runs, and runs whose process died, oldest first, until stopped. A run is executed by one "
        "process at a time."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Example:\n  gvsir worker --once",
            formatter_class=RawDescriptionHelpFormatter, **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("--once", action="store_true", help="end when no run waits")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work."""
        def say(text: str) -> None:
            if not options["json"]:
                self.stdout.write(text)

        with stop_on_signals() as stop:
            count = work(stop=stop, once=options["once"], say=say)
        if options["json"]:
            self.stdout.write(json.dumps({"runs": count}))
        else:
            self.stdout.write(f"{count} runs executed.")
