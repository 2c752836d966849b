"""``gvsir import_labels``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench.actions.import_labels import find_sample, import_labels
from gvsir.exceptions import GvsirError


class Command(BaseCommand):
    """Take in a rating sheet."""

    help = (
        "Take in a CSV rating sheet as the labels of one person. All of it or nothing: every row that cannot be used "
        "is named by line and field. Rows without a label are left out; a second import changes nothing."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand,
            epilog="Example: gvsir import_labels run-3-sample-1 sheet.csv --rater rater-a --new-rater 'Rater A'", **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("sample", help="name or number of the sample")
        parser.add_argument("path", help="the sheet")
        parser.add_argument("--rater", required=True, help="key of the person who labelled")
        parser.add_argument("--new-rater", default="", help="name of that person, if the key is new")
        parser.add_argument("--dry-run", action="store_true", help="read and check, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and print the summary."""
        path = Path(options["path"])
        try:
            sample = find_sample(options["sample"])
            with path.open("rb") as stream:
                done = import_labels(
                    sample_id=sample.pk, rater_key=options["rater"], new_rater=options["new_rater"], stream=stream,
                    source=path.name, actor=None, dry_run=options["dry_run"],
                )
        except OSError as error:
            raise CommandError(f"{path.name}: cannot be read ({error.strerror}).") from error
        except ValidationError as error:
            raise CommandError(f"{options['rater']!r} is no key for a rater: letters, digits, - and _ only.") from error
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(done._asdict(), ensure_ascii=False))
            return
        dry = " (dry run)" if done.dry_run else ""
        self.stdout.write(
            f"{done.sample}, {done.rater}: {done.created} created, {done.updated} updated, {done.unchanged} unchanged{dry}"
        )
