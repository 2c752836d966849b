"""Propose items from the coded incidents of a closed round."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.models import Round
from bench.actions.derive_items import DerivedItems, derive_items
from gvsir.exceptions import GvsirError


class Command(BaseCommand):
    """``gvsir derive_items``."""

    help = (
        "Propose one item for each incident on whose main category the coders of a closed round agree. "
        "Incidents they differ on are listed as waiting for adjudication. Nothing is released unreviewed."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Example: gvsir derive_items --round Demonstration --dry-run", **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("--round", required=True, help="name or number of the round")
        parser.add_argument("--dry-run", action="store_true", help="say what would be derived, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Derive and print the summary."""
        name = options["round"]
        found = Round.objects.filter(name=name).first()
        if found is None and name.isdecimal():
            found = Round.objects.filter(pk=int(name)).first()
        if found is None:
            raise CommandError(f"There is no round {name!r}.")
        try:
            summary = derive_items(round_id=found.pk, dry_run=options["dry_run"])
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(summary.as_json(), ensure_ascii=False))
        else:
            self._print(summary)

    def _print(self, summary: DerivedItems) -> None:
        would = "would be proposed" if summary.dry_run else "proposed"
        self.stdout.write(f"Round {summary.round}, templates {summary.template}")
        self.stdout.write(f"{len(summary.created)} items {would}, {len(summary.existing)} were there already")
        self.stdout.write(f"{len(summary.waiting)} incidents wait for adjudication")
        for each in summary.waiting:
            votes = ", ".join(f"{coder}: {category}" for coder, category in each.categories.items())
            self.stdout.write(f"  {each.incident}: {each.reason} ({votes})")
        for each in summary.incomplete:
            self.stdout.write(f"  {each.incident} left out: {each.reason}")
