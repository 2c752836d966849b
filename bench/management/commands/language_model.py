"""``gvsir language_model``."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bench.actions.describe_language_model import DESCRIBABLE, describe_language_model
from bench.actions.register_language_model import register_language_model
from bench.files.kinds import OUTPUTS
from bench.models import LanguageModel
from gvsir.exceptions import GvsirError

_EXAMPLE = """Example:
  gvsir language_model gpt-5.2@https://api.openai.com/v1 --input-price 1.25 --output-price 10 --concurrency 50
  gvsir language_model replay:answers.jsonl"""

#: Options that endpoints want as numbers.
_NUMBERS = frozenset({"speed", "seed", "fps"})


class Command(BaseCommand):
    """Register a model and say what is known of it."""

    help = (
        "Register a model (MODEL@BASE_URL[#VARIABLE], or replay:FILE.jsonl[#WHO_ANSWERED] for recorded responses) "
        "or change what is known of it: prices, which a budget needs, the "
        "most calls at once, family and maker. Prints what is on record."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog=_EXAMPLE, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("name", help="a registered name, MODEL@BASE_URL[#VARIABLE], or replay:FILE.jsonl[#WHO_ANSWERED]")
        parser.add_argument("--input-price", type=_amount, metavar="USD", help="for a million prompt tokens")
        parser.add_argument("--output-price", type=_amount, metavar="USD", help="for a million answer tokens")
        parser.add_argument(
            "--output", choices=OUTPUTS, help="what it produces; images, speech and videos have endpoints of their own"
        )
        parser.add_argument(
            "--accepts", metavar="KINDS", help="what it can be shown besides text, with commas: text,image,audio,video"
        )
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE",
            help="how images, speech or videos are made: size=1024x1024, voice=alloy, seconds=4; again for more",
        )
        parser.add_argument(
            "--price-per-output", type=_amount, metavar="USD", help="for one image, speech or video"
        )
        parser.add_argument(
            "--token-limit", choices=LanguageModel.TokenLimit.values,
            help="what its endpoint calls the most tokens of an answer (default max_tokens)",
        )
        parser.add_argument("--concurrency", type=int, dest="max_concurrency", metavar="N", help="most calls at once")
        parser.add_argument("--family", help="its maker's family; no family judges itself alone")
        parser.add_argument("--developer", help="who made it")
        parser.add_argument("--dry-run", action="store_true", help="check and print, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Register, describe, print."""
        facts = {name: options[name] for name in DESCRIBABLE if options.get(name) is not None}
        if options["option"]:
            facts["output_options"] = _options(options["option"])
        try:
            with transaction.atomic():
                language_model = register_language_model(options["name"])
                if facts:
                    language_model = describe_language_model(language_model=language_model, facts=facts, actor=None)
                row = _row(language_model)
                if options["dry_run"]:
                    transaction.set_rollback(True)
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(row, ensure_ascii=False))
            return
        for label, value in row.items():
            if label.startswith("record") and value in (None, ""):
                continue
            self.stdout.write(f"  {label:<20} {'not known' if value in (None, '') else value}")


def _amount(text: str) -> Decimal:
    amount = _number(text)
    if amount is None:
        raise ArgumentTypeError(f"{text!r} is no amount of US dollars, such as 1.25.")
    return amount


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _options(given: list[str]) -> dict[str, str | float]:
    pairs = [each.partition("=") for each in given]
    if wrong := [name for name, equals, value in pairs if not (name and equals and value)]:
        raise CommandError(f"--option is NAME=VALUE, not {wrong[0]!r}.", returncode=2)
    if wrong := [f"{name}={value}" for name, _, value in pairs if name in _NUMBERS and _number(value) is None]:
        raise CommandError(f"--option {wrong[0]}: a number is expected.", returncode=2)
    return {name: float(value) if name in _NUMBERS else value for name, _, value in pairs}


def _row(language_model: LanguageModel) -> dict[str, Any]:
    def price(value: Decimal | None) -> float | None:
        return None if value is None else float(value)

    return {
        "model": language_model.name, "kind": language_model.kind, "recorded_from": language_model.recorded_from,
        "recording_sha256": language_model.recording_sha256,
        "recorded_answers": (
            language_model.recorded_answers.count() if language_model.kind == LanguageModel.Kind.RECORDED else None
        ),
        "base_url": language_model.base_url,
        "key_variable": language_model.key_variable, "family": language_model.family,
        "developer": language_model.developer, "input_price": price(language_model.input_price),
        "output_price": price(language_model.output_price), "concurrency": language_model.max_concurrency,
        "output": language_model.output, "accepts": language_model.accepts,
        "options": language_model.output_options or None,
        "price_per_output": price(language_model.price_per_output), "token_limit": language_model.token_limit,
    }
