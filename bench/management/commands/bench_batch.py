"""``gvsir bench_batch``."""

from __future__ import annotations

import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from bench.actions.batch_work import batch_work
from bench.actions.import_batch import BatchImport, import_batch
from bench.actions.submit_batches import (
    abandon_batches,
    collect_batches,
    open_batches,
    parts_of,
    submit_batches,
    what_did_not_fit,
)
from bench.models import Run
from gvsir.exceptions import GvsirError

_EXAMPLE = """Examples:
  gvsir bench_run my-release --model m@https://api.openai.com/v1 --judge heuristic --hold
  gvsir bench_batch 12 --submit
  gvsir bench_batch 12 --collect
  gvsir bench_batch 12 --export requests.jsonl
  gvsir bench_batch 12 --import replies.jsonl errors.jsonl"""


class Command(BaseCommand):
    """Send what a run lacks through a batch API."""

    help = (
        "Send the answers and verdicts that a run lacks through a provider's batch API (OpenAI batch JSONL), by file or "
        "directly. Verdicts can be asked for when the answers are in: submit again. A file may be read in twice."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser, with examples."""
        return super().create_parser(
            prog_name, subcommand, epilog=_EXAMPLE, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("run", type=int)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--export", metavar="OUT.jsonl", help="write the requests; a file for each model")
        what.add_argument("--import", nargs="+", dest="replies", metavar="IN.jsonl", help="read replies in")
        what.add_argument("--submit", action="store_true", help="upload and start batches at the endpoints")
        what.add_argument("--collect", action="store_true", help="read in the batches that are over")
        what.add_argument("--abandon", action="store_true", help="cancel the batches that are not read in")
        parser.add_argument("--dry-run", action="store_true", help="with --export: count, write nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the five."""
        run = Run.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(f"There is no run {options['run']}.")
        try:
            if options["export"]:
                found = self._export(run, Path(options["export"]), is_dry=options["dry_run"])
            elif options["replies"]:
                found = self._import(run, [Path(each) for each in options["replies"]])
            elif options["submit"]:
                batches = submit_batches(run=run, actor=None)
                found = {"batches": [{"batch": each.batch_id, "calls": each.requests} for each in batches]}
            elif options["abandon"]:
                found = {"abandoned": [each.batch_id for each in abandon_batches(run=run, actor=None)]}
            else:
                brought, waiting = collect_batches(run=run, actor=None)
                found = brought.as_json() | {"waiting": [each.batch_id for each in waiting]}
        except (GvsirError, OSError) as error:
            raise CommandError(str(error)) from error
        run.refresh_from_db()
        self._print({"run": run.pk, "status": run.status} | found, run, as_json=options["json"])
        if found.get("errors"):
            raise CommandError(f"{len(found['errors'])} lines could not be used; the others are in.")

    def _export(self, run: Run, path: Path, *, is_dry: bool) -> dict[str, Any]:
        if open_batches(run).exists():
            raise CommandError(f"Run {run.pk} waits for batches; collect them first: gvsir bench_batch {run.pk} --collect")
        files = []
        with batch_work(run, actor=None) as work:
            with transaction.atomic():
                parts = parts_of(work)
                kept = what_did_not_fit(work, parts)
                if is_dry:
                    transaction.set_rollback(True)
            for number, part in enumerate(parts, start=1):
                name = path if len(parts) == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
                files.append({"path": str(name), "model": part.language_model.name, "calls": len(part.lines)})
                if not is_dry:
                    name.write_text("\n".join(part.lines) + "\n", encoding="utf-8")
            if not is_dry:
                work.reason = (
                    f"Waiting for the replies to {sum(len(part.calls) for part in parts)} calls in files. Read them in "
                    f"with: gvsir bench_batch {run.pk} --import FILE {kept}"
                ).strip()
        return {"files": files}

    def _import(self, run: Run, paths: list[Path]) -> dict[str, Any]:
        found = BatchImport()
        with batch_work(run, actor=None) as work:
            for path in paths:
                with path.open(encoding="utf-8") as lines:
                    import_batch(work, lines, source=path.name, found=found)
            work.reason = (
                f"{len(work.calls)} calls are missing. Write them to a file with: gvsir bench_batch {run.pk} --export FILE"
            )
        return found.as_json()

    def _print(self, found: dict[str, Any], run: Run, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
            return
        self.stdout.write(f"Run {run.pk}: {run.status}. {run.status_reason}")
        for each in found.get("files", []):
            self.stdout.write(f"  {each['path']}: {each['calls']} calls to {each['model']}")
        for each in found.get("batches", []):
            self.stdout.write(f"  {each['batch']}: {each['calls']} calls")
        if "recorded" in found:
            self.stdout.write(
                f"  {found['recorded']} replies recorded ({found['failed']} of them without an answer), "
                f"{found['known']} known already"
            )
        for what, words in (("waiting", "not over yet"), ("abandoned", "given up")):
            for batch in found.get(what, []):
                self.stdout.write(f"  {batch}: {words}")
        for error in found.get("errors", []):
            field = f"{error['field']}: " if error["field"] else ""
            self.stderr.write(f"  {error['source']}:{error['line']}: {field}{error['message']}")
