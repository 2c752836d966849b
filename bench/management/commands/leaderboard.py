"""``gvsir leaderboard``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench.board import Board, Row
from bench.board_cells import METHODS, SCORE
from bench.board_export import board_json
from bench.leaderboards import SYSTEMS, checked_coverage, find_board
from gvsir.exceptions import FormatError, GvsirError


class Command(BaseCommand):
    """Print the leaderboard of a measurement on a value system."""

    help = (
        "Print the leaderboard of a measurement (a finished run, run-1; or an imported table) on a value system. "
        "A weights file is a JSON object of dimension keys and numbers from 0 up; those not named weigh 1, as on the page, and 0 leaves one out."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        kwargs.setdefault(
            "epilog", "Example: gvsir leaderboard schwartz --measurement value-compass-2025-02 --weights w.json --json"
        )
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("system", choices=SYSTEMS, help="the value system")
        parser.add_argument("--measurement", default="", metavar="KEY", help="which measurement, run-12 or an imported one; the newest if not given")
        parser.add_argument("--weights", type=Path, metavar="FILE", help="JSON file of weights, {\"bias\": 2}; what it does not name weighs 1")
        parser.add_argument(
            "--coverage", default="", metavar="PERCENT",
            help="withhold means with a smaller share of scores (runs; 95 if not given, 0 withholds none)",
        )
        parser.add_argument(
            "--interval", choices=METHODS, default=SCORE,
            help="how intervals of a run are made: score (Bell-McCaffrey in Wilson's form), or a bootstrap over incidents",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compute and print."""
        try:
            weights = _weights(options["weights"]) if options["weights"] else None
            coverage = checked_coverage(options["coverage"])
            board = find_board(
                options["system"], options["measurement"], weights, coverage=coverage, interval=options["interval"]
            )
        except GvsirError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(board_json(board), ensure_ascii=False))
        else:
            self._print(board)

    def _print(self, board: Board) -> None:
        self.stdout.write(f"{board.system_label}: {board.measurement} ({', '.join(board.facts)})")
        if board.release:
            self.stdout.write(f"release {board.release}, SHA-256 {board.release_sha256}, {board.canary}")
        if board.badges:
            self.stdout.write("[" + "] [".join(board.badges) + "]")
        for row in board.rows:
            value = "—" if row.overall.value is None else f"{row.overall.value:.2f}"
            ends = row.overall.interval
            interval = f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else ""
            badges = f" ({', '.join(row.badges)})" if row.badges else ""
            span = f" ({row.rank_range[0]}–{row.rank_range[1]}, tier {row.tier})" if row.rank_range else ""
            why = f"  {row.overall.reason}" if row.overall.value is None else _corrected(row)
            self.stdout.write(f"{row.rank or '—':>4}{span}  {value:>6}{interval}  {row.name}{badges}{why}")


def _corrected(row: Row) -> str:
    found = row.corrected
    if found is None or found.value is None or found.interval is None:
        return ""
    low, high = found.interval
    return f"  by {found.n_labelled} labels of people {found.value:.2f} [{low:.2f}, {high:.2f}]"


def _weights(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"The file cannot be read ({error.strerror}).", source=path.name) from error
    except ValueError as error:
        raise FormatError(f"This is not JSON in UTF-8 ({error}).", source=path.name) from error
    if not isinstance(data, dict) or not data:
        raise FormatError("A JSON object of dimension keys and numbers is expected.", source=path.name)
    return data
