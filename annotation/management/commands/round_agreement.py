"""Print how far the coders of a round agree."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotation.agreement.summary import AlphaSummary
from annotation.models import Round
from annotation.round_agreement import RESAMPLES, SEED, RoundAgreement, agreement_of_round
from gvsir.exceptions import GvsirError

EXAMPLES = """Examples:
  gvsir round_agreement Demonstration
  gvsir round_agreement Demonstration --json --resamples 5000"""


class Command(BaseCommand):
    """Krippendorff's alpha of a closed round, pooled and per category."""

    help = (
        "Print how far the coders of a closed round agree: Krippendorff's alpha with a bootstrap interval, for the main "
        "category, each category, the stance and the stage of the life cycle. Exit 1 if the round is open or unknown."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with examples."""
        kwargs.setdefault("formatter_class", RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the round, by name or number."""
        parser.add_argument("round", help="name or number of the round")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")
        parser.add_argument("--resamples", type=int, default=RESAMPLES, help="bootstrap resamples (default %(default)s)")
        parser.add_argument("--seed", type=int, default=SEED, help="seed of the bootstrap (default %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find the round and print."""
        named = options["round"]
        found = Round.objects.select_related("codebook").filter(name=named).first()
        if found is None and named.isdecimal():
            found = Round.objects.select_related("codebook").filter(pk=int(named)).first()
        if found is None:
            raise CommandError(f"There is no round {named}.")
        if options["resamples"] < 1:
            raise CommandError("--resamples must be 1 or more.", returncode=2)
        try:
            agreement = agreement_of_round(found, resamples=options["resamples"], seed=options["seed"])
        except GvsirError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(agreement.as_json(), ensure_ascii=False) if options["json"] else _text(agreement)
        )


def _text(agreement: RoundAgreement) -> str:
    lines = [
        f"Round {agreement.round.name} ({agreement.round.get_origin_display()}), codebook {agreement.round.codebook}",
        f"Coders: {', '.join(coder.name for coder in agreement.coders)}",
        f"Main category: {_one(agreement.main)}",
        f"Stance: {_one(agreement.stance)}",
        f"Stage of the life cycle: {_one(agreement.lifecycle)}",
        "Per category, as the main one (this one or another):",
        *(f"  {each.category.name}: {_one(each.as_main)}" for each in agreement.categories),
        f"Documents with different main categories: {len(agreement.disagreements)}",
    ]
    return "\n".join(lines)


def _one(summary: AlphaSummary) -> str:
    if summary.value is None:
        return f"undefined: {summary.undefined_reason}"
    interval = f", 95 % [{summary.interval.low:.3f}, {summary.interval.high:.3f}]" if summary.interval else ""
    raw = "" if summary.raw_agreement is None else f", raw agreement {summary.raw_agreement:.3f}"
    return f"alpha {summary.value:.4f}{interval}, {summary.n_units_used} units{raw}"
