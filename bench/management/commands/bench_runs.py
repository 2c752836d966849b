"""``gvsir bench_runs``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from bench.models import Run


class Command(BaseCommand):
    """List the runs, newest first."""

    requires_system_checks: list[str] = []  # they load every page and its statistics
    help = "List the runs, newest first."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Example:\n  gvsir bench_runs --json",
            formatter_class=RawDescriptionHelpFormatter, **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the list."""
        runs = [_row(run) for run in Run.objects.select_related("release").prefetch_related("language_models", "judges")]
        if options["json"]:
            self.stdout.write(json.dumps({"runs": runs}, ensure_ascii=False))
            return
        if not runs:
            self.stdout.write("There is no run yet. Make one with: gvsir bench_run RELEASE --model NAME --judge NAME")
        for row in runs:
            self.stdout.write(
                f"{row['run']:>5}  {row['status']:<9}  {row['created'][:16]}  {row['release']}  "
                f"{', '.join(row['models'])}  judged by {', '.join(row['judges'])}"
            )


def _row(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "release": run.release.name,
        "status": run.status,
        "created": run.created_at.isoformat(),
        "started": run.started_at.isoformat() if run.started_at else None,
        "finished": run.finished_at.isoformat() if run.finished_at else None,
        "models": [model.name for model in run.language_models.all()],
        "judges": [judge.name for judge in run.judges.all()],
        "spec_sha256": run.spec_sha256,
        "demonstration": run.is_demonstration,
    }
