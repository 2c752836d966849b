"""``gvsir export_labels``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench.actions.import_labels import find_sample
from bench.formats.label_csv import write_labels
from bench.label_sheet import sheet_rows
from gvsir.exceptions import GvsirError
from gvsir.models import Coder


class Command(BaseCommand):
    """Write a rating sheet."""

    help = (
        "Write the responses of a sample as a CSV rating sheet. It names neither judges nor models nor other raters; "
        "with --rater it holds that person's labels."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Example: gvsir export_labels run-3-sample-1 sheet.csv", **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("sample", help="name or number of the sample")
        parser.add_argument("path", help="the file to write")
        parser.add_argument("--rater", default="", help="key of the person whose labels are filled in")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the sheet."""
        try:
            sample = find_sample(options["sample"])
        except GvsirError as error:
            raise CommandError(str(error)) from error
        rater = None
        if options["rater"]:
            rater = Coder.objects.filter(key=options["rater"]).first()
            if rater is None:
                raise CommandError(f"There is no rater {options['rater']!r}.")
        rows = list(sheet_rows(sample, rater=rater))
        try:
            with Path(options["path"]).open("w", encoding="utf-8", newline="") as stream:
                write_labels(rows, stream)
        except OSError as error:
            raise CommandError(f"{options['path']}: cannot be written ({error.strerror}).") from error
        if options["json"]:
            done = {"sample": sample.name, "path": options["path"], "tasks": len(rows)}
            self.stdout.write(json.dumps(done, ensure_ascii=False))
        else:
            self.stdout.write(f"{sample.name}: {len(rows)} responses written to {options['path']}")
