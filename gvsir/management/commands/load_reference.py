"""``gvsir load_reference``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gvsir.actions.load_reference import load_reference
from gvsir.exceptions import GvsirError


class Command(BaseCommand):
    """Load value systems, lifecycle stages and the three groups."""

    help = (
        "Load the reference data in fixtures/reference: GVS-Scale, Schwartz's values, moral foundations, "
        "LLM-unique values, SALAD taxonomy, lifecycle stages; and make the groups annotator, curator and "
        "researcher. Idempotent; a changed fixture makes a new version and leaves the old one."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        kwargs.setdefault("epilog", "Example:\n  gvsir load_reference --dry-run --json")
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--dry-run", action="store_true", help="count what would change, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print a summary."""
        try:
            summary = load_reference(dry_run=options["dry_run"])
        except GvsirError as error:
            raise CommandError(str(error), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(summary._asdict()))
            return
        done = "Would load" if options["dry_run"] else "Loaded"
        self.stdout.write(
            f"{done} reference data: {summary.created} created, {summary.updated} updated, "
            f"{summary.unchanged} unchanged."
        )
