"""``gvsir worker``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bench.management.stopping import stop_on_signals
from bench.worker import work
from gvsir.celery_queue import why_unusable


class Command(BaseCommand):
    """Execute waiting runs."""

    requires_system_checks: list[str] = []  # they load every page and its statistics
    help = (
        "Execute queued runs, and runs whose process died, oldest first, until stopped. On PostgreSQL any number of "
        "workers, on any number of machines, share a run: each takes calls that nobody holds, places at each endpoint "
        "and the run's budget are divided among them, and the last one to finish scores the run. A worker that is "
        "killed loses at most the calls on their way; the others, or the next one, go on once its lease has ended "
        "(at once on the same machine). A worker that is stopped gives back what it holds. A run that gvsir bench_run "
        "executes is left to it. On SQLite one worker at a time does a run. GVSIR_QUEUE says how a worker learns that "
        "a run waits: database and inline, it looks at the table of runs twice a second; celery, it is a Celery "
        "worker of the broker in GVSIR_BROKER_URL, and looks at the table every 20 s besides."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with an example."""
        return super().create_parser(
            prog_name, subcommand, epilog="Examples:\n  gvsir worker\n  gvsir worker --once",
            formatter_class=RawDescriptionHelpFormatter, **kwargs,
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("--once", action="store_true", help="end when no run waits; looks at the table, whatever the queue")
        parser.add_argument("--json", action="store_true", help="print one JSON object at the end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work."""
        def say(text: str) -> None:
            if not options["json"]:
                self.stdout.write(text)

        if settings.QUEUE == "celery" and not options["once"]:
            self._serve_celery(as_json=options["json"])
            return
        with stop_on_signals() as stop:
            count = work(stop=stop, once=options["once"], say=say)
        if options["json"]:
            self.stdout.write(json.dumps({"runs": count}))
        else:
            self.stdout.write(f"{count} runs executed.")

    def _serve_celery(self, *, as_json: bool) -> None:
        if problem := why_unusable(settings.BROKER_URL):
            raise CommandError(problem)
        from bench.celery_worker import serve

        if not as_json:
            self.stdout.write("Waiting for bells from the broker; Ctrl-C ends in good order.")
            self.stdout.flush()
        status = serve()
        if as_json:
            self.stdout.write(json.dumps({"runs": None, "queue": "celery"}))
        if status:
            raise CommandError(f"The Celery worker ended with {status}.")
