"""``gvsir demo``: the whole chain on real incidents, from nothing, without network or key."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from bench.actions.build_demo import DemoRefusedError, build_demo
from bench.actions.demo_accounts import DEMO_ACCOUNTS


class Command(BaseCommand):
    """Build the demonstration database and serve the site."""

    help = (
        "Create the database, load real incidents, codings and published scores, derive and release a benchmark, "
        "run the baseline policies on it, then serve the site on 127.0.0.1. Changes nothing that is already there."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Add the example to --help."""
        return super().create_parser(
            prog_name,
            subcommand,
            formatter_class=RawDescriptionHelpFormatter,
            epilog="example:\n  gvsir demo --port 8080\n  gvsir demo --no-serve --json",
            **kwargs,
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take --no-serve, --port and --json."""
        parser.add_argument("--no-serve", action="store_true", help="stop after the summary")
        parser.add_argument("--port", type=int, default=8000, help="port to serve on (default 8000)")
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Build, summarise, serve."""
        started = time.monotonic()
        show = sys.stderr.isatty() or not options["json"]

        def say(text: str) -> None:
            if show:
                self.stderr.write(f"  {text}")

        say("database")
        call_command("migrate", verbosity=0)
        try:
            summary = build_demo(say=say)
        except DemoRefusedError as error:
            raise CommandError(str(error)) from error
        seconds = time.monotonic() - started
        address = f"http://127.0.0.1:{options['port']}/"
        if options["json"]:
            self.stdout.write(json.dumps({**summary.as_json(), "seconds": round(seconds, 1), "address": address}))
        else:
            self._print(summary.lines(), seconds, address)
        if not options["no_serve"]:
            self._serve(options["port"])

    def _print(self, lines: list[tuple[str, str]], seconds: float, address: str) -> None:
        self.stdout.write("GVSIR demonstration database\n")
        for label, value in lines:
            self.stdout.write(f"  {label:<24} {value}")
        self.stdout.write("\n  Accounts of this demonstration (name / password):")
        for account in DEMO_ACCOUNTS:
            self.stdout.write(f"    {account.username:<12} {account.password}")
        self.stdout.write(f"\n  Done in {seconds:.0f} s. Address: {address}")

    def _serve(self, port: int) -> None:
        from granian.constants import Interfaces
        from granian.server import Server

        self.stdout.write("  Serving; stop with Ctrl+C.")
        self.stdout.flush()
        server = Server(
            "gvsir.wsgi:application",
            address="127.0.0.1",
            port=port,
            interface=Interfaces.WSGI,
            workers=1,
            blocking_threads=4,
            log_enabled=settings.DEBUG,
        )
        server.serve()
