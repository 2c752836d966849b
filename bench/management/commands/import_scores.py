"""``gvsir import_scores``."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench.actions.import_scores import FORMATS, import_scores
from gvsir.exceptions import GvsirError


class Command(BaseCommand):
    """Import a published measurement as a read-only, attributed leaderboard."""

    help = (
        "Import a published measurement as a read-only, clearly attributed leaderboard. "
        "A second import of the same numbers changes nothing; other numbers under the same key are refused."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        kwargs.setdefault(
            "epilog", "Example: gvsir import_scores --format value-compass fixtures/reference/value-compass.json"
        )
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("path", help="the file with the published numbers")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS), help="how the file is laid out")
        parser.add_argument("--dry-run", action="store_true", help="read and check, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and print the summary."""
        try:
            done = import_scores(options["path"], format_=options["format"], dry_run=options["dry_run"])
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(done._asdict()))
            return
        self.stdout.write(f"{done.source}, SHA-256 {done.sha256}" + (" (dry run)" if done.dry_run else ""))
        for each in done.measurements:
            self.stdout.write(
                f"  {each['key']} {each['system']}: {each['models']} models, {each['scores']} scores, {each['status']}"
            )
        self.stdout.write(f"models: {done.models_created} created, {done.models_existing} there already")
