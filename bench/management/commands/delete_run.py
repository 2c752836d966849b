"""``gvsir delete_run``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bench.actions.delete_run import delete_run
from bench.models import Run
from gvsir.exceptions import GvsirError


class Command(BaseCommand):
    """Delete a run."""

    requires_system_checks: list[str] = []  # they load every page and its statistics
    help = (
        "Delete a run with its trials, scores and failed calls, and the answers no other run uses. Published "
        "measurements are no runs and stay."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Example:\n  gvsir delete_run 12 --yes",
            formatter_class=RawDescriptionHelpFormatter, **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("run", type=int)
        parser.add_argument("--yes", action="store_true", help="do not ask; without it nothing is deleted")
        parser.add_argument("--keep-answers", action="store_true", help="keep paid answers and verdicts for later runs")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, delete nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete."""
        number, is_dry = options["run"], options["dry_run"]
        if not Run.objects.filter(pk=number).exists():
            raise CommandError(f"There is no run {number}.")
        if not options["yes"] and not is_dry:
            raise CommandError(f"Nothing was deleted. To delete run {number} for ever, add --yes.")
        try:
            with transaction.atomic():
                removed = delete_run(run_id=number, actor=None, keep_answers=options["keep_answers"])
                transaction.set_rollback(is_dry)
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"run": number, "deleted": not is_dry, **removed._asdict()}))
            return
        done = "Would delete" if is_dry else "Deleted"
        self.stdout.write(
            f"{done} run {number}: {removed.trials} trials, {removed.scores} scores, {removed.responses} answers, "
            f"{removed.judgements} verdicts."
        )
