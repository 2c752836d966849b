"""``gvsir sample_labels``."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bench.actions.sample_labels import sample_labels
from bench.labelling import STRATA
from gvsir.exceptions import GvsirError


class Command(BaseCommand):
    """Draw a sample for people to label."""

    help = (
        "Draw a stratified sample of a run's responses for people to label: by GVS category, tercile of the score "
        "and language model. The same seed draws the same responses."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Example: gvsir sample_labels 3 --per-stratum 1 --raters 2 --seed 7", **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("run", type=int, help="number of the run")
        parser.add_argument("--per-stratum", type=int, default=1, help="responses drawn from each stratum (default 1)")
        parser.add_argument("--raters", type=int, default=2, help="people wanted for each response: 2 or 3 (default 2)")
        parser.add_argument("--seed", type=int, default=0, help="repeats the draw (default 0)")
        parser.add_argument("--name", default="", help="name of the sample; default: after the run")
        parser.add_argument(
            "--by", default=",".join(STRATA), help=f"what strata are made of, comma-separated (default {','.join(STRATA)})"
        )
        parser.add_argument(
            "--least-labels", type=int, default=20, help="labelled responses a corrected score needs (default 20)"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be drawn, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Draw and print the summary."""
        is_dry = options["dry_run"]
        try:
            with transaction.atomic():
                sample = sample_labels(
                    run_id=options["run"], per_stratum=options["per_stratum"], raters_per_response=options["raters"],
                    seed=options["seed"], name=options["name"], least_labels=options["least_labels"], actor=None,
                    strata_by=[each.strip() for each in options["by"].split(",") if each.strip()],
                )
                strata = sample.tasks.values("stratum").distinct().count()
                summary = {
                    "sample": sample.name, "id": None if is_dry else sample.pk, "run": sample.run_id,
                    "responses": sample.tasks.count(), "strata": strata, "seed": sample.seed, "dry_run": is_dry,
                }
                transaction.set_rollback(is_dry)
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(summary, ensure_ascii=False))
            return
        drawn = "would be drawn" if is_dry else "drawn"
        self.stdout.write(
            f"{summary['sample']}: {summary['responses']} responses {drawn} from {strata} strata of run {sample.run_id}, "
            f"seed {sample.seed}"
        )
