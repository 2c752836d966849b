"""``gvsir import_incidents``."""

from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gvsir.actions.ingest_incidents import FORMATS, IngestSummary
from gvsir.exceptions import FormatError, GvsirError

EXAMPLES = """Examples:
  gvsir import_incidents --format aiid --dry-run fixtures/incidents/aiid
  gvsir import_incidents --format aiid --json mongodump_full_snapshot.tar.bz2"""


class Command(BaseCommand):
    """Import incidents from a file of another repository."""

    help = (
        "Import incidents. Format aiid: a folder with the CSV files of an AIID snapshot (plain or .gz), or the "
        "official archive (.tar.bz2). Idempotent. A bad row is rejected and listed on standard error as file, "
        "line, field and reason; the good rows go in. Exit 1 if the file cannot be read or nothing was accepted."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with examples."""
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("path", type=Path, help="file or folder")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS), help="what the file is")
        parser.add_argument("--dry-run", action="store_true", help="check and count, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and print a summary."""
        action = FORMATS[options["format"]]
        try:
            with _progress() as progress:
                summary = action(options["path"], dry_run=options["dry_run"], progress=progress)
        except GvsirError as error:
            if options["json"]:
                refused = IngestSummary(is_dry_run=options["dry_run"])
                refused.errors += [error] if isinstance(error, FormatError) else []
                self.stdout.write(json.dumps(refused.as_json(), ensure_ascii=False))
            raise CommandError(f"{error} Nothing was imported.", returncode=1) from error
        for rejected in summary.errors:
            self.stderr.write(str(rejected))
        if options["json"]:
            self.stdout.write(json.dumps(summary.as_json(), ensure_ascii=False))
        else:
            self._print(summary)
        if not summary.accepted:
            raise CommandError("No incident was accepted; nothing was imported.", returncode=1)

    def _print(self, summary: IngestSummary) -> None:
        counts = summary.classifications
        for warning in summary.warnings:
            self.stderr.write(f"warning: {warning}")
        self.stdout.write(
            f"{'Would import' if summary.is_dry_run else 'Imported'}: {summary.created:,} incidents created, "
            f"{summary.updated:,} updated, {summary.unchanged:,} unchanged.\n"
            f"Classifications: {counts.created:,} created, {counts.updated:,} updated, "
            f"{counts.unchanged:,} unchanged.\n"
            f"Duplicates redirected: {summary.duplicates} ({summary.redirects} new). "
            f"New report numbers: {summary.reports:,}.\n"
            f"Rejected rows: {summary.rejected}. Warnings: {len(summary.warnings)}."
        )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """Show a bar with the time left on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda step, done, total: bar.update(task, description=step, completed=done, total=total)
